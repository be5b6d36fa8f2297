import CLinux
import Glibc
import SystemPackage

/// What the guest has made of the owner and the mode of files that are none of the tree's.
///
/// On the host they stay what they are: all of the guest's users are one there, and what the run was given is the user's.
struct ForeignFiles {
  struct Attributes {
    var uid: UInt32?
    var gid: UInt32?
    var permissions: UInt32?
    var times: (access: timespec, modification: timespec)?
  }

  /// Nobody tells when a pipe is no more. Its number is given to another only after 2^32 others (get_next_ino in fs/inode.c).
  private static let limit = 65536
  private var known: [HostIdentity: Attributes] = [:]
  private var oldest: [HostIdentity] = []
  /// Inode numbers that the guest sees in place of the kernel's, which go on counting from run to run.
  private var numbers: [HostIdentity: UInt64] = [:]
  private var usedNumbers: Set<UInt64> = []

  /// - Parameter make: gives a number that may be another file's.
  mutating func number(of file: HostIdentity, _ make: (_ known: Int) -> UInt64) -> UInt64 {
    if let known = numbers[file] { return known }
    if numbers.count >= Self.limit {
      numbers = [:]
      usedNumbers = []
    }
    var number = make(usedNumbers.count)
    while number == 0 || !usedNumbers.insert(number).inserted { number = (number + 1) & 0x7fff_ffff }
    numbers[file] = number
    return number
  }

  mutating func setNumber(of file: HostIdentity, to number: UInt64) { numbers[file] = number }

  /// What is known of a file; nil if nobody has changed anything.
  func attributes(of file: HostIdentity) -> Attributes? { known.isEmpty ? nil : known[file] }

  mutating func change(_ file: HostIdentity, _ body: (inout Attributes) -> Void) {
    if known[file] == nil {
      if oldest.count >= Self.limit {
        for file in oldest.prefix(Self.limit / 2) { known[file] = nil }
        oldest.removeFirst(Self.limit / 2)
      }
      oldest.append(file)
    }
    body(&known[file, default: Attributes()])
  }

  /// Puts what the guest is to see in place of what the host tells.
  func apply(to status: inout stat, _ file: HostIdentity) {
    guard let own = attributes(of: file) else { return }
    status.st_uid = own.uid ?? status.st_uid
    status.st_gid = own.gid ?? status.st_gid
    if let permissions = own.permissions { status.st_mode = status.st_mode & S_IFMT | permissions }
    status.st_atim = own.times?.access ?? status.st_atim
    status.st_mtim = own.times?.modification ?? status.st_mtim
  }
}

/// A file that is none of the tree's and that the guest may change: a pipe, a socket, a memory file, or what the run was given.
struct ForeignFile {
  var file: FileDescriptor
  var identity: HostIdentity
  /// As the guest sees it.
  var status: stat
  /// It is the user's, and changed for the guest's eyes only.
  var isInherited: Bool
}

// Inode numbers in a run on which every machine is the same.
extension Call {
  /// That of a pipe, a socket, a memory file or what else has no name. It is made of who asks first.
  func uniformNumber(_ status: stat) -> UInt64 {
    let identity = thread.group.identity
    return kernel.foreign.number(of: HostIdentity(status)) { identity?.makeFileNumber() ?? UInt64($0 + 1) }
  }

  /// What was given to the run keeps the number that the host has for it, as the name that it has there.
  func makeUniform(_ result: inout stat, _ status: stat) {
    guard !kernel.inherited.contains(HostIdentity(status)) || [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT),
      status.st_mode & S_IFMT != S_IFCHR
    else { return }
    result.st_ino = numericCast(uniformNumber(status))
    // Numbers of file systems without a device are the kernel's free choice, too.
    let kind = status.st_mode & S_IFMT
    result.st_dev = makeDevice(0, kind == S_IFIFO ? 0x10 : kind == S_IFSOCK ? 0x11 : 0x12)
  }
}

extension Call {
  /// - Throws: what Linux answers for what cannot be changed.
  func changeForeign(
    _ open: OpenObject, _ body: (ForeignFile) throws(Errno) -> Void
  ) throws(Errno) -> Outcome {
    let file = try duplicate(open)
    defer { kernel.descriptors.release(file) }
    let status = try kernel.host.status(of: file)
    if try kernel.descriptors.flags(of: file) & O_PATH_ != 0, case .descriptor = open.link {
      throw .badFileDescriptor
    }
    let identity = HostIdentity(status)
    let isInherited = kernel.inherited.contains(identity)
    switch status.st_mode & S_IFMT {
    case S_IFIFO, S_IFSOCK: break
    // fs/libfs.c, anon_inode_setattr: eventfd(2), epoll(7) and their like.
    case 0: throw .notSupported
    // A file of the user's stays as it is, and what has a name on the host is not the guest's.
    case S_IFREG: guard status.st_nlink == 0, !isInherited else { throw .notPermitted }
    case S_IFCHR: guard isInherited else { throw .notPermitted }
    default: throw .notPermitted
    }
    try body(
      ForeignFile(file: file, identity: identity, status: guestStatus(status), isInherited: isInherited))
    return .value(0)
  }

  /// Whose a pipe is that nobody has given away is known only where there are no two users.
  func knowsOwner(of status: stat) -> Bool {
    !kernel.processes.credentials.hasOthers || kernel.foreign.attributes(of: HostIdentity(status)) != nil
  }

  func setMode(of foreign: ForeignFile, _ mode: UInt32) throws(Errno) {
    try requireOwner(foreign.status.st_uid)
    var mode = mode & 0o7777
    if !credentials.pointee.maySetGroupID(for: foreign.status.st_gid) { mode &= ~0o2000 }
    if foreign.isInherited {
      kernel.foreign.change(foreign.identity) { $0.permissions = mode }
    } else {
      try kernel.host.setMode(of: foreign.file, mode)
    }
  }

  func setOwner(of foreign: ForeignFile, uid: UInt32, gid: UInt32) throws(Errno) {
    try requireMayGive(uid: foreign.status.st_uid, gid: foreign.status.st_gid, toUser: uid, toGroup: gid)
    kernel.foreign.change(foreign.identity) {
      if uid != .max { $0.uid = uid }
      if gid != .max { $0.gid = gid }
    }
  }

  func setTimes(of foreign: ForeignFile, access: timespec, modification: timespec) throws(Errno) {
    guard foreign.isInherited else {
      return try kernel.host.setTimes(of: foreign.file, access: access, modification: modification)
    }
    let now = kernel.host.now()
    func apply(_ time: timespec, _ old: timespec) -> timespec {
      Int(time.tv_nsec) == UTIME_OMIT_ ? old : Int(time.tv_nsec) == UTIME_NOW_ ? now : time
    }
    kernel.foreign.change(foreign.identity) {
      $0.times = (apply(access, foreign.status.st_atim), apply(modification, foreign.status.st_mtim))
    }
  }

  /// chown(2): an owner may only give the file to a group of its own.
  func requireMayGive(uid: UInt32, gid: UInt32, toUser: UInt32, toGroup: UInt32) throws(Errno) {
    let own = credentials
    if own.pointee.has(.changeOwner) { return }
    let user = own.pointee.user.fileSystem
    guard uid == user, toUser == .max || toUser == user, toGroup == .max || toGroup == gid || own.pointee.isIn(toGroup)
    else { throw .notPermitted }
  }
}

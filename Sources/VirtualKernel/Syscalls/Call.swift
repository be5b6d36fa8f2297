import CLinux
import Glibc
import SystemPackage
import Tracing

/// The call that is being decided. There is one, used for every notification, so that none allocates.
final class Call {
  /// Owns this call. A checked reference would count at each use.
  unowned(unsafe) let kernel: VirtualKernel
  /// The kernel's: what is reached through one that is not counted would be counted at each use.
  let files: FileTree
  private(set) var notification = Notification(
    id: 0, thread: AbsTid(rawValue: 0), number: 0, arguments: (0, 0, 0, 0, 0, 0))
  private var currentThread: Thread?
  private let paths: UnsafeMutablePointer<UInt8>
  /// The file that this call has created for the descriptor that it gives out.
  var created = DentryID.none
  /// What the descriptor that this call gives out was opened as.
  var opened: (HostIdentity, DentryID)?

  init(_ kernel: VirtualKernel) {
    self.kernel = kernel
    files = kernel.files
    paths = .allocate(capacity: 2 * Int(PATH_MAX))
  }

  deinit { paths.deallocate() }

  var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) { notification.arguments }
  var thread: Thread { currentThread.unsafelyUnwrapped }
  /// The same, nil before the first call.
  var caller: Thread? { currentThread }
  /// The caller's.
  var credentials: UnsafePointer<Credentials> { files.credentials }

  func begin(_ notification: Notification) throws(Errno) {
    self.notification = notification
    opened = nil
    created = .none
    let thread = try kernel.processes.thread(notification.thread)
    currentThread = thread
    if thread.group.execution != nil { kernel.settleExecution(of: thread.group, caller: thread) }
    // It was born of what its parent runs now.
    if !thread.group.isAnnounced, let parent = kernel.processes.groups[thread.group.parent] {
      kernel.settleExecution(of: parent, caller: nil)
    }
    kernel.events?.beginCall(
      time: notification.time, thread: UInt32(bitPattern: thread.nsID.rawValue), first: notification.firstEvent)
    if !thread.group.isAnnounced { kernel.announce(thread.group) }
    if kernel.reproduction.clock != nil {
      kernel.keepTime(of: thread, at: notification.time, isNew: notification.firstEvent == 0)
    }
    files.events.process = thread.group.number
    files.events.unit = thread.group.unit
    files.credentials = thread.credentials
  }
}

// Guest memory.
extension Call {
  /// What was read from memory counts only while the call still waits.
  private func confirm() throws(Errno) {
    guard kernel.memory.isWaiting(notification.id) else { throw .interrupted }
  }

  func read<Value: BitwiseCopyable>(_ type: Value.Type, at address: UInt64) throws(Errno) -> Value {
    try read(Value.self, at: address, size: MemoryLayout<Value>.size)
  }

  /// Reads the first `size` bytes of a structure; the rest is zero.
  func read<Value: BitwiseCopyable>(
    _ type: Value.Type, at address: UInt64, size: Int
  ) throws(Errno) -> Value {
    let storage = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    defer { storage.deallocate() }
    let bytes = UnsafeMutableRawBufferPointer(start: storage, count: MemoryLayout<Value>.size)
    memset(bytes.baseAddress!, 0, bytes.count)
    let wanted = UnsafeMutableRawBufferPointer(rebasing: bytes.prefix(size))
    guard try kernel.memory.read(thread.id, at: address, into: wanted) == wanted.count else { throw .badAddress }
    try confirm()
    return storage.pointee
  }

  /// Reads a structure that later kernels may make longer: what we do not know of it must be zero.
  func readExtensible<Value: BitwiseCopyable>(
    _ type: Value.Type, at address: UInt64, size: UInt64
  ) throws(Errno) -> Value {
    let known = MemoryLayout<Value>.size
    guard size >= known else { throw .invalidArgument }
    guard size <= 4096 else { throw .init(rawValue: E2BIG) }
    let value = try read(Value.self, at: address)
    let beyond = try readBytes(at: address &+ UInt64(known), count: Int(size) - known)
    guard beyond.allSatisfy({ $0 == 0 }) else { throw .init(rawValue: E2BIG) }
    return value
  }

  func readBytes(at address: UInt64, count: Int) throws(Errno) -> [UInt8] {
    guard count > 0 else { return [] }
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = 0
      do throws(Errno) {
        initialized = try kernel.memory.read(thread.id, at: address, into: UnsafeMutableRawBufferPointer(buffer))
      } catch { failure = error }
    }
    if let failure { throw failure }
    guard bytes.count == count else { throw .badAddress }
    try confirm()
    return bytes
  }

  func write<Value: BitwiseCopyable>(_ value: Value, at address: UInt64) throws(Errno) {
    var failure: Errno?
    withUnsafeBytes(of: value) { bytes in
      do throws(Errno) { try kernel.memory.write(thread.id, at: address, bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func write<Element: BitwiseCopyable>(contentsOf elements: [Element], at address: UInt64) throws(Errno) {
    var failure: Errno?
    elements.withUnsafeBytes { bytes in
      do throws(Errno) { try write(bytes, at: address) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(Errno) {
    guard bytes.count > 0 else { return }
    try kernel.memory.write(thread.id, at: address, bytes)
  }

  /// PATH_MAX bytes for a call that has no path.
  var scratch: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: paths, count: Int(PATH_MAX)) }

  /// Fills memory that is not on the heap.
  func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
    guard buffer.count > 0 else { return }
    guard try kernel.memory.read(thread.id, at: address, into: buffer) == buffer.count else { throw .badAddress }
    try confirm()
  }

  /// Reads a path. `slot` 0 or 1: a call has two paths at most.
  /// - Throws: `.fileNameTooLong` if there is no NUL in PATH_MAX bytes.
  func path(at address: UInt64, slot: Int = 0) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    let buffer = paths + slot * Int(PATH_MAX)
    var filled = 0
    // Most paths are short, and a copy of what follows costs time.
    var chunk = 256
    while filled < Int(PATH_MAX) {
      let wanted = min(chunk, Int(PATH_MAX) - filled)
      let count: Int
      do throws(Errno) {
        count = try kernel.memory.read(
          thread.id, at: address &+ UInt64(filled), into: .init(start: buffer + filled, count: wanted))
      } catch {
        throw error == .noSuchProcess ? .interrupted : .badAddress
      }
      if let end = memchr(buffer + filled, 0, count) {
        try confirm()
        return UnsafeBufferPointer(start: buffer, count: end.assumingMemoryBound(to: UInt8.self) - buffer)
      }
      filled += count
      if count < wanted { throw .badAddress }
      chunk = Int(PATH_MAX)
    }
    throw .fileNameTooLong
  }
}

// Paths and permissions.
extension Call {
  /// Walks a path relative to a directory descriptor or, with AT_FDCWD, the current directory.
  func walk(
    _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ options: WalkOptions = []
  ) throws(Errno) -> WalkResult {
    if path.count == 0, !options.contains(.allowEmpty) { throw .noSuchFileOrDirectory }
    let root = try root()
    var start = root
    if path.first != UInt8(ascii: "/") || options.contains(.inRoot) {
      let allowFile = path.count == 0 && options.contains(.allowEmpty)
      guard let found = try base(directory, allowFile: allowFile) else {
        return WalkResult(
          parent: .none, dentry: .none, name: path, last: .dot, hasTrailingSlash: false,
          openFile: OpenObject(thread.id, .descriptor(Int32(truncatingIfNeeded: directory))))
      }
      start = found
    }
    return try files.walk(self, from: start, root: root, path, options)
  }

  /// The dentry that a relative path starts from, nil for a file that is not of the tree.
  /// - Parameter allowFile: it need not be a directory.
  private func base(_ directory: UInt64, allowFile: Bool) throws(Errno) -> DentryID? {
    let descriptor = Int32(truncatingIfNeeded: directory)
    if descriptor == AT_FDCWD { return try workingDirectory() }
    let status = try kernel.descriptors.status(of: descriptor, in: thread)
    if let dentry = files.objects.dentry(ofSkeletonDirectory: status) { return dentry }
    guard allowFile else { throw .notDirectory }
    return dentry(of: descriptor, status)
  }

  /// The name under which a descriptor's file is known.
  func dentry(of descriptor: Int32, _ status: stat, in group: ThreadGroup? = nil) -> DentryID? {
    if let directory = files.objects.dentry(ofSkeletonDirectory: status) { return directory }
    guard let inode = files.objects.inode(ofOpenFile: status) else {
      return kernel.proc.dentry(ofOpenFile: descriptor, status, group?.id.leader ?? thread.id, self)
    }
    let identity = HostIdentity(status)
    if let hint = (group ?? thread.group).descriptors.dentry(
      descriptor, identity, generation: files.objects.generation),
      files.nodes[hint].pointee.inode == inode
    {
      return hint
    }
    let alias = files.nodes[inode].pointee.firstAlias
    return alias == .none ? nil : alias
  }

  /// Where the caller's absolute paths begin, and above which `..` does not lead.
  func root() throws(Errno) -> DentryID { try root(of: thread.id) }

  func root(of thread: AbsTid) throws(Errno) -> DentryID {
    guard kernel.hasChangedRoots else { return files.root }
    let status = try kernel.descriptors.statusOfRootDirectory(of: thread)
    guard let dentry = files.objects.dentry(ofSkeletonDirectory: status) else { throw .noSuchFileOrDirectory }
    return dentry
  }

  func workingDirectory() throws(Errno) -> DentryID {
    let group = thread.group
    if case .known(let dentry, let generation) = group.workingDirectory, generation == files.objects.generation,
      kernel.remembersFileSystemState
    {
      return dentry
    }
    let status = try kernel.descriptors.statusOfWorkingDirectory(of: thread.id)
    guard let dentry = files.objects.dentry(ofSkeletonDirectory: status) else { throw .noSuchFileOrDirectory }
    switch group.workingDirectory {
    case .changing(let other) where other != thread.id: break
    default:
      if kernel.remembersFileSystemState, !group.sharesFileSystemState {
        group.workingDirectory = .known(dentry, generation: files.objects.generation)
      }
    }
    return dentry
  }

  func umask() throws(Errno) -> UInt32 {
    if let known = thread.group.umask, kernel.remembersFileSystemState, !thread.group.sharesFileSystemState {
      return known
    }
    let umask = try kernel.information.status(of: thread.id).umask
    thread.group.umask = umask
    return umask
  }

  struct Access: OptionSet {
    var rawValue: UInt16
    static let execute = Access(rawValue: 1)
    static let write = Access(rawValue: 2)
    static let read = Access(rawValue: 4)
  }

  /// - Throws: `.permissionDenied` unless the guest's user may do this to the file.
  @inline(__always)
  func require(_ access: Access, _ inode: UnsafeMutablePointer<Inode>) throws(Errno) {
    if credentials.pointee.has(.overrideModes) {
      // path_resolution(7): root may do everything but execute what nobody may.
      if access.contains(.execute), inode.pointee.kind != .directory, inode.pointee.permissions & 0o111 == 0 {
        throw .permissionDenied
      }
      return
    }
    try requireAsUser(access, inode)
  }

  private func requireAsUser(_ access: Access, _ inode: UnsafeMutablePointer<Inode>) throws(Errno) {
    let own = credentials
    if own.pointee.has(.readAnything) {
      if access == .read { return }
      if inode.pointee.kind == .directory, !access.contains(.write) { return }
    }
    try requireAsUser(access, inode.pointee.uid, inode.pointee.gid, inode.pointee.permissions)
  }

  @inline(__always)
  private func requireAsUser(_ access: Access, _ uid: UInt32, _ gid: UInt32, _ permissions: UInt16) throws(Errno) {
    let own = credentials
    let shift: UInt16 = uid == own.pointee.user.fileSystem ? 6 : own.pointee.isIn(gid) ? 3 : 0
    if access.rawValue & ~(permissions >> shift) & 7 != 0 { throw .permissionDenied }
  }

  /// The same for what is none of the tree's, as the guest sees it.
  func require(_ access: Access, _ status: stat) throws(Errno) {
    if credentials.pointee.has(.overrideModes) || access == .read && credentials.pointee.has(.readAnything) { return }
    try requireAsUser(access, status.st_uid, status.st_gid, UInt16(status.st_mode & 0o7777))
  }

  /// Whether the caller may do what a file's owner may (capabilities(7), CAP_FOWNER).
  func owns(_ inode: UnsafeMutablePointer<Inode>) -> Bool {
    credentials.pointee.user.fileSystem == inode.pointee.uid || credentials.pointee.has(.ownAnything)
  }

  /// - Throws: `.notPermitted` unless the guest's user owns the file or is root.
  func requireOwner(_ inode: UnsafeMutablePointer<Inode>) throws(Errno) {
    if !owns(inode) { throw .notPermitted }
  }

  /// - Throws: `.notPermitted` unless the guest's user is this one or root.
  func requireOwner(_ uid: UInt32) throws(Errno) {
    if credentials.pointee.user.fileSystem != uid, !credentials.pointee.has(.ownAnything) { throw .notPermitted }
  }

  /// The existing file at the end of a walk.
  func existing(_ walk: WalkResult) throws(Errno) -> DentryID {
    guard walk.dentry != .none, files.nodes[walk.dentry].pointee.inode != .none else {
      throw .noSuchFileOrDirectory
    }
    return walk.dentry
  }
}

/// Turns work that must be waited for into the outcome of a call that else returns 0.
func outcome(_ work: (any BlockingWork)?) -> Outcome {
  if let work { return .blocked(on: work) }
  return .value(0)
}

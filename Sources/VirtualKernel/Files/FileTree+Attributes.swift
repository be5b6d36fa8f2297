import CLinux
import Glibc
import SystemPackage

extension FileTree {
  /// What stat(2) tells about a file. The inode is loaded.
  /// - Parameter open: what fstat told of an open descriptor to the file, so that the host need not be asked again.
  /// - Parameter isSeen: the caller learns of it.
  func attributes(_ id: InodeID, open: stat? = nil, isSeen: Bool = true) throws(Errno) -> stat {
    let record = nodes[id]
    var result = stat()
    result.st_dev = makeDevice(0, UInt32(0x20 + record.pointee.fileSystem))
    result.st_ino = numericCast(record.pointee.number)
    result.st_mode = record.pointee.mode
    result.st_nlink = numericCast(linkCount(record))
    result.st_uid = record.pointee.uid
    result.st_gid = record.pointee.gid
    result.st_rdev = numericCast(record.pointee.device)
    result.st_blksize = 4096
    var live = open
    if record.pointee.backing.isUpper {
      if let open {
        // Who opened the file before it was copied up has the old contents, but the times are the file's.
        if HostIdentity(open) == record.pointee.lowerIdentity {
          let above = try upperLayer.status(of: id)
          live?.st_atim = above?.st_atim ?? record.pointee.accessed
          live?.st_mtim = above?.st_mtim ?? record.pointee.modified
          live?.st_ctim = above?.st_ctim ?? record.pointee.changed
        }
      } else {
        live = try upperLayer.status(of: id)
      }
    }
    if record.pointee.backing.isUpper, let live {
      // The guest writes to the file without being seen, so only the host knows.
      result.st_size = live.st_size
      result.st_blocks = live.st_blocks
      result.st_atim = live.st_atim
      result.st_mtim = live.st_mtim
      // An owner is changed without the host's knowing.
      let changed = record.pointee.changed
      let isLater = (changed.tv_sec, changed.tv_nsec) > (live.st_ctim.tv_sec, live.st_ctim.tv_nsec)
      result.st_ctim = isLater ? changed : live.st_ctim
      times?.translate(&result, of: id, isOpen: open != nil, isSeen: isSeen)
    } else {
      result.st_size = numericCast(record.pointee.size)
      result.st_blocks = numericCast(record.pointee.blocks)
      result.st_atim = record.pointee.accessed
      result.st_mtim = record.pointee.modified
      result.st_ctim = record.pointee.changed
      if record.pointee.backing == .proc || record.pointee.backing == .device { times?.translateForeign(&result) }
    }
    if configuration.isUniform { makeUniform(&result, record) }
    return result
  }

  /// What file systems disagree about: how large a directory is, and in how many blocks a file lies.
  private func makeUniform(_ status: inout stat, _ record: UnsafeMutablePointer<Inode>) {
    switch record.pointee.kind {
    case .directory where record.pointee.fileSystem != FileSystemID.proc:
      status.st_size = 4096
      status.st_blocks = 8
      // Those that the run has made are counted here.
      let isLower = nodes.directory(of: record)?.lowers.isEmpty == false
      if isLower, status.st_nlink > 0 { status.st_nlink = 1 }
    case .regular: status.st_blocks = (status.st_size + 4095) / 4096 * 8
    case .symbolicLink: status.st_blocks = 0
    default: break
    }
  }

  /// The subdirectories of a merged directory are not counted. As overlayfs does, it then has one link, which tells fts(3) and
  /// find(1) not to reckon with the number; a number that is too small makes them miss directories.
  private func linkCount(_ record: UnsafeMutablePointer<Inode>) -> UInt32 {
    guard record.pointee.kind == .directory, record.pointee.links > 0,
      let directory = nodes.directory(of: record)
    else { return record.pointee.links }
    return directory.isMerged ? 1 : record.pointee.links
  }

  /// - Parameter open: the guest's open file, needed for one without a name.
  func setTimes(
    _ dentry: DentryID, access: timespec, modification: timespec, open: FileDescriptor? = nil
  ) throws(Errno) -> (any BlockingWork)? {
    if let work = events.unit?.willChange(dentry, .kept) { return work }
    if let work = try copyUp(dentry) { return work }
    if modification.tv_nsec != UTIME_NOW_, modification.tv_nsec != UTIME_OMIT_ { events.unit?.didSetTime(dentry) }
    let (access, modification) = (times?.resolve(access) ?? access, times?.resolve(modification) ?? modification)
    let record = nodes.inode(of: dentry)
    var isSet = false
    defer { if isSet { times?.didSet(nodes[dentry].pointee.inode, modification: modification) } }
    watches.tellBoth(WatchEvents.attributes, dentry)
    if let open, nodes.isNameless(dentry) {
      let own = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
      if let work = try versions.leaveArchive(own) { return work }
      try host.setTimes(of: open, access: access, modification: modification)
      isSet = true
      return nil
    }
    guard record.pointee.backing.isUpper, nodes[nodes.upperName(of: dentry)].pointee.flags.contains(.inUpper) else {
      let now = host.now()
      func apply(_ time: timespec, _ old: timespec) -> timespec {
        switch Int(time.tv_nsec) {
        case Int(UTIME_OMIT_): old
        case Int(UTIME_NOW_): now
        default: time
        }
      }
      record.pointee.accessed = apply(access, record.pointee.accessed)
      record.pointee.modified = apply(modification, record.pointee.modified)
      record.pointee.changed = now
      return nil
    }
    try nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)
    try host.setTimes(upperLayer.root(record.pointee.backing), path.cString, access: access, modification: modification)
    isSet = true
    return nil
  }

  func setMode(_ dentry: DentryID, _ mode: UInt32) throws(Errno) -> (any BlockingWork)? {
    if let work = events.unit?.willChange(dentry, .kept) { return work }
    if let work = try copyUp(dentry) { return work }
    let record = nodes.inode(of: dentry)
    record.pointee.permissions = UInt16(mode & 0o7777)
    events.record(.changeMode, dentry)
    record.pointee.changed = host.now()
    guard record.pointee.backing.isUpper, record.pointee.kind != .symbolicLink else { return nil }
    let name = nodes.upperName(of: dentry)
    guard nodes[name].pointee.flags.contains(.inUpper) else { return nil }
    watches.tellBoth(WatchEvents.attributes, dentry)
    try nodes.buildPath(of: name, into: &path)
    try host.setMode(
      upperLayer.root(record.pointee.backing), path.cString,
      UpperLayer.hostMode(mode, isDirectory: record.pointee.kind == .directory))
    return nil
  }

  /// Remembers an owner; `UInt32.max` leaves one as it is.
  func setOwner(_ dentry: DentryID, uid: UInt32, gid: UInt32) throws(Errno) -> (any BlockingWork)? {
    if let work = events.unit?.willChange(dentry, .kept) { return work }
    if let work = try copyUp(dentry) { return work }
    let record = nodes.inode(of: dentry)
    if uid != .max { record.pointee.uid = uid }
    if gid != .max { record.pointee.gid = gid }
    events.record(.changeOwner, dentry)
    if record.pointee.kind != .directory { record.pointee.clearSetIDs(credentials) }
    record.pointee.changed = host.now()
    watches.tellAttributes(dentry)
    return nil
  }

  func truncate(_ dentry: DentryID, to length: Int64) throws(Errno) -> (any BlockingWork)? {
    if let work = events.unit?.willChange(dentry, length > 0 ? .kept : .replaced) { return work }
    if let work = try copyUp(dentry, keepContents: length > 0) { return work }
    if let work = try beginVersion(dentry, truncates: length == 0, as: .truncate) { return work }
    watches.hush(dentry, but: WatchEvents.modify)
    let file = try openHost(dentry, flags: O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
    defer { host.close(file) }
    try host.truncate(file, to: length)
    if !credentials.pointee.has(.keepSetID) { nodes.inode(of: dentry).pointee.clearSetIDs(credentials) }
    return nil
  }
}

/// <sys/stat.h>: `UTIME_NOW` and `UTIME_OMIT` are macros with casts, which Swift does not import.
let UTIME_NOW_ = (1 << 30) - 1
let UTIME_OMIT_ = (1 << 30) - 2

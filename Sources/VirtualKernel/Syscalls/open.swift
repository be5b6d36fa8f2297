import CLinux
import Glibc
import SystemPackage
import Tracing

/// Flags that reach the host's open; the others are decided here.
private let hostFlags =
  O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC_ | O_DIRECT_ | O_NOFOLLOW

/// Of a directory's, which mean nothing there; F_GETFL tells them all the same.
private let directoryFlags =
  O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC_ | O_NOFOLLOW | O_NOATIME_ | 0o20000  // FASYNC

extension Syscalls {
  @Sendable static func open(_ call: Call) throws(Errno) -> Outcome {
    let flags = try openFlags(call.arguments.1)
    let path = try call.path(at: call.arguments.0)
    return try open(
      call, directory: atCurrentDirectory, path, flags, mode: UInt32(truncatingIfNeeded: call.arguments.2))
  }

  @Sendable static func creat(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try open(
      call, directory: atCurrentDirectory, path, O_CREAT | O_WRONLY | O_TRUNC,
      mode: UInt32(truncatingIfNeeded: call.arguments.1))
  }

  @Sendable static func openat(_ call: Call) throws(Errno) -> Outcome {
    let flags = try openFlags(call.arguments.2)
    let path = try call.path(at: call.arguments.1)
    return try open(
      call, directory: call.arguments.0, path, flags, mode: UInt32(truncatingIfNeeded: call.arguments.3))
  }

  @Sendable static func openat2(_ call: Call) throws(Errno) -> Outcome {
    let how = try call.readExtensible(open_how.self, at: call.arguments.2, size: call.arguments.3)
    // openat2(2): unlike openat, unknown and contradictory flags are errors.
    guard how.flags & ~knownOpenFlags == 0, how.mode & ~0o7777 == 0,
      how.mode == 0 || how.flags & UInt64(O_CREAT | O_TMPFILE_ & ~O_DIRECTORY) != 0,
      how.resolve & ~UInt64(0x3f) == 0,
      how.resolve & UInt64(RESOLVE_BENEATH | RESOLVE_IN_ROOT) != UInt64(RESOLVE_BENEATH | RESOLVE_IN_ROOT)
    else { throw .invalidArgument }
    if how.flags & UInt64(O_PATH_) != 0,
      how.flags & ~UInt64(O_PATH_ | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) != 0
    {
      throw .invalidArgument
    }
    let flags = try openFlags(how.flags)
    var options: WalkOptions = []
    if how.resolve & UInt64(RESOLVE_NO_XDEV) != 0 { options.insert(.noCrossing) }
    if how.resolve & UInt64(RESOLVE_NO_MAGICLINKS) != 0 { options.insert(.noMagicLinks) }
    if how.resolve & UInt64(RESOLVE_NO_SYMLINKS) != 0 { options.insert([.noLinks, .noMagicLinks]) }
    if how.resolve & UInt64(RESOLVE_BENEATH) != 0 { options.insert(.beneath) }
    if how.resolve & UInt64(RESOLVE_IN_ROOT) != 0 { options.insert(.inRoot) }
    // RESOLVE_CACHED asks for a look-up that may fail for no reason; the caller then asks again without it.
    if how.resolve & 0x20 != 0 { throw .resourceTemporarilyUnavailable }
    let path = try call.path(at: call.arguments.1)
    return try open(
      call, directory: call.arguments.0, path, flags, mode: UInt32(truncatingIfNeeded: how.mode), options)
  }

  /// The flags that count (build_open_flags of fs/open.c), which Linux looks at before the path.
  private static func openFlags(_ argument: UInt64) throws(Errno) -> Int32 {
    var flags = Int32(truncatingIfNeeded: argument)
    // open(2): O_PATH ignores all flags but these.
    if flags & O_PATH_ != 0 { flags &= O_PATH_ | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW }
    // Since Linux 6.4, as both together never meant anything good.
    if flags & O_CREAT != 0, flags & O_DIRECTORY != 0 { throw .invalidArgument }
    // O_TMPFILE without its O_DIRECTORY is none.
    if flags & (O_TMPFILE_ & ~O_DIRECTORY) != 0, flags & O_DIRECTORY == 0 || flags & O_ACCMODE == O_RDONLY {
      throw .invalidArgument
    }
    return flags
  }

  private static func open(
    _ call: Call, directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ flags: Int32, mode: UInt32,
    _ givenOptions: WalkOptions = []
  ) throws(Errno) -> Outcome {
    // do_sys_openat2() takes a number before it looks at the path. Who only looks learns of it when the file is handed over.
    if path.count > 0, flags & (O_CREAT | O_TRUNC) != 0 { try requireNumber(call) }
    let isUnnamed = flags & O_TMPFILE_ == O_TMPFILE_
    var options = givenOptions
    if flags & O_NOFOLLOW != 0 || flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL { options.insert(.noFollow) }
    if flags & O_CREAT != 0 { options.insert(.create) }
    let files = call.files
    let walk = try call.walk(directory, path, options)
    if let open = walk.openFile {
      let outcome = try reopen(call, open, flags, by: walk.dentry)
      guard case .continue = outcome else { return outcome }
      _ = try call.walk(directory, path, options.union(.materialise))
      let object = try call.duplicate(open)
      defer { call.kernel.descriptors.release(object) }
      if let work = try files.mounts.bind(object, at: walk.dentry, for: call.notification.id) {
        return .blocked(on: work)
      }
      return .continue
    }

    guard walk.dentry != .none, files.nodes[walk.dentry].pointee.inode != .none else {
      guard flags & O_CREAT != 0 else { throw .noSuchFileOrDirectory }
      let permissions = mode & 0o7777 & ~(try call.umask())
      let file = try files.createFile(walk, call, flags: flags & hostFlags, mode: permissions)
      call.created = files.nodes.find(walk.parent, walk.name)
      return give(call, file, flags, call.created)
    }
    if flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL {
      call.files.events.unit?.note(.stat, walk.dentry)
      throw .fileExists
    }
    let inode = files.nodes.inode(of: walk.dentry)
    if isUnnamed {
      guard inode.pointee.kind == .directory else { throw .notDirectory }
      let permissions = mode & 0o7777 & ~(try call.umask())
      if inode.pointee.links == 0 { throw .notPermitted }
      let (file, dentry) = try files.createUnnamed(
        in: walk.dentry, call, flags: flags & (hostFlags | O_EXCL), mode: permissions)
      return give(call, file, flags, dentry)
    }
    let outcome = try open(call, walk.dentry, inode, flags)
    // The kernel will walk the guest's own path through the skeleton.
    if case .continue = outcome { _ = try call.walk(directory, path, options.union(.materialise)) }
    return outcome
  }

  /// - Throws: `.tooManyOpenFiles` if the caller's table has no number left for a descriptor.
  private static func requireNumber(_ call: Call) throws(Errno) {
    let limit = try call.kernel.information.limit(Int32(RLIMIT_NOFILE.rawValue), of: call.thread.id, setTo: nil).soft
    guard try call.kernel.descriptors.count(in: call.thread.id) >= limit else { return }
    // Some may be above a limit that was lowered.
    let names = try call.kernel.information.listProc("\(call.thread.nsID.rawValue)/fd")
    let taken = names.count { Int32(String(decoding: $0, as: UTF8.self)).map { UInt64($0) < limit } ?? false }
    if taken >= limit { throw .tooManyOpenFiles }
  }

  /// Opens a file that exists.
  private static func open(
    _ call: Call, _ dentry: DentryID, _ inode: UnsafeMutablePointer<Inode>, _ flags: Int32
  ) throws(Errno) -> Outcome {
    let files = call.files
    let writes = flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0
    if flags & O_DIRECTORY != 0, inode.pointee.kind != .directory { throw .notDirectory }
    if flags & O_PATH_ == 0 {
      if inode.pointee.kind == .symbolicLink { throw .tooManySymbolicLinkLevels }
      if inode.pointee.kind == .directory, writes || flags & O_CREAT != 0 { throw .isDirectory }
      var access: Call.Access = []
      if flags & O_ACCMODE != O_WRONLY { access.insert(.read) }
      if writes { access.insert(.write) }
      try call.require(access, inode)
      if flags & O_NOATIME_ != 0 { try call.requireOwner(inode) }
    }

    if flags & O_PATH_ != 0 {
      if let work = try files.lowerLayers.fetch(dentry) { return .blocked(on: work) }
      // A descriptor of O_PATH cannot be handed over (seccomp_unotify(2), EBADF), so the guest opens it itself.
      try files.materialiseForPath(dentry, call)
      return .continue
    }
    // Neither a directory nor a file of /proc is read by the memory of the disk.
    if flags & O_DIRECT_ != 0, inode.pointee.kind == .directory || inode.pointee.backing == .proc {
      throw .invalidArgument
    }
    if inode.pointee.kind == .directory {
      if files.nodes[dentry].pointee.flags.contains(.unlinked) { return .continue }
      if inode.pointee.backing == .proc { try call.kernel.proc.requireListing(inode, call) }
      try files.mirror.materialise(dentry)
      // Nothing but its identity and its position is used, and the position needs a descriptor that is not O_PATH.
      let file = try files.mirror.openDirectory(dentry, flags: flags & directoryFlags)
      files.closings.tellOpened(dentry, file)
      return give(call, file, flags, dentry)
    }
    switch (inode.pointee.backing, inode.pointee.kind) {
    case (.proc, _):
      files.events.unit?.willAsk(dentry)
      return try call.kernel.proc.open(dentry, inode, call, flags)
    case (.device, _):
      files.events.unit?.willAsk(dentry)
      return try call.kernel.devices.open(inode, call, flags, dentry)
    case (.skeleton, _):
      try files.expectTerminal(dentry)
      return .continue
    case (_, .fifo):
      // Only the guest itself may wait for the other end.
      try files.mirror.materialiseNode(dentry)
      return .continue
    case (_, .socket), (_, .characterDevice), (_, .blockDevice): throw .init(rawValue: ENXIO)
    default: break
    }
    if writes {
      let change = flags & O_TRUNC == 0 ? Unit.Change.kept : .replaced
      if let work = files.events.unit?.willChange(dentry, change) { return .blocked(on: work) }
      if let work = try files.copyUp(dentry, keepContents: change == .kept) { return .blocked(on: work) }
    }
    if !writes, inode.pointee.backing == .lower, files.watches.isReadingWatched(dentry) {
      do throws(Errno) {
        if let work = try files.copyUp(dentry) { return .blocked(on: work) }
      } catch { if error != .readOnlyFileSystem { throw error } }
    }
    if let work = try files.lowerLayers.fetch(dentry) { return .blocked(on: work) }
    if flags & O_ACCMODE != O_WRONLY, flags & O_TRUNC == 0 { files.events.recordRead(.read, dentry) }
    if writes {
      let appends = flags & O_APPEND != 0 && flags & O_ACCMODE == O_WRONLY
      let work = try files.beginVersion(dentry, truncates: flags & O_TRUNC != 0, appends: appends)
      if let work { return .blocked(on: work) }
    }
    // A write by who is not root takes the set-id bits away; writes are not seen, so the open counts as one.
    if writes, !call.credentials.pointee.has(.keepSetID) { inode.pointee.clearSetIDs(call.credentials) }
    var wanted = flags & hostFlags
    if flags & O_TRUNC != 0 { wanted |= O_TRUNC }
    let file = try files.openForGuest(dentry, flags: wanted | O_CLOEXEC | O_NOCTTY)
    return give(call, file, flags, dentry)
  }

  static func give(_ call: Call, _ file: FileDescriptor, _ flags: Int32, _ dentry: DentryID) -> Outcome {
    let files = call.files
    if dentry != .none {
      let inode = files.nodes.inode(of: dentry)
      let identity =
        inode.pointee.kind == .directory
        ? files.nodes.directory(of: dentry).skeleton ?? HostIdentity(device: 0, inode: 0)
        : HostIdentity(device: inode.pointee.hostDevice, inode: inode.pointee.hostInode)
      call.opened = (identity, dentry)
    }
    return .descriptor(file, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
  }

  /// Opens what a magic link of /proc leads to and that has no name: a pipe, a terminal, a deleted file.
  /// - Returns: `.continue` if the guest must open it for itself.
  private static func reopen(
    _ call: Call, _ open: OpenObject, _ flags: Int32, by link: DentryID
  ) throws(Errno) -> Outcome {
    if flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL { throw .fileExists }
    UnitChain(call.thread.group.unit).cannotBeRecorded("it opens a descriptor by its name")
    let original = try call.duplicate(open)
    var isGiven = false
    defer { if !isGiven { call.kernel.descriptors.release(original) } }
    // Of the duplicate: another thread may have put another file behind the guest's number since.
    let status = try call.kernel.host.status(of: original)
    let kind = status.st_mode & S_IFMT
    // A file of the kernel's /proc that has lost its process: what else it could be is not for the supervisor to open.
    if call.kernel.proc.isKernels(status, call) { throw .noSuchFileOrDirectory }
    if flags & O_DIRECTORY != 0, kind != S_IFDIR { throw .notDirectory }
    if kind == S_IFDIR {
      guard let dentry = call.files.objects.dentry(ofSkeletonDirectory: status) else { throw .permissionDenied }
      if flags & O_PATH_ != 0 { return .continue }
      if flags & O_TMPFILE_ == O_TMPFILE_ { throw .noSuchFileOrDirectory }
      if flags & O_ACCMODE != O_RDONLY || flags & (O_TRUNC | O_CREAT) != 0 { throw .isDirectory }
      try call.require(.read, call.files.nodes.inode(of: dentry))
      // Through the link, so that it is of the guest's mount.
      if flags & O_DIRECT_ != 0 { throw .invalidArgument }
      let wanted = flags & directoryFlags & ~O_NOFOLLOW
      let file = try call.kernel.host.reopen(original, flags: wanted | O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      return give(call, file, flags, dentry)
    }
    if flags & O_PATH_ != 0 {
      // No path of the skeleton can lead to a pipe or a socket.
      guard kind == S_IFREG, !call.kernel.inherited.contains(HostIdentity(status)) else { throw .notSupported }
      return .continue
    }
    if call.kernel.inherited.contains(HostIdentity(status)) {
      // The user's file: the guest has the access that it was given, and no more.
      let given = try call.kernel.descriptors.flags(of: original)
      try requireCovered(given, flags)
      if flags & O_TRUNC != 0, kind == S_IFREG, given & O_ACCMODE == O_RDONLY { throw .permissionDenied }
      // A file is opened anew, with a position of its own. One that the user itself could not open is at least cut.
      if kind == S_IFREG {
        let wanted = flags & (hostFlags | O_TRUNC) & ~O_NOFOLLOW
        if let file = try? call.kernel.host.reopen(original, flags: wanted | O_CLOEXEC | O_NOCTTY) {
          return .descriptor(file, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
        }
        if flags & O_TRUNC != 0 { try call.kernel.host.truncate(original, to: 0) }
      }
      isGiven = true
      return .descriptor(original, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
    }
    let files = call.files
    let writes = flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0
    var dentry = DentryID.none
    if let known = files.objects.inode(ofOpenFile: status) {
      dentry = files.nodes[known].pointee.firstAlias
    }
    if dentry != .none, kind == S_IFREG {
      // Only this name is gone.
      if let linked = files.nodes.linkedName(of: dentry) {
        return try self.open(call, linked, files.nodes.inode(of: linked), flags)
      }
      let record = files.nodes.inode(of: dentry)
      var access: Call.Access = []
      if flags & O_ACCMODE != O_WRONLY { access.insert(.read) }
      if writes { access.insert(.write) }
      try call.require(access, record)
      if open.link == .executable, writes { throw .textFileBusy }
      if flags & O_ACCMODE != O_WRONLY, flags & O_TRUNC == 0 { files.events.recordRead(.read, dentry) }
    } else if dentry != .none || call.knowsOwner(of: status) {
      var access: Call.Access = []
      if flags & O_ACCMODE != O_WRONLY { access.insert(.read) }
      if writes { access.insert(.write) }
      try call.require(access, call.guestStatus(status))
    }
    if writes, kind == S_IFREG, let work = try beginWriting(call, dentry, status, as: .write) {
      return .blocked(on: work)
    }
    let wanted = flags & (hostFlags | O_TRUNC) & ~O_NOFOLLOW
    let file = try call.kernel.host.reopen(original, flags: wanted | O_CLOEXEC | O_NOCTTY)
    return give(call, file, flags, dentry)
  }

  /// A regular file without a name, or one that the tree does not know, is about to be changed through a descriptor.
  /// - Parameter dentry: `.none` for one that it does not know.
  /// - Returns: work that must be waited for, or nil if it may be changed.
  static func beginWriting(
    _ call: Call, _ dentry: DentryID, _ status: stat, as kind: EventKind
  ) throws(Errno) -> (any BlockingWork)? {
    let files = call.files
    let identity = HostIdentity(status)
    guard dentry != .none else {
      // Of the files that the tree has forgotten only those in the archive can be written to at all.
      if files.versions.version(archivedAs: identity) != nil { return try files.versions.leaveArchive(identity) }
      if status.st_nlink > 0 { throw .permissionDenied }
      return nil
    }
    let record = files.nodes.inode(of: dentry)
    // A file below that has lost its name cannot be copied up any more.
    if record.pointee.backing == .lower || record.pointee.lowerIdentity == identity { throw .readOnlyFileSystem }
    if let work = try files.beginNamelessVersion(dentry, identity, as: kind) { return work }
    if !call.credentials.pointee.has(.keepSetID) { record.pointee.clearSetIDs(call.credentials) }
    return nil
  }

  private static func requireCovered(_ given: Int32, _ wanted: Int32) throws(Errno) {
    if given & O_ACCMODE != O_RDWR, given & O_ACCMODE != wanted & O_ACCMODE { throw .permissionDenied }
  }
}

private let knownOpenFlags = UInt64(
  O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC_ | O_DSYNC | 0o20000 /* FASYNC */
    | O_DIRECT_ | 0o100000 /* O_LARGEFILE */ | O_DIRECTORY | O_NOFOLLOW | O_NOATIME_ | O_CLOEXEC | O_PATH_
    | 0o20000000)

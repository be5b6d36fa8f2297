import CLinux
import Glibc
import SystemPackage

// Calls that make a name.
extension FileTree {
  /// Takes a name that does not exist, for a new inode.
  /// - Returns: the dentry, without an inode.
  /// - Parameter opens: it is a regular file, which the kernel asks another operation of a file system for.
  private func claim(_ walk: WalkResult, _ call: Call, opens: Bool = false) throws(Errno) -> DentryID {
    if walk.dentry != .none, dentries[walk.dentry].pointee.inode != .none { throw .fileExists }
    let directory = directory(of: walk.parent)
    try requireTakesNames(walk.parent, call, opens: opens)
    // A directory that was removed takes no new names.
    if inode(of: walk.parent).pointee.links == 0 { throw .noSuchFileOrDirectory }
    try call.require([.write, .execute], inode(of: walk.parent))
    try requireSpace(directory.store)
    try prepareUpperName(walk.name, in: walk.parent, existing: walk.dentry)
    if walk.dentry != .none { return walk.dentry }
    negativeCount += 1
    return dentries.insert(walk.parent, walk.name)
  }

  private func exists(_ walk: WalkResult) -> Bool {
    walk.dentry != .none && dentries[walk.dentry].pointee.inode != .none
  }

  /// The new file stands in the layer, at `path`: make it visible.
  private func finish(
    _ dentry: DentryID, _ kind: FileKind, mode: UInt32, _ status: stat?
  ) -> InodeID {
    let parent = dentries[dentry].pointee.parent
    let directory = directory(of: parent)
    let id = makeInode(kind, mode: mode, backing: directory.store, fileSystem: directory.fileSystem)
    inheritGroup(id, from: parent)
    if let status { register(status, as: id) }
    attach(id, to: dentry)
    dentries[dentry].pointee.flags.insert(.inUpper)
    negativeCount -= 1
    addToListing(dentry, directory)
    if kind == .regular, directory.store == .run { startVersion(inodes[id.index]) }
    switch kind {
    case .directory: self.record(.makeDirectory, dentry)
    case .symbolicLink: self.record(.symbolicLink, dentry)
    default: self.record(.create, dentry)
    }
    return id
  }

  /// inode(7): below a set-group-id directory the group is the directory's.
  private func inheritGroup(_ id: InodeID, from parent: DentryID) {
    guard inode(of: parent).pointee.permissions & 0o2000 != 0 else { return }
    let record = inodes[id.index]
    record.pointee.gid = inode(of: parent).pointee.gid
    if record.pointee.kind == .directory {
      record.pointee.permissions |= 0o2000
    } else if record.pointee.permissions & 0o2010 == 0o2010, !credentials.pointee.maySetGroupID(for: record.pointee.gid)
    {
      record.pointee.permissions &= ~0o2000
    }
  }

  /// Undoes `claim` for a name that could not be made.
  private func giveUp(_ dentry: DentryID) {
    if dentries[dentry].pointee.flags.contains(.inLower) {
      // The whiteout that made room for it.
      let parent = dentries[dentry].pointee.parent
      guard (try? makeWhiteout(dentries.name(of: dentry), in: parent)) != nil else { return }
      dentries[dentry].pointee.flags.insert(.whiteoutOnDisk)
      return
    }
    negativeCount -= 1
    dentries.unhash(dentry)
    free(dentry)
  }

  /// Creates a regular file and opens it.
  func createFile(_ walk: WalkResult, _ call: Call, flags: Int32, mode: UInt32) throws(Errno) -> FileDescriptor {
    if walk.hasTrailingSlash { throw .isDirectory }
    let dentry = try claim(walk, call, opens: true)
    do throws(Errno) {
      let store = upperRoot(directory(of: walk.parent).store)
      try buildPath(of: dentry, into: &path)
      let hostMode = Self.hostMode(mode, isDirectory: false)
      tell(WatchEvents.create, walk.parent)
      let file = try host.open(store, path.cString, flags: flags | O_CREAT | O_EXCL, mode: hostMode)
      do throws(Errno) {
        _ = finish(dentry, .regular, mode: mode, try host.status(of: file))
      } catch {
        host.close(file)
        try? host.remove(store, path.cString, isDirectory: false)
        throw error
      }
      return file
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  func makeDirectory(_ walk: WalkResult, _ call: Call, mode: UInt32) throws(Errno) {
    guard walk.last == .name else { throw .fileExists }
    let dentry = try claim(walk, call)
    do throws(Errno) {
      let store = upperRoot(directory(of: walk.parent).store)
      try buildPath(of: dentry, into: &path)
      tell(WatchEvents.create, walk.parent)
      try host.makeDirectory(store, path.cString, mode: Self.hostMode(mode, isDirectory: true))
      do throws(Errno) {
        if dentries[dentry].pointee.flags.contains(.inLower) { try makeOpaque(dentry) }
      } catch {
        try? host.remove(store, path.cString, isDirectory: true)
        throw error
      }
    } catch {
      giveUp(dentry)
      throw error
    }
    let parent = directory(of: walk.parent)
    let id = finish(dentry, .directory, mode: mode, nil)
    let child = Directory(
      lowers: [], isComplete: true, isUpper: true, store: parent.store, fileSystem: parent.fileSystem)
    inodes[id.index].pointee.side = add(child)
    inodes[id.index].pointee.links = 2
    inode(of: walk.parent).pointee.links += 1
  }

  func makeSymbolicLink(_ walk: WalkResult, _ call: Call, target: UnsafeBufferPointer<UInt8>) throws(Errno) {
    if walk.hasTrailingSlash, !exists(walk) { throw .noSuchFileOrDirectory }
    let dentry = try claim(walk, call)
    do throws(Errno) {
      let store = upperRoot(directory(of: walk.parent).store)
      try buildPath(of: dentry, into: &path)
      hostPath.clear()
      try hostPath.append(target)
      tell(WatchEvents.create, walk.parent)
      try host.makeSymbolicLink(hostPath.cString, store, path.cString)
      let id = finish(dentry, .symbolicLink, mode: 0o777, try statusOfNew(store))
      inodes[id.index].pointee.side = addLinkTarget(target)
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  /// A FIFO, a socket or an empty regular file.
  /// - Parameter complete: makes what the kernel itself must find, and tells what it is there; a socket without it has no listener.
  func makeNode(
    _ walk: WalkResult, _ call: Call, kind: FileKind, mode: UInt32,
    complete: ((DentryID) throws(Errno) -> HostIdentity)? = nil
  ) throws(Errno) {
    guard walk.last == .name else { throw .fileExists }
    if walk.hasTrailingSlash, !exists(walk) { throw .noSuchFileOrDirectory }
    let dentry = try claim(walk, call, opens: kind == .regular)
    do throws(Errno) {
      let store = upperRoot(directory(of: walk.parent).store)
      try buildPath(of: dentry, into: &path)
      tell(WatchEvents.create, walk.parent)
      try host.makeNode(
        store, path.cString, mode: kind.modeBits | Self.hostMode(mode, isDirectory: false), device: 0)
      let status = try statusOfNew(store)
      var identity: HostIdentity?
      if let complete {
        do throws(Errno) { identity = try complete(dentry) } catch {
          try buildPath(of: dentry, into: &path)
          try? host.remove(store, path.cString, isDirectory: false)
          throw error
        }
        dentries[dentry].pointee.flags.insert(.inSkeleton)
      }
      let id = finish(dentry, kind, mode: mode, status)
      if let identity { register(identity, inSkeletonAs: id) }
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  /// Gives a file another name.
  func link(_ source: DentryID, _ walk: WalkResult, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    if walk.last != .name { throw .fileExists }
    if walk.dentry != .none, dentries[walk.dentry].pointee.inode != .none { throw .fileExists }
    if walk.hasTrailingSlash { throw .noSuchFileOrDirectory }
    if inode(of: walk.parent).pointee.fileSystem == FileSystemID.proc { throw .noSuchFileOrDirectory }
    let record = inode(of: source)
    if record.pointee.kind == .directory { throw .notPermitted }
    if record.pointee.fileSystem != inode(of: walk.parent).pointee.fileSystem { throw .init(rawValue: EXDEV) }
    if let work = try copyUp(source) { return work }
    let store = directory(of: walk.parent).store
    guard record.pointee.backing == store else { throw .init(rawValue: EXDEV) }
    let name = upperName(of: source)
    guard dentries[name].pointee.flags.contains(.inUpper) else { throw .noSuchFileOrDirectory }
    let dentry = try claim(walk, call)
    do throws(Errno) {
      try buildPath(of: dentry, into: &path)
      try buildPath(of: name, into: &otherPath)
      tell(WatchEvents.attributes, source)
      tell(WatchEvents.create, walk.parent)
      try host.link(upperRoot(store), otherPath.cString, upperRoot(store), path.cString)
      if dentries[name].pointee.flags.contains(.inSkeleton),
        record.pointee.kind == .fifo || record.pointee.kind == .socket
      {
        try materialise(walk.parent)
        try buildPath(of: dentry, into: &path)
        try skeleton.link(otherPath.cString, path.cString)
        dentries[dentry].pointee.flags.insert(.inSkeleton)
      }
    } catch {
      giveUp(dentry)
      throw error
    }
    attach(dentries[source].pointee.inode, to: dentry)
    dentries[dentry].pointee.flags.insert(.inUpper)
    negativeCount -= 1
    addToListing(dentry, directory(of: walk.parent))
    record.pointee.links += 1
    record.pointee.changed = host.now()
    self.record(.link, dentry)
    return nil
  }

  /// Gives an open file without a name (O_TMPFILE) one.
  func link(openFile file: FileDescriptor, _ walk: WalkResult, _ call: Call) throws(Errno) {
    let dentry = try claim(walk, call)
    do throws(Errno) {
      let store = upperRoot(directory(of: walk.parent).store)
      let status = try host.status(of: file)
      // Only what the guest has made: a file of the user's, given to it open for reading, would become writable by its name.
      let record = identities[HostIdentity(status)].map { inodes[$0.index] }
      let isOwn = record?.pointee.backing.isUpper ?? false
      if record?.pointee.links == 0, status.st_nlink != 0 { throw .noSuchFileOrDirectory }
      guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 0 || isOwn,
        !call.kernel.inherited.contains(HostIdentity(status))
      else { throw .init(rawValue: EXDEV) }
      try buildPath(of: dentry, into: &path)
      tell(WatchEvents.create, walk.parent)
      try host.link(file, store, path.cString)
      guard let known = identities[HostIdentity(status)] else {
        _ = finish(dentry, .regular, mode: status.st_mode, status)
        return
      }
      // While it had no name, a change of its mode was only remembered.
      try? host.setMode(store, path.cString, Self.hostMode(inodes[known.index].pointee.mode, isDirectory: false))
      attach(known, to: dentry)
      dentries[dentry].pointee.flags.insert(.inUpper)
      inodes[known.index].pointee.links += 1
      negativeCount -= 1
      addToListing(dentry, directory(of: walk.parent))
      self.record(.create, dentry)
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  /// A regular file without a name in the directory's layer, and what stands for it in the tree.
  func createUnnamed(
    in parent: DentryID, _ call: Call, flags: Int32, mode: UInt32
  ) throws(Errno) -> (FileDescriptor, DentryID) {
    try call.require([.write, .execute], inode(of: parent))
    let directory = directory(of: parent)
    if directory.isProc { throw .notSupported }
    try requireSpace(directory.store)
    try ensureUpper(parent)
    try buildPath(of: parent, into: &path)
    let file = try host.open(
      upperRoot(directory.store), path.cString, flags: flags | O_TMPFILE_,
      mode: Self.hostMode(mode, isDirectory: false))
    let status: stat
    do throws(Errno) {
      status = try host.status(of: file)
    } catch {
      host.close(file)
      throw error
    }
    // Known to the tree, for else its descriptor would be taken for that of a removed file whose inode the host has used again.
    let id = makeInode(.regular, mode: mode, backing: directory.store, fileSystem: directory.fileSystem)
    inheritGroup(id, from: parent)
    inodes[id.index].pointee.links = 0
    if directory.store == .run { startVersion(inodes[id.index]) }
    register(status, as: id)
    return (file, insertOrphan(id, named: "#\(id.index)", in: parent))
  }
}

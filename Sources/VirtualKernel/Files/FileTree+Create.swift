import CLinux
import Glibc
import SystemPackage

// Calls that make a name.
extension FileTree {
  /// Takes a name that does not exist, for a new inode.
  /// - Returns: the dentry, without an inode.
  /// - Parameter opens: it is a regular file, which the kernel asks another operation of a file system for.
  private func claim(_ walk: WalkResult, _ call: Call, opens: Bool = false) throws(Errno) -> DentryID {
    if exists(walk) {
      events.unit?.note(.stat, walk.dentry)
      throw .fileExists
    }
    let directory = nodes.directory(of: walk.parent)
    try requireTakesNames(walk.parent, call, opens: opens)
    // A directory that was removed takes no new names.
    if nodes.inode(of: walk.parent).pointee.links == 0 { throw .noSuchFileOrDirectory }
    try call.require([.write, .execute], nodes.inode(of: walk.parent))
    try upperLayer.requireSpace(directory.store)
    try upperLayer.prepareName(walk.name, in: walk.parent, existing: walk.dentry)
    if walk.dentry != .none { return walk.dentry }
    return nodes.insertUnborn(walk.parent, walk.name)
  }

  private func exists(_ walk: WalkResult) -> Bool {
    walk.dentry != .none && nodes[walk.dentry].pointee.inode != .none
  }

  /// The new file stands in the layer, at `path`: make it visible.
  private func finish(
    _ dentry: DentryID, _ kind: FileKind, mode: UInt32, _ status: stat?
  ) -> InodeID {
    let parent = nodes[dentry].pointee.parent
    let directory = nodes.directory(of: parent)
    let id = makeInode(kind, mode: mode, backing: directory.store, fileSystem: directory.fileSystem)
    inheritGroup(id, from: parent)
    if let status { objects.register(status, as: id) }
    nodes.attach(id, to: dentry)
    nodes[dentry].pointee.flags.insert(.inUpper)
    nodes.didUseNegative()
    nodes.addToListing(dentry, directory)
    if kind == .regular, directory.store == .run { versions.start(nodes[id], by: events.process) }
    switch kind {
    case .directory: events.record(.makeDirectory, dentry)
    case .symbolicLink: events.record(.symbolicLink, dentry)
    default: events.record(.create, dentry)
    }
    return id
  }

  /// inode(7): below a set-group-id directory the group is the directory's.
  private func inheritGroup(_ id: InodeID, from parent: DentryID) {
    guard nodes.inode(of: parent).pointee.permissions & 0o2000 != 0 else { return }
    let record = nodes[id]
    record.pointee.gid = nodes.inode(of: parent).pointee.gid
    if record.pointee.kind == .directory {
      record.pointee.permissions |= 0o2000
    } else if record.pointee.permissions & 0o2010 == 0o2010, !credentials.pointee.maySetGroupID(for: record.pointee.gid)
    {
      record.pointee.permissions &= ~0o2000
    }
  }

  /// Undoes `claim` for a name that could not be made.
  private func giveUp(_ dentry: DentryID) {
    if nodes[dentry].pointee.flags.contains(.inLower) {
      // The whiteout that made room for it.
      let parent = nodes[dentry].pointee.parent
      guard (try? upperLayer.makeWhiteout(nodes.name(of: dentry), in: parent)) != nil else { return }
      nodes[dentry].pointee.flags.insert(.whiteoutOnDisk)
      return
    }
    nodes.didUseNegative()
    nodes.unhash(dentry)
    free(dentry)
  }

  /// Creates a regular file and opens it.
  func createFile(_ walk: WalkResult, _ call: Call, flags: Int32, mode: UInt32) throws(Errno) -> FileDescriptor {
    if walk.hasTrailingSlash { throw .isDirectory }
    let dentry = try claim(walk, call, opens: true)
    do throws(Errno) {
      let store = upperLayer.root(nodes.directory(of: walk.parent).store)
      try nodes.buildPath(of: dentry, into: &path)
      let hostMode = UpperLayer.hostMode(mode, isDirectory: false)
      watches.tell(WatchEvents.create, walk.parent)
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

  /// Gives a file of the layer's that has no name yet one.
  func linkFile(_ file: FileDescriptor, _ walk: WalkResult, _ call: Call, mode: UInt32) throws(Errno) {
    let dentry = try claim(walk, call, opens: true)
    do throws(Errno) {
      let store = upperLayer.root(nodes.directory(of: walk.parent).store)
      try host.setMode(of: file, UpperLayer.hostMode(mode, isDirectory: false))
      try nodes.buildPath(of: dentry, into: &path)
      watches.tell(WatchEvents.create, walk.parent)
      try host.link(file, store, path.cString)
      do throws(Errno) {
        _ = finish(dentry, .regular, mode: mode, try host.status(of: file))
      } catch {
        try? host.remove(store, path.cString, isDirectory: false)
        throw error
      }
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  func makeDirectory(_ walk: WalkResult, _ call: Call, mode: UInt32) throws(Errno) {
    guard walk.last == .name else { throw .fileExists }
    let dentry = try claim(walk, call)
    do throws(Errno) {
      let store = upperLayer.root(nodes.directory(of: walk.parent).store)
      try nodes.buildPath(of: dentry, into: &path)
      watches.tell(WatchEvents.create, walk.parent)
      try host.makeDirectory(store, path.cString, mode: UpperLayer.hostMode(mode, isDirectory: true))
      do throws(Errno) {
        if nodes[dentry].pointee.flags.contains(.inLower) { try upperLayer.makeOpaque(dentry) }
      } catch {
        try? host.remove(store, path.cString, isDirectory: true)
        throw error
      }
    } catch {
      giveUp(dentry)
      throw error
    }
    let parent = nodes.directory(of: walk.parent)
    let id = finish(dentry, .directory, mode: mode, nil)
    let child = Directory(
      lowers: [], isComplete: true, isUpper: true, store: parent.store, fileSystem: parent.fileSystem)
    nodes.setDirectory(child, of: nodes[id])
    nodes[id].pointee.links = 2
    nodes.inode(of: walk.parent).pointee.links += 1
  }

  func makeSymbolicLink(_ walk: WalkResult, _ call: Call, target: UnsafeBufferPointer<UInt8>) throws(Errno) {
    if walk.hasTrailingSlash, !exists(walk) { throw .noSuchFileOrDirectory }
    let dentry = try claim(walk, call)
    do throws(Errno) {
      let store = upperLayer.root(nodes.directory(of: walk.parent).store)
      try nodes.buildPath(of: dentry, into: &path)
      otherPath.clear()
      try otherPath.append(target)
      watches.tell(WatchEvents.create, walk.parent)
      try host.makeSymbolicLink(otherPath.cString, store, path.cString)
      let id = finish(dentry, .symbolicLink, mode: 0o777, try statusOfNew(store))
      nodes.setLinkTarget(target, of: nodes[id])
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
      let store = upperLayer.root(nodes.directory(of: walk.parent).store)
      try nodes.buildPath(of: dentry, into: &path)
      watches.tell(WatchEvents.create, walk.parent)
      try host.makeNode(
        store, path.cString, mode: kind.modeBits | UpperLayer.hostMode(mode, isDirectory: false), device: 0)
      let status = try statusOfNew(store)
      var identity: HostIdentity?
      if let complete {
        do throws(Errno) { identity = try complete(dentry) } catch {
          try nodes.buildPath(of: dentry, into: &path)
          try? host.remove(store, path.cString, isDirectory: false)
          throw error
        }
        nodes[dentry].pointee.flags.insert(.inSkeleton)
      }
      let id = finish(dentry, kind, mode: mode, status)
      if let identity { objects.register(identity, inSkeletonAs: id) }
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  /// Gives a file another name.
  func link(_ source: DentryID, _ walk: WalkResult, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    if walk.last != .name { throw .fileExists }
    if exists(walk) {
      events.unit?.note(.stat, walk.dentry)
      throw .fileExists
    }
    if walk.hasTrailingSlash { throw .noSuchFileOrDirectory }
    if nodes.inode(of: walk.parent).pointee.fileSystem == FileSystemID.proc { throw .noSuchFileOrDirectory }
    let record = nodes.inode(of: source)
    if record.pointee.kind == .directory { throw .notPermitted }
    if record.pointee.fileSystem != nodes.inode(of: walk.parent).pointee.fileSystem { throw .init(rawValue: EXDEV) }
    if let work = try copyUp(source) { return work }
    let store = nodes.directory(of: walk.parent).store
    guard record.pointee.backing == store else { throw .init(rawValue: EXDEV) }
    let name = nodes.upperName(of: source)
    guard nodes[name].pointee.flags.contains(.inUpper) else { throw .noSuchFileOrDirectory }
    let dentry = try claim(walk, call)
    do throws(Errno) {
      try nodes.buildPath(of: dentry, into: &path)
      try nodes.buildPath(of: name, into: &otherPath)
      watches.tell(WatchEvents.attributes, source)
      watches.tell(WatchEvents.create, walk.parent)
      try host.link(upperLayer.root(store), otherPath.cString, upperLayer.root(store), path.cString)
      if nodes[name].pointee.flags.contains(.inSkeleton),
        record.pointee.kind == .fifo || record.pointee.kind == .socket
      {
        try mirror.link(name, as: dentry)
      }
    } catch {
      giveUp(dentry)
      throw error
    }
    nodes.attach(nodes[source].pointee.inode, to: dentry)
    nodes[dentry].pointee.flags.insert(.inUpper)
    nodes.didUseNegative()
    nodes.addToListing(dentry, nodes.directory(of: walk.parent))
    record.pointee.links += 1
    record.pointee.changed = host.now()
    events.record(.link, dentry)
    return nil
  }

  /// Gives an open file without a name (O_TMPFILE) one.
  func link(openFile file: FileDescriptor, _ walk: WalkResult, _ call: Call) throws(Errno) {
    let dentry = try claim(walk, call)
    do throws(Errno) {
      let store = upperLayer.root(nodes.directory(of: walk.parent).store)
      let status = try host.status(of: file)
      // Only what the guest has made: a file of the user's, given to it open for reading, would become writable by its name.
      let record = objects[HostIdentity(status)].map { nodes[$0] }
      let isOwn = record?.pointee.backing.isUpper ?? false
      if record?.pointee.links == 0, status.st_nlink != 0 { throw .noSuchFileOrDirectory }
      guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 0 || isOwn,
        !call.kernel.inherited.contains(HostIdentity(status))
      else { throw .init(rawValue: EXDEV) }
      try nodes.buildPath(of: dentry, into: &path)
      watches.tell(WatchEvents.create, walk.parent)
      try host.link(file, store, path.cString)
      guard let known = objects[HostIdentity(status)] else {
        _ = finish(dentry, .regular, mode: status.st_mode, status)
        return
      }
      // While it had no name, a change of its mode was only remembered.
      try? host.setMode(store, path.cString, UpperLayer.hostMode(nodes[known].pointee.mode, isDirectory: false))
      nodes.attach(known, to: dentry)
      nodes[dentry].pointee.flags.insert(.inUpper)
      nodes[known].pointee.links += 1
      nodes.didUseNegative()
      nodes.addToListing(dentry, nodes.directory(of: walk.parent))
      events.record(.create, dentry)
    } catch {
      giveUp(dentry)
      throw error
    }
  }

  /// A regular file without a name in the directory's layer, and what stands for it in the tree.
  func createUnnamed(
    in parent: DentryID, _ call: Call, flags: Int32, mode: UInt32
  ) throws(Errno) -> (FileDescriptor, DentryID) {
    try call.require([.write, .execute], nodes.inode(of: parent))
    let directory = nodes.directory(of: parent)
    if directory.isProc { throw .notSupported }
    try upperLayer.requireSpace(directory.store)
    try upperLayer.ensure(parent)
    try nodes.buildPath(of: parent, into: &path)
    let file = try host.open(
      upperLayer.root(directory.store), path.cString, flags: flags | O_TMPFILE_,
      mode: UpperLayer.hostMode(mode, isDirectory: false))
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
    nodes[id].pointee.links = 0
    if directory.store == .run { versions.start(nodes[id], by: events.process) }
    objects.register(status, as: id)
    return (file, insertOrphan(id, named: "#\(id.index)", in: parent))
  }
}

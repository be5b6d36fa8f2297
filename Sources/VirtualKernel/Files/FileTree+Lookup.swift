import CLinux
import Glibc
import SystemPackage

extension FileTree {
  /// The dentry of a name in a directory: `.none` or a negative one if there is no such file. The inode may be unloaded.
  func lookup(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) -> DentryID {
    let found = nodes.find(parent, name)
    if found != .none { return found }
    guard name.count <= 255 else { throw .fileNameTooLong }
    let directory = nodes.directory(of: parent)
    if directory.isComplete { return .none }
    return try lookupBelow(parent, directory, name)
  }

  /// Loads what a directory listing has left out.
  func load(_ dentry: DentryID) throws(Errno) {
    let id = nodes[dentry].pointee.inode
    guard id != .none, nodes[id].pointee.flags.contains(.unloaded) else { return }
    let parent = nodes[dentry].pointee.parent
    guard let found = try lowerLayers.find(nodes.name(of: dentry), in: nodes.directory(of: parent)) else {
      // The host changed below a source; the name is gone.
      nodes.removeFromListing(dentry)
      nodes.detach(dentry)
      if nodes[id].pointee.firstAlias == .none { releaseInode(id) }
      throw .noSuchFileOrDirectory
    }
    nodes[dentry].pointee.lowerIndex = UInt8(found.match.index)
    fill(id, from: found)
  }

  private func lookupBelow(
    _ parent: DentryID, _ directory: Directory, _ name: UnsafeBufferPointer<UInt8>
  ) throws(Errno) -> DentryID {
    guard let found = try lowerLayers.find(name, in: directory) else { return nodes.insertMissing(parent, name) }
    let dentry = nodes.insert(parent, name)
    nodes[dentry].pointee.flags.insert(.inLower)
    nodes[dentry].pointee.lowerIndex = UInt8(found.match.index)
    let status = found.match.entry.status
    let identity = HostIdentity(status)
    // A second name of a file that is known: a hard link below, as /usr/bin/perl often is.
    if status.st_mode & S_IFMT != S_IFDIR, let known = objects[identity] {
      nodes.attach(known, to: dentry)
      upperLayer.linkAbove(dentry)
    } else {
      let inode = makeInode(
        FileKind(mode: status.st_mode) ?? .regular, mode: 0, backing: .lower, fileSystem: directory.fileSystem)
      nodes.attach(inode, to: dentry)
      fill(inode, from: found)
    }
    nodes.addToListing(dentry, directory)
    return dentry
  }

  private func fill(_ id: InodeID, from found: LowerLayers.Found) {
    let inode = nodes[id]
    let status = found.match.entry.status
    inode.pointee.kind = FileKind(mode: status.st_mode) ?? .regular
    inode.pointee.flags.remove(.unloaded)
    inode.pointee.permissions = UInt16(status.st_mode & 0o7777)
    if lowerLayers.layers[found.match.place.layer].isGuests, found.match.place.prefixDepth == nil {
      (inode.pointee.uid, inode.pointee.gid) = (configuration.user.uid, configuration.user.gid)
    } else {
      inode.pointee.uid = found.match.entry.isVirtual ? status.st_uid : guestUser(status.st_uid)
      inode.pointee.gid = found.match.entry.isVirtual ? status.st_gid : guestGroup(status.st_gid)
    }
    inode.pointee.links = UInt32(truncatingIfNeeded: status.st_nlink)
    inode.pointee.size = Int64(status.st_size)
    inode.pointee.blocks = Int64(status.st_blocks)
    inode.pointee.device = UInt64(status.st_rdev)
    if configuration.squashesTimes {
      // The lowest layer is the oldest.
      let time = timespec(tv_sec: squashedTime + lowerLayers.layers.count - found.match.place.layer, tv_nsec: 0)
      (inode.pointee.accessed, inode.pointee.modified, inode.pointee.changed) = (time, time, time)
    } else {
      inode.pointee.accessed = status.st_atim
      inode.pointee.modified = status.st_mtim
      inode.pointee.changed = status.st_ctim
      if let times {
        // When a source was read, or copied, is not the run's matter.
        inode.pointee.modified = times.clamped(status.st_mtim)
        (inode.pointee.accessed, inode.pointee.changed) = (inode.pointee.modified, inode.pointee.modified)
      }
    }
    if inode.pointee.kind == .symbolicLink {
      found.target.withUnsafeBufferPointer { nodes.setLinkTarget($0, of: inode) }
    }
    if inode.pointee.kind == .directory {
      // A directory of two layers is no host directory in particular, and nothing opens one on the host.
      let lowers = found.match.lowers
      let store: Backing = lowers.contains { $0.prefixDepth == nil } ? .run : storeOfParent(id)
      nodes.setDirectory(
        Directory(
          lowers: lowers, isComplete: false, isUpper: false, store: store, fileSystem: inode.pointee.fileSystem),
        of: inode)
    } else {
      objects.register(status, as: id)
    }
  }

  /// A directory above a source's destination belongs to what is around it: /tmp stays private around a source in it.
  private func storeOfParent(_ id: InodeID) -> Backing {
    let alias = nodes[id].pointee.firstAlias
    return alias == .none ? .run : nodes.directory(of: nodes[alias].pointee.parent).store
  }

  func guestUser(_ uid: UInt32) -> UInt32 {
    uid == configuration.user.hostUser && uid != 0 ? configuration.user.uid : uid
  }

  func guestGroup(_ gid: UInt32) -> UInt32 {
    gid == configuration.user.hostGroup && gid != 0 ? configuration.user.gid : gid
  }
}

// Listings.
extension FileTree {
  /// Brings all names of the lower directories into the table.
  func complete(_ parent: DentryID) throws(Errno) {
    let directory = nodes.directory(of: parent)
    guard !directory.isComplete else { return }
    // What hides names in one layer may hide those of the layers below it, too.
    var isTentative = false
    for (index, lower) in directory.lowers.enumerated() {
      let layer = lowerLayers.layers[lower.layer]
      if let depth = lower.prefixDepth {
        _ = try layer.destination[depth].withUnsafeBufferPointer { name throws(Errno) in try lookup(parent, name) }
        continue
      }
      isTentative = isTentative || layer.tree.listingIsTentative
      try lowerLayers.list(lower) { listed in
        guard nodes.find(parent, listed.name) == .none else { return }
        if isTentative {
          _ = try? lookup(parent, listed.name)
        } else {
          list(listed, parent, directory, index)
        }
      }
    }
    nodes.sortListing(directory)
    directory.isComplete = true
    for child in directory.children where nodes.inode(of: child).pointee.kind != .directory {
      upperLayer.linkAbove(child)
    }
  }

  private func list(_ listed: LowerName, _ parent: DentryID, _ directory: Directory, _ lowerIndex: Int) {
    let dentry = nodes.insert(parent, listed.name)
    nodes[dentry].pointee.flags.insert(.inLower)
    nodes[dentry].pointee.lowerIndex = UInt8(lowerIndex)
    let kind = FileKind(rawValue: listed.type)
    if let known = objects[listed.identity], kind != .directory {
      nodes.attach(known, to: dentry)
    } else {
      let inode = makeInode(kind ?? .regular, mode: 0, backing: .lower, fileSystem: directory.fileSystem)
      nodes[inode].pointee.flags.insert(.unloaded)
      nodes.attach(inode, to: dentry)
      if kind != .directory { objects.register(listed.identity, as: inode) }
    }
    nodes.addToListing(dentry, directory)
    // Some file systems do not tell the type in a listing.
    if kind == nil { try? load(dentry) }
  }
}

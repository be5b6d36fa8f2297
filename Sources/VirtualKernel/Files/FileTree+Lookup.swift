import CLinux
import Glibc
import SystemPackage

/// How many names that do not exist are remembered; beyond it a miss asks the host each time, so that a guest cannot
/// grow the supervisor by asking for names.
private let negativeLimit = 200_000

/// The time below that of all layers when times are squashed: 2001-09-09 01:46:40 UTC, in seconds.
private let squashedTime = 1_000_000_000

extension FileTree {
  /// The dentry of a name in a directory: `.none` or a negative one if there is no such file. The inode may be unloaded.
  func lookup(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) -> DentryID {
    let found = dentries.find(parent, name)
    if found != .none { return found }
    guard name.count <= 255 else { throw .fileNameTooLong }
    let directory = directory(of: parent)
    if directory.isComplete { return .none }
    return try lookupBelow(parent, directory, name)
  }

  /// Loads what a directory listing has left out.
  func load(_ dentry: DentryID) throws(Errno) {
    let id = dentries[dentry].pointee.inode
    guard id != .none, inodes[id.index].pointee.flags.contains(.unloaded) else { return }
    let parent = dentries[dentry].pointee.parent
    guard let found = try search(directory(of: parent), dentries.name(of: dentry)) else {
      // The host changed below a source; the name is gone.
      removeFromListing(dentry)
      detach(dentry)
      if inodes[id.index].pointee.firstAlias == .none { releaseInode(id) }
      throw .noSuchFileOrDirectory
    }
    dentries[dentry].pointee.lowerIndex = UInt8(found.match.index)
    fill(id, from: found)
  }

  private struct Found {
    var match: LowerMatch
    var target: [UInt8]
  }

  private func lookupBelow(
    _ parent: DentryID, _ directory: Directory, _ name: UnsafeBufferPointer<UInt8>
  ) throws(Errno) -> DentryID {
    guard let found = try search(directory, name) else {
      guard negativeCount < negativeLimit else { return .none }
      negativeCount += 1
      let negative = dentries.insert(parent, name)
      remember(negative: negative, in: parent)
      return negative
    }
    let dentry = dentries.insert(parent, name)
    dentries[dentry].pointee.flags.insert(.inLower)
    dentries[dentry].pointee.lowerIndex = UInt8(found.match.index)
    let status = found.match.entry.status
    let identity = HostIdentity(status)
    // A second name of a file that is known: a hard link below, as /usr/bin/perl often is.
    if status.st_mode & S_IFMT != S_IFDIR, let known = identities[identity] {
      attach(known, to: dentry)
      linkAbove(dentry)
    } else {
      let inode = makeInode(
        FileKind(mode: status.st_mode) ?? .regular, mode: 0, backing: .lower, fileSystem: directory.fileSystem)
      attach(inode, to: dentry)
      fill(inode, from: found)
    }
    addToListing(dentry, directory)
    return dentry
  }

  /// Looks for a name in the lower directories.
  private func search(_ directory: Directory, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) -> Found? {
    guard var match = try merge.find(name, in: directory.lowers) else { return nil }
    if match.place.prefixDepth != nil { match.entry = LowerEntry(status: synthesizedDirectory()) }
    guard match.entry.status.st_mode & S_IFMT == S_IFLNK else { return Found(match: match, target: []) }
    hostPath.clear()
    try hostPath.append(match.place.path)
    return Found(match: match, target: try layers[match.place.layer].tree.readLink(hostPath.cString))
  }

  private func synthesizedDirectory() -> stat {
    var status = stat()
    status.st_mode = S_IFDIR | 0o755
    status.st_nlink = 2
    status.st_size = 4096
    status.st_blocks = 8
    status.st_uid = 0
    let now = inodes[dentries[root].pointee.inode.index].pointee.modified
    status.st_atim = now
    status.st_mtim = now
    status.st_ctim = now
    return status
  }

  private func fill(_ id: InodeID, from found: Found) {
    let inode = inodes[id.index]
    let status = found.match.entry.status
    inode.pointee.kind = FileKind(mode: status.st_mode) ?? .regular
    inode.pointee.flags.remove(.unloaded)
    inode.pointee.permissions = UInt16(status.st_mode & 0o7777)
    inode.pointee.uid = found.match.entry.isVirtual ? status.st_uid : guestUser(status.st_uid)
    inode.pointee.gid = found.match.entry.isVirtual ? status.st_gid : guestGroup(status.st_gid)
    inode.pointee.links = UInt32(truncatingIfNeeded: status.st_nlink)
    inode.pointee.size = Int64(status.st_size)
    inode.pointee.blocks = Int64(status.st_blocks)
    inode.pointee.device = UInt64(status.st_rdev)
    if configuration.squashesTimes {
      // The lowest layer is the oldest.
      let time = timespec(tv_sec: squashedTime + layers.count - found.match.place.layer, tv_nsec: 0)
      (inode.pointee.accessed, inode.pointee.modified, inode.pointee.changed) = (time, time, time)
    } else {
      inode.pointee.accessed = status.st_atim
      inode.pointee.modified = status.st_mtim
      inode.pointee.changed = status.st_ctim
    }
    if inode.pointee.kind == .symbolicLink {
      inode.pointee.side = found.target.withUnsafeBufferPointer { addLinkTarget($0) }
    }
    if inode.pointee.kind == .directory {
      // A directory of two layers is no host directory in particular, and nothing opens one on the host.
      let lowers = found.match.lowers
      let store: Backing = lowers.contains { $0.prefixDepth == nil } ? .run : storeOfParent(id)
      inode.pointee.side = add(
        Directory(
          lowers: lowers, isComplete: false, isUpper: false, store: store, fileSystem: inode.pointee.fileSystem))
    } else {
      register(status, as: id)
    }
  }

  /// A directory above a source's destination belongs to what is around it: /tmp stays private around a source in it.
  private func storeOfParent(_ id: InodeID) -> Backing {
    let alias = inodes[id.index].pointee.firstAlias
    return alias == .none ? .run : directory(of: dentries[alias].pointee.parent).store
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
  func addToListing(_ dentry: DentryID, _ directory: Directory) {
    dentries[dentry].pointee.slot = directory.insert(dentry)
  }

  func removeFromListing(_ dentry: DentryID) {
    directory(of: dentries[dentry].pointee.parent).remove(dentry, at: dentries[dentry].pointee.slot)
  }

  /// A name of the directory that is known not to exist.
  func remember(negative: DentryID, in parent: DentryID) {
    directory(of: parent).negatives.append(negative) {
      dentries[$0].pointee.parent == parent && dentries[$0].pointee.inode == .none
    }
  }

  /// Brings all names of the lower directories into the table.
  func complete(_ parent: DentryID) throws(Errno) {
    let directory = directory(of: parent)
    guard !directory.isComplete else { return }
    // What hides names in one layer may hide those of the layers below it, too.
    var isTentative = false
    for (index, lower) in directory.lowers.enumerated() {
      let layer = layers[lower.layer]
      if let depth = lower.prefixDepth {
        _ = try layer.destination[depth].withUnsafeBufferPointer { name throws(Errno) in try lookup(parent, name) }
        continue
      }
      hostPath.clear()
      try hostPath.append(lower.path)
      isTentative = isTentative || layer.tree.listingIsTentative
      try layer.tree.list(hostPath.cString) { listed in
        guard dentries.find(parent, listed.name) == .none else { return }
        if isTentative {
          _ = try? lookup(parent, listed.name)
        } else {
          list(listed, parent, directory, index)
        }
      }
    }
    sortListing(directory)
    directory.isComplete = true
    for child in directory.children where inode(of: child).pointee.kind != .directory { linkAbove(child) }
  }

  private func list(_ listed: LowerName, _ parent: DentryID, _ directory: Directory, _ lowerIndex: Int) {
    let dentry = dentries.insert(parent, listed.name)
    dentries[dentry].pointee.flags.insert(.inLower)
    dentries[dentry].pointee.lowerIndex = UInt8(lowerIndex)
    let kind = FileKind(rawValue: listed.type)
    if let known = identities[listed.identity], kind != .directory {
      attach(known, to: dentry)
    } else {
      let inode = makeInode(kind ?? .regular, mode: 0, backing: .lower, fileSystem: directory.fileSystem)
      inodes[inode.index].pointee.flags.insert(.unloaded)
      attach(inode, to: dentry)
      if kind != .directory {
        inodes[inode.index].pointee.hostDevice = listed.identity.device
        inodes[inode.index].pointee.hostInode = listed.identity.inode
        identities[listed.identity] = inode
      }
    }
    addToListing(dentry, directory)
    // Some file systems do not tell the type in a listing.
    if kind == nil { try? load(dentry) }
  }

  /// Puts the children in the order of their names, before the first cookie is given out.
  private func sortListing(_ directory: Directory) {
    directory.sort { left, right in
      let a = dentries.name(of: left)
      let b = dentries.name(of: right)
      let order = memcmp(a.baseAddress!, b.baseAddress!, min(a.count, b.count))
      return order == 0 ? a.count < b.count : order < 0
    }
    for (slot, child) in directory.children.enumerated() { dentries[child].pointee.slot = UInt32(slot) }
  }
}

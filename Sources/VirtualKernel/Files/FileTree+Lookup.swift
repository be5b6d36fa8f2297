import CLinux
import Glibc
import SystemPackage

/// How many names that do not exist are remembered; beyond it a miss asks the host each time, so that a guest cannot
/// grow the supervisor by asking for names.
private let negativeLimit = 200_000

/// statfs(2): proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, devpts, bpf, pstore, efivarfs, configfs,
/// selinux, mqueue.
private let kernelMagic: Set<UInt64> = [
  0x9fa0, 0x6265_6572, 0x0027_e0eb, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x1cd1, 0xcafe_4a11,
  0x6165_676c,
  0xde5e_81e4, 0x6265_6570, 0xf97c_ff8c, 0x1980_0202,
]

extension FileTree {
  /// The dentry of a name in a directory: `.none` or a negative one if there is no such file. The inode may be unloaded.
  func lookup(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) -> DentryID {
    let found = dentries.find(parent, name)
    if found != .none {
      if dentries[found].pointee.flags.contains(.maybeSocket) { try settleSocket(found) }
      return found
    }
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
    dentries[dentry].pointee.lowerIndex = UInt8(found.lowerIndex)
    fill(id, from: found)
  }

  private struct Found {
    var status: stat
    var lowerIndex: Int
    var lowers: [LowerDirectory]
    var target: [UInt8]
  }

  private func lookupBelow(
    _ parent: DentryID, _ directory: Directory, _ name: UnsafeBufferPointer<UInt8>
  ) throws(Errno) -> DentryID {
    guard let found = try search(directory, name) else {
      guard negativeCount < negativeLimit else { return .none }
      negativeCount += 1
      let negative = dentries.insert(parent, name)
      directory.negatives.append(negative)
      return negative
    }
    let dentry = dentries.insert(parent, name)
    dentries[dentry].pointee.flags.insert(.inLower)
    dentries[dentry].pointee.lowerIndex = UInt8(found.lowerIndex)
    let identity = HostIdentity(found.status)
    // A second name of a file that is known: a hard link below, as /usr/bin/perl often is.
    if found.status.st_mode & S_IFMT != S_IFDIR, let known = identities[identity] {
      attach(known, to: dentry)
    } else {
      let inode = makeInode(
        FileKind(mode: found.status.st_mode) ?? .regular, mode: 0, backing: .lower, fileSystem: directory.fileSystem)
      attach(inode, to: dentry)
      fill(inode, from: found)
    }
    addToListing(dentry, directory)
    return dentry
  }

  /// Looks for a name in the lower directories: the first that has it wins, and directories are merged.
  private func search(_ directory: Directory, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) -> Found? {
    var found: Found?
    for (index, lower) in directory.lowers.enumerated() {
      let layer = layers[lower.layer]
      var inside: LowerDirectory
      var status: stat
      if let depth = lower.prefixDepth {
        guard layer.destination[depth].elementsEqual(name) else { continue }
        if depth + 1 < layer.destination.count {
          inside = LowerDirectory(layer: lower.layer, path: [], prefixDepth: depth + 1)
          status = synthesizedDirectory()
        } else {
          inside = LowerDirectory(layer: lower.layer, path: [], prefixDepth: nil)
          hostPath.clear()
          status = try host.status(layer.root, hostPath.cString)
        }
      } else {
        hostPath.clear()
        try hostPath.append(lower.path)
        try hostPath.appendComponent(name)
        do throws(Errno) {
          status = try host.status(layer.root, hostPath.cString)
        } catch {
          if error == .noSuchFileOrDirectory || error == .notDirectory { continue }
          throw error
        }
        if layer.hidesPrivate, status.st_mode & 0o004 == 0, status.st_mode & S_IFMT != S_IFLNK { continue }
        if hidesRun(directory, lower, name) { continue }
        if status.st_mode & S_IFMT == S_IFDIR, try isKernelsOwn(UInt64(status.st_dev), layer) { continue }
        inside = LowerDirectory(layer: lower.layer, path: Array(hostPath.bytes), prefixDepth: nil)
      }
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      if found == nil {
        var target: [UInt8] = []
        if status.st_mode & S_IFMT == S_IFLNK { target = try host.readLink(layer.root, hostPath.cString) }
        found = Found(status: status, lowerIndex: index, lowers: isDirectory ? [inside] : [], target: target)
        if !isDirectory { break }
      } else if isDirectory {
        found!.lowers.append(inside)
      } else {
        break
      }
    }
    return found
  }

  /// Whether a device is a file system that shows the running kernel, such as a /proc that is mounted within a source: its files
  /// are the host's processes and devices, not data.
  private func isKernelsOwn(_ device: UInt64, _ layer: Layer) throws(Errno) -> Bool {
    if let known = kernelDevices[device] { return known }
    let file = try host.open(layer.root, hostPath.cString, flags: O_PATH_ | O_DIRECTORY, mode: 0)
    defer { host.close(file) }
    let isOwn = kernelMagic.contains(UInt64(truncatingIfNeeded: try host.fileSystemStatus(file).f_type))
    kernelDevices[device] = isOwn
    return isOwn
  }

  private func synthesizedDirectory() -> stat {
    var status = stat()
    status.st_mode = S_IFDIR | 0o755
    status.st_nlink = 2
    status.st_size = 4096
    status.st_blocks = 8
    status.st_uid = 0
    let now = inodes[dentries[root].pointee.inode.index].pointee.modified.timespec
    status.st_atim = now
    status.st_mtim = now
    status.st_ctim = now
    return status
  }

  /// Whether `name` is a step directory of uwrx's in the directory where runs are kept.
  private func hidesRun(
    _ directory: Directory, _ lower: LowerDirectory, _ name: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard let build = layers[lower.layer].buildDirectory, name.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return false
    }
    hostPathOfParent.clear()
    guard (try? hostPathOfParent.append(lower.path)) != nil,
      let status = try? host.status(layers[lower.layer].root, hostPathOfParent.cString)
    else { return false }
    return HostIdentity(status) == build
  }

  private func fill(_ id: InodeID, from found: Found) {
    let inode = inodes[id.index]
    let status = found.status
    inode.pointee.kind = FileKind(mode: status.st_mode) ?? .regular
    inode.pointee.flags.remove(.unloaded)
    inode.pointee.permissions = UInt16(status.st_mode & 0o7777)
    inode.pointee.uid = guestUser(status.st_uid)
    inode.pointee.gid = guestGroup(status.st_gid)
    inode.pointee.links = UInt32(truncatingIfNeeded: status.st_nlink)
    inode.pointee.size = Int64(status.st_size)
    inode.pointee.blocks = Int64(status.st_blocks)
    inode.pointee.device = UInt64(status.st_rdev)
    inode.pointee.accessed = Int64(nanoseconds: status.st_atim)
    inode.pointee.modified = Int64(nanoseconds: status.st_mtim)
    inode.pointee.changed = Int64(nanoseconds: status.st_ctim)
    if inode.pointee.kind == .symbolicLink {
      inode.pointee.side = found.target.withUnsafeBufferPointer { addLinkTarget($0) }
    }
    if inode.pointee.kind == .directory {
      // A directory of two layers is no host directory in particular, and nothing opens one on the host.
      let store: Backing = found.lowers.contains { $0.prefixDepth == nil } ? .run : storeOfParent(id)
      inode.pointee.side = add(
        Directory(
          lowers: found.lowers, isComplete: false, isUpper: false, store: store, fileSystem: inode.pointee.fileSystem))
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
    uid == configuration.hostUser && uid != 0 ? configuration.credentials.uid : uid
  }

  func guestGroup(_ gid: UInt32) -> UInt32 {
    gid == configuration.hostGroup && gid != 0 ? configuration.credentials.gid : gid
  }

  /// Asks the skeleton whether a bind(2) that was let through has made a socket.
  private func settleSocket(_ dentry: DentryID) throws(Errno) {
    try buildPath(of: dentry, into: &path)
    let exists: Bool
    do throws(Errno) {
      exists = try skeleton.status(path.cString).st_mode & S_IFMT == S_IFSOCK
    } catch {
      exists = false
    }
    guard exists, dentries[dentry].pointee.inode == .none else { return }
    dentries[dentry].pointee.flags.remove(.maybeSocket)
    negativeCount -= 1
    dentries[dentry].pointee.flags.insert(.inSkeleton)
    let directory = directory(of: dentries[dentry].pointee.parent)
    let mode = (try? skeleton.status(path.cString).st_mode) ?? 0o755
    let inode = makeInode(.socket, mode: mode, backing: directory.store, fileSystem: directory.fileSystem)
    attach(inode, to: dentry)
    identities[HostIdentity(try skeleton.status(path.cString))] = inode
    addToListing(dentry, directory)
    // A later run finds the socket's name in the layer, as it would on a disk.
    try makeUpperNode(dentry, mode: mode, device: 0)
  }
}

// Listings.
extension FileTree {
  func addToListing(_ dentry: DentryID, _ directory: Directory) {
    dentries[dentry].pointee.slot = UInt32(directory.children.count)
    directory.children.append(dentry)
    directory.liveChildren += 1
  }

  func removeFromListing(_ dentry: DentryID) {
    let directory = directory(of: dentries[dentry].pointee.parent)
    let slot = Int(dentries[dentry].pointee.slot)
    guard slot < directory.children.count, directory.children[slot] == dentry else { return }
    directory.children[slot] = .none
    directory.liveChildren -= 1
  }

  /// Brings all names of the lower directories into the table.
  func complete(_ parent: DentryID) throws(Errno) {
    let directory = directory(of: parent)
    for dentry in directory.expectedSockets
    where dentries[dentry].pointee.parent == parent && dentries[dentry].pointee.flags.contains(.maybeSocket) {
      try settleSocket(dentry)
    }
    directory.expectedSockets = []
    guard !directory.isComplete else { return }
    for (index, lower) in directory.lowers.enumerated() {
      let layer = layers[lower.layer]
      if let depth = lower.prefixDepth {
        _ = try layer.destination[depth].withUnsafeBufferPointer { name throws(Errno) in try lookup(parent, name) }
        continue
      }
      hostPath.clear()
      try hostPath.append(lower.path)
      let device = try host.status(layer.root, hostPath.cString).st_dev
      try host.list(layer.root, hostPath.cString) { name, type, number in
        guard dentries.find(parent, name) == .none else { return }
        // What is hidden depends on the file's mode, so it has to be asked for.
        if layer.hidesPrivate || layer.buildDirectory != nil {
          _ = try? lookup(parent, name)
          return
        }
        list(name, type, HostIdentity(device: UInt64(device), inode: number), parent, directory, index)
      }
    }
    sortListing(directory)
    directory.isComplete = true
  }

  private func list(
    _ name: UnsafeBufferPointer<UInt8>, _ type: UInt8, _ identity: HostIdentity, _ parent: DentryID,
    _ directory: Directory, _ lowerIndex: Int
  ) {
    let dentry = dentries.insert(parent, name)
    dentries[dentry].pointee.flags.insert(.inLower)
    dentries[dentry].pointee.lowerIndex = UInt8(lowerIndex)
    let kind = FileKind(rawValue: type)
    if let known = identities[identity], kind != .directory {
      attach(known, to: dentry)
    } else {
      let inode = makeInode(kind ?? .regular, mode: 0, backing: .lower, fileSystem: directory.fileSystem)
      inodes[inode.index].pointee.flags.insert(.unloaded)
      attach(inode, to: dentry)
      if kind != .directory {
        inodes[inode.index].pointee.hostDevice = identity.device
        inodes[inode.index].pointee.hostInode = identity.inode
        identities[identity] = inode
      }
    }
    addToListing(dentry, directory)
    // Some file systems do not tell the type in a listing.
    if kind == nil { try? load(dentry) }
  }

  /// Puts the children in the order of their names, before the first cookie is given out.
  private func sortListing(_ directory: Directory) {
    directory.children.removeAll { $0 == .none }
    directory.children.sort { left, right in
      let a = dentries.name(of: left)
      let b = dentries.name(of: right)
      let order = memcmp(a.baseAddress!, b.baseAddress!, min(a.count, b.count))
      return order == 0 ? a.count < b.count : order < 0
    }
    for (slot, child) in directory.children.enumerated() { dentries[child].pointee.slot = UInt32(slot) }
  }
}

import CLinux
import Glibc
import SystemPackage

/// Files up to this size are copied up by the receiver itself; larger ones by the blocking pool.
let inlineCopyLimit: Int64 = 256 * 1024

// What is written through to the run's layer or the store.
extension FileTree {
  /// The mode that a file gets on the host: an ordinary user's supervisor must be able to open what the guest's root may.
  static func hostMode(_ mode: UInt32, isDirectory: Bool) -> UInt32 {
    (mode & 0o777) | (isDirectory ? 0o700 : 0o600)
  }

  /// Makes the directory exist in the layer that its children are written to.
  func ensureUpper(_ dentry: DentryID) throws(Errno) {
    let directory = directory(of: dentry)
    if directory.isUpper { return }
    try requireWritable(dentry)
    let parent = dentries[dentry].pointee.parent
    try ensureUpper(parent)
    // A directory above a source's destination in /tmp is a directory of the store, what it leads to one of the run.
    let isSeam = self.directory(of: parent).store != directory.store
    let record = inode(of: dentry)
    try buildPath(of: dentry, into: &path)
    if isSeam { try makeParents(of: path.bytes, below: upperRoot(directory.store)) }
    let times = try timesAbove(parent)
    try buildPath(of: dentry, into: &path)
    do throws(Errno) {
      try host.makeDirectory(
        upperRoot(directory.store), path.cString, mode: Self.hostMode(record.pointee.mode, isDirectory: true))
    } catch {
      if error != .fileExists { throw error }
    }
    if !isSeam { try restoreTimes(times, of: parent) }
    try buildPath(of: dentry, into: &path)
    try host.setMode(
      upperRoot(directory.store), path.cString, Self.hostMode(record.pointee.mode, isDirectory: true))
    if record.pointee.backing == .lower {
      try host.setTimes(
        upperRoot(directory.store), path.cString, access: record.pointee.accessed.timespec,
        modification: record.pointee.modified.timespec)
      if let lower = directory.lowers.first, lower.prefixDepth == nil {
        try? copyAttributes(dentry, upperRoot(directory.store))
      }
    }
    record.pointee.backing = directory.store
    directory.isUpper = true
    dentries[dentry].pointee.flags.insert(.inUpper)
  }

  /// The times of a directory before a copy-up makes a name in it that the guest has not made.
  func timesAbove(_ directory: DentryID) throws(Errno) -> stat {
    try buildPath(of: directory, into: &path)
    return try host.status(upperRoot(self.directory(of: directory).store), path.cString)
  }

  func restoreTimes(_ times: stat, of directory: DentryID) throws(Errno) {
    try buildPath(of: directory, into: &path)
    try host.setTimes(
      upperRoot(self.directory(of: directory).store), path.cString, access: times.st_atim, modification: times.st_mtim)
  }

  /// mkdir -p of everything but the last component.
  private func makeParents(of path: UnsafeBufferPointer<UInt8>, below root: FileDescriptor) throws(Errno) {
    for position in path.indices where path[position] == UInt8(ascii: "/") {
      hostPath.clear()
      try hostPath.append(UnsafeBufferPointer(rebasing: path[..<position]))
      do throws(Errno) {
        try host.makeDirectory(root, hostPath.cString, mode: 0o755)
      } catch {
        if error != .fileExists { throw error }
      }
    }
  }

  /// Makes room for a new file at a name: its directory exists above, and no whiteout stands there.
  func prepareUpperName(_ name: UnsafeBufferPointer<UInt8>, in parent: DentryID, existing: DentryID) throws(Errno) {
    try ensureUpper(parent)
    guard existing != .none, dentries[existing].pointee.flags.contains(.whiteoutOnDisk) else { return }
    try buildPath(of: name, in: parent, into: &path)
    try host.remove(upperRoot(directory(of: parent).store), path.cString, isDirectory: false)
    dentries[existing].pointee.flags.remove(.whiteoutOnDisk)
  }

  /// Records that a name of a lower layer is gone.
  func makeWhiteout(_ name: UnsafeBufferPointer<UInt8>, in parent: DentryID) throws(Errno) {
    try ensureUpper(parent)
    try buildPath(of: name, in: parent, into: &path)
    try host.makeNode(upperRoot(directory(of: parent).store), path.cString, mode: S_IFCHR, device: 0)
  }

  /// Marks a directory whose lower namesake must not show through (overlayfs, `userxattr` form).
  func makeOpaque(_ dentry: DentryID) throws(Errno) {
    try buildPath(of: dentry, into: &path)
    try setLayerAttribute(dentry, "user.overlay.opaque", [UInt8(ascii: "y")])
  }

  /// Records where the lower directories of a renamed directory are (overlayfs' redirect).
  func makeRedirect(_ dentry: DentryID, from origin: [UInt8]) throws(Errno) {
    try buildPath(of: dentry, into: &path)
    try setLayerAttribute(dentry, "user.overlay.redirect", origin)
  }

  /// An attribute of the directory at `path`.
  private func setLayerAttribute(_ dentry: DentryID, _ name: String, _ value: [UInt8]) throws(Errno) {
    let root = upperRoot(directory(of: dentries[dentry].pointee.parent).store)
    let result: Result<Void, Errno> = value.withUnsafeBytes { bytes in
      do throws(Errno) {
        return .success(try host.setAttribute(root, path.cString, name, bytes, flags: 0))
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// A socket or FIFO whose live end is in the skeleton leaves its name in the layer.
  func makeUpperNode(_ dentry: DentryID, mode: UInt32, device: UInt64) throws(Errno) {
    let parent = dentries[dentry].pointee.parent
    try prepareUpperName(dentries.name(of: dentry), in: parent, existing: dentry)
    try buildPath(of: dentry, into: &path)
    let backing = directory(of: parent).store
    let kind = inode(of: dentry).pointee.kind
    try host.makeNode(
      upperRoot(backing), path.cString, mode: kind.modeBits | Self.hostMode(mode, isDirectory: false), device: device)
    dentries[dentry].pointee.flags.insert(.inUpper)
    register(try host.status(upperRoot(backing), path.cString), as: dentries[dentry].pointee.inode)
  }

  /// Opens what stands behind a file. The dentry's inode is loaded.
  func openHost(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let record = inode(of: dentry)
    if record.pointee.backing.isUpper {
      try buildPath(of: upperName(of: dentry), into: &path)
      return try host.open(upperRoot(record.pointee.backing), path.cString, flags: flags, mode: 0)
    }
    let layer = try buildLowerPath(of: dentry)
    return try layers[layer].tree.open(hostPath.cString, flags: flags)
  }

  /// - Throws: `.readOnlyFileSystem` for a file or directory of a source that was given so. One that other layers are merged
  /// with is what its topmost layer is.
  func requireWritable(_ dentry: DentryID) throws(Errno) {
    guard hasReadOnlyLayers, inode(of: dentry).pointee.backing == .lower else { return }
    let lower =
      inode(of: dentry).pointee.kind == .directory
      ? directory(of: dentry).lowers.first
      : directory(of: dentries[dentry].pointee.parent).lowers[Int(dentries[dentry].pointee.lowerIndex)]
    guard let lower, layers[lower.layer].isReadOnly else { return }
    // A directory above the destination is no part of the source.
    let isAbove = lower.prefixDepth.map { $0 + (inode(of: dentry).pointee.kind == .directory ? 0 : 1) }
    if let isAbove, isAbove < layers[lower.layer].destination.count { return }
    throw .readOnlyFileSystem
  }

  /// The path below its layer's root of a file that is in a lower layer, in `hostPath`.
  /// - Returns: the layer's index.
  func buildLowerPath(of dentry: DentryID) throws(Errno) -> Int {
    let record = inode(of: dentry)
    let lower: LowerDirectory
    if record.pointee.kind == .directory {
      guard let own = directory(of: dentry).lowers.first else { throw .staleNFSFileHandle }
      lower = own
    } else {
      lower = directory(of: dentries[dentry].pointee.parent).lowers[Int(dentries[dentry].pointee.lowerIndex)]
    }
    hostPath.clear()
    if lower.prefixDepth == nil {
      try hostPath.append(lower.path)
      if record.pointee.kind != .directory { try hostPath.appendComponent(dentries.name(of: dentry)) }
    }
    return lower.layer
  }

  /// Calls `above` with the place of the file in the run's layer or the store, or `below` with that in a lower layer.
  /// - Parameter open: the guest's open file, whose place is that of a file without a name.
  /// - Returns: nil if it has none of the two.
  func withPlace<Value>(
    of dentry: DentryID, open: FileDescriptor? = nil,
    above: (FileDescriptor, UnsafePointer<CChar>) throws(Errno) -> Value,
    below: (any LowerTree, UnsafePointer<CChar>) throws(Errno) -> Value
  ) throws(Errno) -> Value? {
    let inode = inode(of: dentry)
    if inode.pointee.backing.isUpper {
      let name = upperName(of: dentry)
      guard dentries[name].pointee.flags.contains(.inUpper) else {
        guard let open else { return nil }
        path.clear()
        return try above(open, path.cString)
      }
      try buildPath(of: name, into: &path)
      return try above(upperRoot(inode.pointee.backing), path.cString)
    }
    guard inode.pointee.backing == .lower else { return nil }
    if inode.pointee.kind == .directory, directory(of: dentry).lowers.first?.prefixDepth != nil { return nil }
    let layer = try buildLowerPath(of: dentry)
    return try below(layers[layer].tree, hostPath.cString)
  }

  /// Makes the contents of a file of a lower layer ready to be opened.
  /// - Returns: work that must be waited for, or nil if they are.
  func fetch(_ dentry: DentryID) throws(Errno) -> (any BlockingWork)? {
    let record = inode(of: dentry)
    guard record.pointee.backing == .lower, record.pointee.kind == .regular else { return nil }
    let tree = layers[try buildLowerPath(of: dentry)].tree
    if let work = try tree.fetch(hostPath.cString) { return work }
    let known = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    guard let contents = try tree.contents(hostPath.cString), contents != known else { return nil }
    let id = dentries[dentry].pointee.inode
    // Names that nobody has looked up yet lead to this file, too.
    unfetchedIdentities[id] = known
    record.pointee.hostDevice = contents.device
    record.pointee.hostInode = contents.inode
    identities[contents] = id
    return nil
  }

  /// A name under which the inode can be reached in its layer. Of several names of a lower file only some may have been
  /// copied up, and this one may have been removed while the file is open.
  func upperName(of dentry: DentryID) -> DentryID {
    if dentries[dentry].pointee.flags.contains(.inUpper) { return dentry }
    var alias = inode(of: dentry).pointee.firstAlias
    while alias != .none, !dentries[alias].pointee.flags.contains(.inUpper) {
      alias = dentries[alias].pointee.nextAlias
    }
    return alias == .none ? dentry : alias
  }

  /// A name that the file still has, this one if it is not removed; nil if it has lost all that are known.
  private func linkedName(of dentry: DentryID) -> DentryID? {
    if !dentries[dentry].pointee.flags.contains(.unlinked) { return dentry }
    var alias = inode(of: dentry).pointee.firstAlias
    while alias != .none, dentries[alias].pointee.flags.contains(.unlinked) {
      alias = dentries[alias].pointee.nextAlias
    }
    return alias == .none ? nil : alias
  }

  /// Whether the file is the run's own and has lost its name there: only a descriptor leads to it.
  func isNameless(_ dentry: DentryID) -> Bool {
    inode(of: dentry).pointee.backing.isUpper && inode(of: dentry).pointee.kind == .regular
      && !dentries[upperName(of: dentry)].pointee.flags.contains(.inUpper)
  }

  /// Makes the file one of the run's own, so that it can be changed. One that has lost its name stays as it is.
  /// - Parameter keepContents: false if they are about to be truncated.
  /// - Returns: work that must be waited for, or nil if the file is ready.
  func copyUp(_ dentry: DentryID, keepContents: Bool = true) throws(Errno) -> (any BlockingWork)? {
    try load(dentry)
    let record = inode(of: dentry)
    guard record.pointee.backing == .lower else { return nil }
    guard let dentry = linkedName(of: dentry) else { return nil }
    try requireWritable(dentry)
    if record.pointee.kind == .directory {
      try ensureUpper(dentry)
      return nil
    }
    if keepContents, let work = try fetch(dentry) { return work }
    let parent = dentries[dentry].pointee.parent
    try prepareUpperName(dentries.name(of: dentry), in: parent, existing: dentry)
    let backing = directory(of: parent).store
    let root = upperRoot(backing)
    let times = try timesAbove(parent)
    try buildPath(of: dentry, into: &path)
    switch record.pointee.kind {
    case .symbolicLink:
      let target = linkTarget(of: record)
      hostPath.clear()
      try hostPath.append(target)
      try host.makeSymbolicLink(hostPath.cString, root, path.cString)
    case .regular:
      let source = keepContents ? try openHostForCopy(dentry) : nil
      if let source, record.pointee.size > inlineCopyLimit {
        return try CopyUp(tree: self, dentry: dentry, source: source, root: root, path: Array(path.bytes))
      }
      defer { if let source { host.close(source) } }
      let copy = try host.open(
        root, path.cString, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        mode: Self.hostMode(record.pointee.mode, isDirectory: false))
      defer { host.close(copy) }
      do throws(Errno) {
        if let source { try host.copyContents(from: source, to: copy) }
        try finishCopy(dentry, copy)
      } catch {
        try? host.remove(root, path.cString, isDirectory: false)
        throw error
      }
    default:
      try host.makeNode(
        root, path.cString, mode: record.pointee.kind.modeBits | Self.hostMode(record.pointee.mode, isDirectory: false),
        device: 0)
    }
    let status = try statusOfNew(root)
    if record.pointee.kind != .regular {
      do throws(Errno) {
        try host.setTimes(
          root, path.cString, access: record.pointee.accessed.timespec, modification: record.pointee.modified.timespec)
      } catch {
        try? host.remove(root, path.cString, isDirectory: false)
        throw error
      }
    }
    didCopyUp(dentry, backing, status)
    try restoreTimes(times, of: parent)
    return nil
  }

  /// What was just made at `path`; if not even this can be had, it is taken away again, or its name could never be used.
  func statusOfNew(_ root: FileDescriptor) throws(Errno) -> stat {
    do throws(Errno) { return try host.status(root, path.cString) } catch {
      try? host.remove(root, path.cString, isDirectory: false)
      throw error
    }
  }

  private func openHostForCopy(_ dentry: DentryID) throws(Errno) -> FileDescriptor {
    let layer = try buildLowerPath(of: dentry)
    return try layers[layer].tree.open(hostPath.cString, flags: O_RDONLY | O_CLOEXEC)
  }

  fileprivate func finishCopy(_ dentry: DentryID, _ copy: FileDescriptor) throws(Errno) {
    let record = inode(of: dentry)
    try host.setMode(of: copy, Self.hostMode(record.pointee.mode, isDirectory: false))
    try host.setTimes(
      of: copy, access: record.pointee.accessed.timespec, modification: record.pointee.modified.timespec)
  }

  /// Carries the attributes of the user's over; a file system without them has none to carry.
  private func copyAttributes(_ dentry: DentryID, _ root: FileDescriptor) throws(Errno) {
    let layer = try buildLowerPath(of: dentry)
    let lower = layers[layer].tree
    let names = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    let value = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    defer {
      names.deallocate()
      value.deallocate()
    }
    guard let count = try? lower.listAttributes(hostPath.cString, into: names), count > 0 else { return }
    try buildPath(of: dentry, into: &path)
    for name in names.prefix(count).split(separator: 0)
    where name.starts(with: "user.".utf8) && !name.starts(with: "user.overlay.".utf8) {
      let cName = name.map { CChar(bitPattern: $0) } + [0]
      guard let size = try? lower.getAttribute(hostPath.cString, cName, into: value) else { continue }
      try host.setAttribute(
        root, path.cString, cName, UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: value.prefix(size))),
        flags: 0)
    }
  }

  fileprivate func didCopyUp(_ dentry: DentryID, _ backing: Backing, _ status: stat) {
    let record = inode(of: dentry)
    if record.pointee.kind == .regular { try? copyAttributes(dentry, upperRoot(backing)) }
    record.pointee.backing = backing
    record.pointee.lowerIdentity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    register(status, as: dentries[dentry].pointee.inode)
    dentries[dentry].pointee.flags.insert(.inUpper)
    var alias = record.pointee.firstAlias
    while alias != .none {
      dropFromSkeleton(alias)
      linkAbove(alias)
      alias = dentries[alias].pointee.nextAlias
    }
  }

  /// Gives the copy of a lower file of several names this one, too, or who reads the layer without this tree would find the
  /// lower file there. The tree knows better, so a failure is no one's.
  func linkAbove(_ alias: DentryID) {
    let record = inode(of: alias)
    let parent = dentries[alias].pointee.parent
    guard record.pointee.backing.isUpper, directory(of: parent).store == record.pointee.backing,
      dentries[alias].pointee.flags.isDisjoint(with: [.inUpper, .unlinked])
    else { return }
    let name = upperName(of: alias)
    guard name != alias else { return }
    let root = upperRoot(record.pointee.backing)
    do throws(Errno) {
      try prepareUpperName(dentries.name(of: alias), in: parent, existing: alias)
      let times = try timesAbove(parent)
      try buildPath(of: name, into: &otherPath)
      try buildPath(of: alias, into: &path)
      try host.link(root, otherPath.cString, root, path.cString)
      dentries[alias].pointee.flags.insert(.inUpper)
      try restoreTimes(times, of: parent)
    } catch {}
  }
}

/// The copy-up of a large file on the blocking pool.
final class CopyUp: BlockingWork, @unchecked Sendable {
  private let tree: FileTree
  private let host: any HostFiles
  private let dentry: DentryID
  private let inode: InodeID
  private let source: FileDescriptor
  private let copy: FileDescriptor
  private let root: FileDescriptor
  private let path: [UInt8]
  private let backing: Backing

  fileprivate init(
    tree: FileTree, dentry: DentryID, source: FileDescriptor, root: FileDescriptor, path: [UInt8]
  ) throws(Errno) {
    self.tree = tree
    self.host = tree.host
    self.dentry = dentry
    self.inode = tree.dentries[dentry].pointee.inode
    self.source = source
    self.root = root
    self.path = path
    self.backing = tree.directory(of: tree.dentries[dentry].pointee.parent).store
    // Without a name until it is whole: a run that dies in the middle leaves no half file.
    do throws(Errno) {
      self.copy = try tree.host.open(root, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    } catch {
      tree.host.close(source)
      throw error
    }
  }

  func perform() throws(Errno) {
    try host.copyContents(from: source, to: copy)
  }

  func publish(failed: Bool) throws(Errno) {
    defer {
      host.close(source)
      host.close(copy)
    }
    if failed { return }
    let current = tree.dentries[dentry].pointee
    // Meanwhile another thread may have copied the file up, or removed or renamed it: the handler looks again.
    // A removed name keeps its inode for open files.
    guard current.inode == inode, !current.flags.contains(.unlinked),
      tree.inodes[inode.index].pointee.backing == .lower
    else { return }
    try tree.buildPath(of: dentry, into: &tree.path)
    guard tree.path.bytes.elementsEqual(path) else { return }
    let parent = tree.dentries[dentry].pointee.parent
    let times = try tree.timesAbove(parent)
    try tree.finishCopy(dentry, copy)
    // Before it has a name: what fails afterwards would leave the name behind.
    let status = try host.status(of: copy)
    try tree.buildPath(of: dentry, into: &tree.path)
    try host.link(copy, root, tree.path.cString)
    tree.didCopyUp(dentry, backing, status)
    try tree.restoreTimes(times, of: parent)
  }
}

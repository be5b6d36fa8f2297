import CLinux
import Glibc
import SystemPackage

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
    try noteBase(dentry)
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
        upperRoot(directory.store), path.cString, access: record.pointee.accessed,
        modification: record.pointee.modified)
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
    guard existing != .none else { return }
    guard dentries[existing].pointee.flags.contains(.whiteoutOnDisk) else { return try noteBase(existing) }
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

  /// Opens what stands behind a file. The dentry's inode is loaded.
  func openHost(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let record = inode(of: dentry)
    if record.pointee.backing.isUpper {
      let name = upperName(of: dentry)
      // What stands at the path of a removed name is another file.
      guard dentries[name].pointee.flags.contains(.inUpper) else { throw .noSuchFileOrDirectory }
      try buildPath(of: name, into: &path)
      return try host.open(upperRoot(record.pointee.backing), path.cString, flags: flags, mode: 0)
    }
    let layer = try buildLowerPath(of: dentry)
    return try layers[layer].tree.open(hostPath.cString, flags: flags)
  }

  /// Opens a regular file for a descriptor of the guest's.
  func openForGuest(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let record = inode(of: dentry)
    // Nobody locks a file of /sys, and no copy of one tells what it says now.
    guard record.pointee.backing == .lower, record.pointee.fileSystem != FileSystemID.sys else {
      return try openHost(dentry, flags: flags)
    }
    let tree = layers[try buildLowerPath(of: dentry)].tree
    path.clear()
    try tree.appendHostPath(of: hostPath.cString, to: &path)
    let identity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    if let file = host.openApart(path.cString, identity: identity, flags: flags) { return file }
    return try tree.open(hostPath.cString, flags: flags)
  }

  /// - Parameter size: of what is about to be copied, as far as it takes space.
  /// - Throws: `.noSpace` if the run may write no more.
  func requireSpace(_ store: Backing, for size: Int64 = 0) throws(Errno) {
    try room.require(size, in: store)
  }

  /// - Throws: `.readOnlyFileSystem` for a file or directory of a source that was given so. One that other layers are merged
  /// with is what its topmost layer is.
  func requireWritable(_ dentry: DentryID) throws(Errno) {
    guard inode(of: dentry).pointee.backing == .lower else { return }
    if inode(of: dentry).pointee.fileSystem == FileSystemID.sys { throw .readOnlyFileSystem }
    guard hasReadOnlyLayers else { return }
    guard let lower = lowerDirectory(of: dentry), layers[lower.layer].isReadOnly else { return }
    // A directory above the destination is no part of the source.
    let isAbove = lower.prefixDepth.map { $0 + (inode(of: dentry).pointee.kind == .directory ? 0 : 1) }
    if let isAbove, isAbove < layers[lower.layer].destination.count { return }
    throw .readOnlyFileSystem
  }

  /// The lower directory that a directory is, or that a file is in; nil for what no layer has, such as a link that the tree was
  /// given beside its sources.
  private func lowerDirectory(of dentry: DentryID) -> LowerDirectory? {
    if inode(of: dentry).pointee.kind == .directory { return directory(of: dentry).lowers.first }
    let lowers = directory(of: dentries[dentry].pointee.parent).lowers
    let index = Int(dentries[dentry].pointee.lowerIndex)
    return index < lowers.count ? lowers[index] : nil
  }

  /// The path below its layer's root of a file that is in a lower layer, in `hostPath`.
  /// - Returns: the layer's index.
  func buildLowerPath(of dentry: DentryID) throws(Errno) -> Int {
    guard let lower = lowerDirectory(of: dentry) else { throw .staleNFSFileHandle }
    let record = inode(of: dentry)
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
    guard inode.pointee.backing == .lower, let lower = lowerDirectory(of: dentry) else { return nil }
    if inode.pointee.kind == .directory, lower.prefixDepth != nil { return nil }
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
    // Only now is it known what of it is holes, which cp(1) and tar(1) tell by this number.
    let file = try tree.open(hostPath.cString, flags: O_RDONLY | O_CLOEXEC)
    defer { host.close(file) }
    record.pointee.blocks = Int64(try host.status(of: file).st_blocks)
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

  /// Whether the file is the run's own and has lost its name there: only a descriptor leads to it.
  func isNameless(_ dentry: DentryID) -> Bool {
    inode(of: dentry).pointee.backing.isUpper && inode(of: dentry).pointee.kind == .regular
      && !dentries[upperName(of: dentry)].pointee.flags.contains(.inUpper)
  }
}

import CLinux
import Glibc
import SystemPackage
import Tracing

/// What the tree's directories are made of and the run has not written: sources, parents, archives.
final class LowerLayers {
  /// What the layers have at a name.
  struct Found {
    var match: LowerMatch
    /// Of a symbolic link.
    var target: [UInt8]
  }

  let layers: [Layer]
  private let host: any HostFiles
  private let nodes: NodeTree
  private let objects: OpenObjects
  private let merge: LayerMerge
  private let hasReadOnlyLayers: Bool
  /// What stood below where the run has changed something: whoever brings the run's files to where they came from sees by it whether
  /// that has changed meanwhile.
  private(set) var bases = LowerBases()
  /// The lower directories of those that the run has given another name.
  private var movedDirectories: [[LowerDirectory]] = []
  private var path = PathBuffer()
  private var hostPath = PathBuffer()

  init(_ layers: [Layer], _ host: any HostFiles, _ nodes: NodeTree, _ objects: OpenObjects) {
    self.layers = layers
    self.host = host
    self.nodes = nodes
    self.objects = objects
    hasReadOnlyLayers = layers.contains { $0.isReadOnly }
    // /sys is there before anybody asks what the layers have of it.
    merge = LayerMerge(layers) { !(layers[$0].destination.first?.elementsEqual("sys".utf8) ?? false) }
  }
}

// Names.
extension LowerLayers {
  /// The parts of the root.
  var roots: [LowerDirectory] { merge.roots }

  /// The layers whose destination is a special directory or below it: who names such a place means it.
  func directories(within path: [String]) -> [LowerDirectory] {
    layers.indices.compactMap { index in
      let destination = layers[index].destination
      guard destination.count >= path.count, zip(destination, path).allSatisfy({ $0.elementsEqual($1.utf8) }) else {
        return nil
      }
      return LowerDirectory(
        layer: index, path: [], prefixDepth: destination.count == path.count ? nil : path.count)
    }
  }

  /// Looks for a name in the lower directories.
  func find(_ name: UnsafeBufferPointer<UInt8>, in directory: Directory) throws(Errno) -> Found? {
    guard var match = try merge.find(name, in: directory.lowers) else { return nil }
    if match.place.prefixDepth != nil { match.entry = LowerEntry(status: synthesizedDirectory()) }
    guard match.entry.status.st_mode & S_IFMT == S_IFLNK else { return Found(match: match, target: []) }
    path.clear()
    try path.append(match.place.path)
    return Found(match: match, target: try layers[match.place.layer].tree.readLink(path.cString))
  }

  private func synthesizedDirectory() -> stat {
    var status = stat()
    status.st_mode = S_IFDIR | 0o755
    status.st_nlink = 2
    status.st_size = 4096
    status.st_blocks = 8
    status.st_uid = 0
    let now = nodes.inode(of: nodes.root).pointee.modified
    status.st_atim = now
    status.st_mtim = now
    status.st_ctim = now
    return status
  }

  /// Calls `body` for each name of a directory within a layer.
  func list(_ lower: LowerDirectory, _ body: (LowerName) -> Void) throws(Errno) {
    path.clear()
    try path.append(lower.path)
    try layers[lower.layer].tree.list(path.cString, body)
  }

  /// The path at which the guest would see the directory if nothing had been renamed: that of its lower directories.
  func origin(of dentry: DentryID) -> [UInt8]? {
    nodes.directory(of: dentry).lowers.first.map { origin(of: $0) }
  }

  private func origin(of lower: LowerDirectory) -> [UInt8] {
    let destination = layers[lower.layer].destination
    var path = destination.prefix(lower.prefixDepth ?? destination.count).flatMap { [UInt8(ascii: "/")] + $0 }
    if !lower.path.isEmpty { path += [UInt8(ascii: "/")] + lower.path }
    return path
  }
}

// Files.
extension LowerLayers {
  /// The lower directory that a directory is, or that a file is in; nil for what no layer has, such as a link that the tree was
  /// given beside its sources.
  private func directory(of dentry: DentryID) -> LowerDirectory? {
    if nodes.inode(of: dentry).pointee.kind == .directory { return nodes.directory(of: dentry).lowers.first }
    let lowers = nodes.directory(of: nodes[dentry].pointee.parent).lowers
    let index = Int(nodes[dentry].pointee.lowerIndex)
    return index < lowers.count ? lowers[index] : nil
  }

  /// The path below its layer's root of a file that is in a lower layer, in `path`.
  /// - Returns: the layer's index.
  private func locate(_ dentry: DentryID) throws(Errno) -> Int {
    guard let lower = directory(of: dentry) else { throw .staleNFSFileHandle }
    path.clear()
    if lower.prefixDepth == nil {
      try path.append(lower.path)
      if nodes.inode(of: dentry).pointee.kind != .directory { try path.appendComponent(nodes.name(of: dentry)) }
    }
    return lower.layer
  }

  /// Whether a layer has the file: not so a link that the tree was given beside its sources.
  func has(_ dentry: DentryID) -> Bool { (try? locate(dentry)) != nil }

  func open(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    try layers[try locate(dentry)].tree.open(path.cString, flags: flags)
  }

  /// Opens a regular file for a descriptor of the guest's, with locks of its own where that can be had.
  @inline(__always)
  func openForGuest(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let record = nodes.inode(of: dentry)
    let tree = layers[try locate(dentry)].tree
    hostPath.clear()
    try tree.appendHostPath(of: path.cString, to: &hostPath)
    let identity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    if let file = host.openApart(hostPath.cString, identity: identity, flags: flags) { return file }
    return try tree.open(path.cString, flags: flags)
  }

  /// Appends where the file is on the host, as guest init knows it.
  func appendHostPath(of dentry: DentryID, to buffer: inout PathBuffer) throws(Errno) {
    try layers[try locate(dentry)].tree.appendHostPath(of: path.cString, to: &buffer)
  }

  /// Calls `body` with the place of the file.
  /// - Returns: nil if no layer has it, or it is above what one has.
  func withPlace<Value>(
    of dentry: DentryID, _ body: (any LowerTree, UnsafePointer<CChar>) throws(Errno) -> Value
  ) throws(Errno) -> Value? {
    guard let lower = directory(of: dentry) else { return nil }
    if lower.prefixDepth != nil, nodes.inode(of: dentry).pointee.kind == .directory { return nil }
    return try body(layers[try locate(dentry)].tree, path.cString)
  }

  /// Makes the contents of a file of a lower layer ready to be opened.
  /// - Returns: work that must be waited for, or nil if they are.
  func fetch(_ dentry: DentryID) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    guard record.pointee.backing == .lower, record.pointee.kind == .regular else { return nil }
    let tree = layers[try locate(dentry)].tree
    if let work = try tree.fetch(path.cString) { return work }
    let known = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    guard let contents = try tree.contents(path.cString), contents != known else { return nil }
    objects.register(contents: contents, of: nodes[dentry].pointee.inode)
    // Only now is it known what of it is holes, which cp(1) and tar(1) tell by this number.
    let file = try tree.open(path.cString, flags: O_RDONLY | O_CLOEXEC)
    defer { host.close(file) }
    record.pointee.blocks = Int64(try host.status(of: file).st_blocks)
    return nil
  }

  /// - Throws: `.readOnlyFileSystem` for a file or directory of a source that was given so. One that other layers are merged
  /// with is what its topmost layer is.
  func requireWritable(_ dentry: DentryID) throws(Errno) {
    guard nodes.inode(of: dentry).pointee.backing == .lower else { return }
    if nodes.inode(of: dentry).pointee.fileSystem == FileSystemID.sys { throw .readOnlyFileSystem }
    guard hasReadOnlyLayers else { return }
    guard let lower = directory(of: dentry), layers[lower.layer].isReadOnly else { return }
    // A directory above the destination is no part of the source.
    let isAbove = lower.prefixDepth.map { $0 + (nodes.inode(of: dentry).pointee.kind == .directory ? 0 : 1) }
    if let isAbove, isAbove < layers[lower.layer].destination.count { return }
    throw .readOnlyFileSystem
  }
}

// What stood below where the run has changed something.
extension LowerLayers {
  /// Keeps what the layers below have at a name that is about to be hidden.
  func noteBase(_ dentry: DentryID) throws(Errno) {
    let parent = nodes[dentry].pointee.parent
    guard nodes[dentry].pointee.flags.contains(.inLower), let origin = origin(of: parent),
      nodes.directory(of: parent).store == .run
    else { return }
    let name = nodes.name(of: dentry)
    if bases[Self.path(origin, name)] == nil { try noteBase(name, in: nodes.directory(of: parent).lowers, origin) }
  }

  /// Without a leading slash.
  private static func path(_ directory: [UInt8], _ name: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    Array((directory + [UInt8(ascii: "/")] + name).drop { $0 == UInt8(ascii: "/") })
  }

  /// - Parameter origin: the path of the directory as the run has found it.
  /// - Returns: what stands there.
  @discardableResult
  private func noteBase(
    _ name: UnsafeBufferPointer<UInt8>, in lowers: [LowerDirectory], _ origin: [UInt8]
  ) throws(Errno) -> LowerMatch? {
    guard let found = try merge.find(name, in: lowers) else { return nil }
    let path = Self.path(origin, name)
    let tree = layers[found.place.layer].tree
    // What an earlier run has moved is at another path of the host's.
    let isMoved = self.origin(of: lowers[found.index]) != origin
    let status = found.entry.status
    let place = tree.origin
    bases.note(
      path,
      LowerBases.Base(
        origin: place == .host && isMoved ? .run : place,
        mode: UInt32(status.st_mode), size: Int64(status.st_size),
        modified: Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)))
    return found
  }

  /// The directory gets another name.
  func noteMove(of directory: Directory) { movedDirectories.append(directory.lowers) }

  /// All that is in directories that the run has given another name: it is not there any more, though nobody has looked at it.
  func noteMovedBases() {
    var pending = movedDirectories.map { (origin: origin(of: $0[0]), lowers: $0) }
    movedDirectories = []
    // A directory may have been moved more than once.
    var seen: Set<[UInt8]> = []
    while let (origin, lowers) = pending.popLast() {
      guard seen.insert(origin).inserted else { continue }
      var names: Set<[UInt8]> = []
      for lower in lowers { names.formUnion((try? merge.names(in: lower)) ?? []) }
      for name in names {
        // What cannot be asked for is taken for changed by who asks for it.
        let found = name.withUnsafeBufferPointer { try? noteBase($0, in: lowers, origin) }
        if let found, !found.lowers.isEmpty { pending.append((origin + [UInt8(ascii: "/")] + name, found.lowers)) }
      }
    }
  }
}

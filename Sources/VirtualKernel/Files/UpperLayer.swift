import CLinux
import Glibc
import SystemPackage

/// What the run has written, on the host: its layer, in the format of overlayfs, and the store of files that live for the run.
///
/// The tree is the truth while the run lasts; what is written through here must be readable without it.
final class UpperLayer {
  let places: RunPlaces
  private let host: any HostFiles
  private let nodes: NodeTree
  private let lowerLayers: LowerLayers
  private var room: DiskRoom
  private var path = PathBuffer()
  private var otherPath = PathBuffer()

  init(_ places: RunPlaces, diskLimit: Int64?, _ host: any HostFiles, _ nodes: NodeTree, _ lowerLayers: LowerLayers) {
    self.places = places
    self.host = host
    self.nodes = nodes
    self.lowerLayers = lowerLayers
    room = DiskRoom(limit: diskLimit, coversStore: places.storeIsOnDisk)
  }

  /// The directory of the host that holds what has this backing.
  @inline(__always)
  func root(_ backing: Backing) -> FileDescriptor { places.root(backing) }

  /// When the first of the run's directories was made, by the host's file clock, which is some milliseconds late: nothing that the run has
  /// made is older. To be asked before anything is put there.
  var start: timespec {
    var start = host.now()
    for directory in [places.run, places.store] {
      guard let made = try? host.status(of: directory).st_mtim else { continue }
      if made.sinceEpoch < start.sinceEpoch { start = made }
    }
    return start
  }

  /// The mode that a file gets on the host: an ordinary user's supervisor must be able to open what the guest's root may.
  static func hostMode(_ mode: UInt32, isDirectory: Bool) -> UInt32 {
    (mode & 0o777) | (isDirectory ? 0o700 : 0o600)
  }
}

// How much may be written.
extension UpperLayer {
  /// - Parameter size: of what is about to be copied, as far as it takes space.
  /// - Throws: `.noSpace` if the run may write no more.
  func requireSpace(_ store: Backing, for size: Int64 = 0) throws(Errno) {
    try room.require(size, in: store)
  }

  func didMeasure(_ bytes: Int64) { room.didMeasure(bytes) }
  func refuseWrites() { room.isFull = true }
  func beginCopy(_ size: Int64) { room.beginCopy(size) }
  func endCopy(_ size: Int64) { room.endCopy(size) }
}

// Directories.
extension UpperLayer {
  /// Makes the directory exist in the layer that its children are written to.
  func ensure(_ dentry: DentryID) throws(Errno) {
    let directory = nodes.directory(of: dentry)
    if directory.isUpper { return }
    try lowerLayers.requireWritable(dentry)
    let parent = nodes[dentry].pointee.parent
    try ensure(parent)
    try lowerLayers.noteBase(dentry)
    // A directory above a source's destination in /tmp is a directory of the store, what it leads to one of the run.
    let isSeam = nodes.directory(of: parent).store != directory.store
    let record = nodes.inode(of: dentry)
    let root = root(directory.store)
    try nodes.buildPath(of: dentry, into: &path)
    if isSeam { try makeParents(of: path.bytes, below: root) }
    let times = try times(of: parent)
    try nodes.buildPath(of: dentry, into: &path)
    let mode = Self.hostMode(record.pointee.mode, isDirectory: true)
    do throws(Errno) {
      try host.makeDirectory(root, path.cString, mode: mode)
    } catch {
      if error != .fileExists { throw error }
    }
    if !isSeam { try restoreTimes(times, of: parent) }
    try nodes.buildPath(of: dentry, into: &path)
    try host.setMode(root, path.cString, mode)
    if record.pointee.backing == .lower {
      try host.setTimes(
        root, path.cString, access: record.pointee.accessed, modification: record.pointee.modified)
      if let lower = directory.lowers.first, lower.prefixDepth == nil { try? copyAttributes(of: dentry, to: root) }
    }
    record.pointee.backing = directory.store
    directory.isUpper = true
    nodes[dentry].pointee.flags.insert(.inUpper)
  }

  /// mkdir -p of everything but the last component.
  private func makeParents(of path: UnsafeBufferPointer<UInt8>, below root: FileDescriptor) throws(Errno) {
    for position in path.indices where path[position] == UInt8(ascii: "/") {
      otherPath.clear()
      try otherPath.append(UnsafeBufferPointer(rebasing: path[..<position]))
      do throws(Errno) {
        try host.makeDirectory(root, otherPath.cString, mode: 0o755)
      } catch {
        if error != .fileExists { throw error }
      }
    }
  }

  /// The times of a directory before a copy-up makes a name in it that the guest has not made.
  func times(of directory: DentryID) throws(Errno) -> stat {
    try nodes.buildPath(of: directory, into: &path)
    return try host.status(root(nodes.directory(of: directory).store), path.cString)
  }

  func restoreTimes(_ times: stat, of directory: DentryID) throws(Errno) {
    try nodes.buildPath(of: directory, into: &path)
    try host.setTimes(
      root(nodes.directory(of: directory).store), path.cString, access: times.st_atim, modification: times.st_mtim)
  }

  /// Marks a directory whose lower namesake must not show through (overlayfs, `userxattr` form).
  func makeOpaque(_ dentry: DentryID) throws(Errno) {
    try setAttribute(of: dentry, "user.overlay.opaque", [UInt8(ascii: "y")])
  }

  /// Records where the lower directories of a renamed directory are (overlayfs' redirect).
  func makeRedirect(_ dentry: DentryID, from origin: [UInt8]) throws(Errno) {
    try setAttribute(of: dentry, "user.overlay.redirect", origin)
  }

  private func setAttribute(of dentry: DentryID, _ name: String, _ value: [UInt8]) throws(Errno) {
    try nodes.buildPath(of: dentry, into: &path)
    let root = root(nodes.directory(of: nodes[dentry].pointee.parent).store)
    let result: Result<Void, Errno> = value.withUnsafeBytes { bytes in
      do throws(Errno) {
        return .success(try host.setAttribute(root, path.cString, name, bytes, flags: 0))
      } catch { return .failure(error) }
    }
    try result.get()
  }
}

// Names.
extension UpperLayer {
  /// Makes room for a new file at a name: its directory exists above, and no whiteout stands there.
  func prepareName(_ name: UnsafeBufferPointer<UInt8>, in parent: DentryID, existing: DentryID) throws(Errno) {
    try ensure(parent)
    guard existing != .none else { return }
    guard nodes[existing].pointee.flags.contains(.whiteoutOnDisk) else { return try lowerLayers.noteBase(existing) }
    try nodes.buildPath(of: name, in: parent, into: &path)
    try host.remove(root(nodes.directory(of: parent).store), path.cString, isDirectory: false)
    nodes[existing].pointee.flags.remove(.whiteoutOnDisk)
  }

  /// Records that a name of a lower layer is gone.
  func makeWhiteout(_ name: UnsafeBufferPointer<UInt8>, in parent: DentryID) throws(Errno) {
    try ensure(parent)
    try nodes.buildPath(of: name, in: parent, into: &path)
    try host.makeNode(root(nodes.directory(of: parent).store), path.cString, mode: S_IFCHR, device: 0)
  }

  /// Hides a name of a lower layer whose dentry is about to go.
  func whiteoutIfBelow(_ dentry: DentryID) throws(Errno) {
    guard nodes[dentry].pointee.flags.contains(.inLower) else { return }
    let parent = nodes[dentry].pointee.parent
    try lowerLayers.noteBase(dentry)
    try makeWhiteout(nodes.name(of: dentry), in: parent)
    nodes.directory(of: parent).hasWhiteouts = true
  }

  /// An empty virtual directory may hold whiteouts.
  func removeWhiteouts(in dentry: DentryID) throws(Errno) {
    let root = root(nodes.directory(of: nodes[dentry].pointee.parent).store)
    try nodes.buildPath(of: dentry, into: &path)
    var names: [[UInt8]] = []
    try host.list(root, path.cString) { name, type, _ in
      if type == FileKind.characterDevice.rawValue { names.append(Array(name)) }
    }
    for name in names {
      otherPath.clear()
      try otherPath.append(path.bytes)
      try name.withUnsafeBufferPointer { bytes throws(Errno) in try otherPath.appendComponent(bytes) }
      try host.remove(root, otherPath.cString, isDirectory: false)
    }
  }

  /// Gives a file of the layer another name.
  func link(_ name: DentryID, as new: DentryID) throws(Errno) {
    let root = root(nodes.inode(of: name).pointee.backing)
    try nodes.buildPath(of: name, into: &otherPath)
    try nodes.buildPath(of: new, into: &path)
    try host.link(root, otherPath.cString, root, path.cString)
  }

  /// The same for one that the guest has not given it, but the tree has known all along.
  func link(_ name: DentryID, asKnown alias: DentryID) throws(Errno) {
    let parent = nodes[alias].pointee.parent
    try prepareName(nodes.name(of: alias), in: parent, existing: alias)
    let times = try times(of: parent)
    try link(name, as: alias)
    nodes[alias].pointee.flags.insert(.inUpper)
    try restoreTimes(times, of: parent)
  }

  /// Gives the copy of a lower file of several names this one, too, or who reads the layer without this tree would find the
  /// lower file there. The tree knows better, so a failure is no one's.
  func linkAbove(_ alias: DentryID) {
    let record = nodes.inode(of: alias)
    guard record.pointee.backing.isUpper,
      nodes.directory(of: nodes[alias].pointee.parent).store == record.pointee.backing,
      nodes[alias].pointee.flags.isDisjoint(with: [.inUpper, .unlinked])
    else { return }
    let name = nodes.upperName(of: alias)
    if name != alias { try? link(name, asKnown: alias) }
  }
}

// Files.
extension UpperLayer {
  /// Opens a file of the run's own by a name that it still has.
  func open(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let name = nodes.upperName(of: dentry)
    // What stands at the path of a removed name is another file.
    guard nodes[name].pointee.flags.contains(.inUpper) else { throw .noSuchFileOrDirectory }
    try nodes.buildPath(of: name, into: &path)
    return try host.open(root(nodes.inode(of: name).pointee.backing), path.cString, flags: flags, mode: 0)
  }

  /// Calls `body` with the place of a file of the run's own.
  /// - Parameter open: the guest's open file, whose place is that of a file without a name.
  /// - Returns: nil if it has none.
  func withPlace<Value>(
    of dentry: DentryID, open: FileDescriptor?,
    _ body: (FileDescriptor, UnsafePointer<CChar>) throws(Errno) -> Value
  ) throws(Errno) -> Value? {
    let name = nodes.upperName(of: dentry)
    guard nodes[name].pointee.flags.contains(.inUpper) else {
      guard let open else { return nil }
      path.clear()
      return try body(open, path.cString)
    }
    try nodes.buildPath(of: name, into: &path)
    return try body(root(nodes.inode(of: dentry).pointee.backing), path.cString)
  }

  /// Appends where the file is on the host, as guest init knows it.
  func appendHostPath(of dentry: DentryID, to buffer: inout PathBuffer) throws(Errno) {
    try nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)
    try buffer.append(places.path(nodes.inode(of: dentry).pointee.backing))
    try buffer.appendComponent(path.bytes)
  }

  /// lstat of the file, or nil if it has no name in the layer any more.
  func status(of id: InodeID) throws(Errno) -> stat? {
    let record = nodes[id]
    let alias = record.pointee.firstAlias
    guard alias != .none else { return nil }
    if record.pointee.kind == .directory, !nodes.directory(of: alias).isUpper { return nil }
    let name = nodes.upperName(of: alias)
    if nodes[name].pointee.flags.contains(.unlinked) { return nil }
    try nodes.buildPath(of: name, into: &path)
    return try host.status(root(record.pointee.backing), path.cString)
  }

  /// The last times of a copy that is about to lose its name, for who holds the lower file open.
  func rememberTimes(of dentry: DentryID) throws(Errno) {
    let record = nodes.inode(of: dentry)
    guard record.pointee.lowerIdentity.inode != 0, let above = try status(of: nodes[dentry].pointee.inode)
    else { return }
    record.pointee.accessed = above.st_atim
    record.pointee.modified = above.st_mtim
  }

  /// Carries the attributes of the user's over; a file system without them has none to carry.
  func copyAttributes(of dentry: DentryID, to root: FileDescriptor) throws(Errno) {
    let names = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    let value = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    defer {
      names.deallocate()
      value.deallocate()
    }
    _ = try lowerLayers.withPlace(of: dentry) { lower, place throws(Errno) in
      guard let count = try? lower.listAttributes(place, into: names), count > 0 else { return }
      try nodes.buildPath(of: dentry, into: &path)
      for name in names.prefix(count).split(separator: 0)
      where name.starts(with: "user.".utf8) && !name.starts(with: "user.overlay.".utf8) {
        let cName = name.map { CChar(bitPattern: $0) } + [0]
        guard let size = try? lower.getAttribute(place, cName, into: value) else { continue }
        try host.setAttribute(
          root, path.cString, cName,
          UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: value.prefix(size))),
          flags: 0)
      }
    }
  }
}

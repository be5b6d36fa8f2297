import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// The host's files in memory.
final class MemoryHostFiles: HostFiles {
  let world: World
  private let memoryFiles: Volume
  /// Some file systems do not tell the type in a listing.
  var tellsTypes = true
  /// Some file systems cannot leave a whiteout behind a rename.
  var leavesWhiteouts = true
  /// Some file systems have no attributes of the user's.
  var hasAttributes = true
  /// Whether the host can mount overlays.
  var opensApart = false
  /// Who owns what the supervisor makes.
  var user: UInt32 = 0
  private(set) var watches: [(node: Node, mask: UInt32)] = []
  /// All that were given, in order.
  var watchMasks: [UInt32] = []

  init(_ world: World) {
    self.world = world
    memoryFiles = world.makeVolume(isReadOnly: false)
  }

  func find(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> Node {
    try world.find(world.file(directory).node, path)
  }

  private func findParent(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> (Node, [UInt8]) {
    try world.findParent(world.file(directory).node, path)
  }

  func changeable(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> Node {
    let node = try find(directory, path)
    try world.requireWritable(node)
    return node
  }

  private func make(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno) -> Node {
    let (parent, name) = try findParent(directory, path)
    try world.requireWritable(parent)
    guard parent.child(name) == nil else { throw .fileExists }
    let node = Node(parent.volume, mode: mode)
    node.uid = user
    node.gid = user
    parent.insert(name, node)
    return node
  }

  func status(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> stat {
    try world.enter(.status)
    return try find(directory, path).status
  }

  func status(of file: FileDescriptor) throws(Errno) -> stat {
    try world.enter(.statusOfFile)
    return world.file(file).node.status
  }

  func open(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, flags: Int32, mode: UInt32
  ) throws(Errno) -> FileDescriptor {
    try world.enter(.open)
    if flags & O_TMPFILE_ == O_TMPFILE_ {
      let parent = try changeable(directory, path)
      guard parent.isDirectory else { throw .notDirectory }
      let node = Node(parent.volume, mode: FileType.regular | mode)
      node.uid = user
      node.gid = user
      node.links = 0
      return world.insert(OpenFile(node, flags: flags))
    }
    if flags & O_CREAT != 0 {
      guard flags & O_EXCL != 0 else {
        Issue.record("a file was created without O_EXCL")
        throw .invalidArgument
      }
      return world.insert(OpenFile(try make(directory, path, mode: FileType.regular | mode), flags: flags))
    }
    return try open(try find(directory, path), flags: flags)
  }

  func openApart(_ path: UnsafePointer<CChar>, identity: HostIdentity, flags: Int32) -> FileDescriptor? {
    let path = (0..<strlen(path)).map { UInt8(bitPattern: path[$0]) }
    guard opensApart, let node = world.node(ofHost: path), node.identity == identity else { return nil }
    let file = OpenFile(node, flags: flags)
    file.isApart = true
    return world.insert(file)
  }

  func isApart(_ file: FileDescriptor) -> Bool { world.file(file).isApart }

  func identity(behind identity: HostIdentity) -> HostIdentity { identity }

  private func open(_ node: Node, flags: Int32) throws(Errno) -> FileDescriptor {
    if flags & O_PATH_ == 0 {
      switch node.kind {
      case FileType.symbolicLink: throw .tooManySymbolicLinkLevels
      case FileType.fifo where node.links > 0:
        Issue.record("the supervisor would have waited for the other end of a FIFO")
        throw .init(rawValue: ENXIO)
      case FileType.socket: throw .init(rawValue: ENXIO)
      case FileType.characterDevice where node.isWhiteout: throw .init(rawValue: ENXIO)
      default: break
      }
      if flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0 {
        if node.isDirectory { throw .isDirectory }
        if node.kind == FileType.regular { try world.requireWritable(node) }
      }
    }
    if flags & O_DIRECTORY != 0, !node.isDirectory { throw .notDirectory }
    if flags & O_TRUNC != 0 {
      node.bytes = []
      node.touch()
    }
    return world.insert(OpenFile(node, flags: flags))
  }

  func reopen(_ file: FileDescriptor, flags: Int32) throws(Errno) -> FileDescriptor {
    try world.enter(.reopen)
    return try open(world.file(file).node, flags: flags)
  }

  func close(_ file: FileDescriptor) { world.close(file) }

  func readLink(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] {
    try world.enter(.readLink)
    let node = try find(directory, path)
    guard node.kind == FileType.symbolicLink else { throw .invalidArgument }
    return node.target
  }

  func list(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>,
    _ body: (UnsafeBufferPointer<UInt8>, UInt8, UInt64) -> Void
  ) throws(Errno) {
    try world.enter(.list)
    let node = try find(directory, path)
    guard node.isDirectory else { throw .notDirectory }
    // In an order that is not that of the names.
    for (name, child) in node.entries.reversed() {
      let type = tellsTypes ? UInt8(child.kind >> 12) : 0
      name.withUnsafeBufferPointer { body($0, type, child.number) }
    }
  }

  func read(_ file: FileDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try world.enter(.read)
    let bytes = world.file(file).node.bytes.dropFirst(offset).prefix(buffer.count)
    buffer.copyBytes(from: bytes)
    return bytes.count
  }

  func write(_ file: FileDescriptor, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    try world.enter(.write)
    let open = world.file(file)
    guard open.isWritable else { throw .badFileDescriptor }
    open.node.write(Array(bytes), at: offset)
    return bytes.count
  }

  /// Whole pages of zeros are holes.
  func nextData(of file: FileDescriptor, from offset: Int) -> Int? {
    let bytes = world.file(file).node.bytes
    guard offset < bytes.count, let data = bytes[offset...].firstIndex(where: { $0 != 0 }) else { return nil }
    return max(offset, data & ~4095)
  }

  func makeDirectory(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno) {
    try world.enter(.makeDirectory)
    _ = try make(directory, path, mode: FileType.directory | mode)
  }

  func makeNode(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32, device: UInt64
  ) throws(Errno) {
    try world.enter(.makeNode)
    try make(directory, path, mode: mode).device = device
  }

  func makeSymbolicLink(
    _ target: UnsafePointer<CChar>, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>
  ) throws(Errno) {
    try world.enter(.makeSymbolicLink)
    let node = try make(directory, path, mode: FileType.symbolicLink | 0o777)
    node.target = (0..<strlen(target)).map { UInt8(bitPattern: target[$0]) }
  }

  func link(
    _ fromDirectory: FileDescriptor, _ from: UnsafePointer<CChar>, _ toDirectory: FileDescriptor,
    _ to: UnsafePointer<CChar>
  ) throws(Errno) {
    try world.enter(.link)
    try link(try find(fromDirectory, from), toDirectory, to)
  }

  func link(_ file: FileDescriptor, _ directory: FileDescriptor, _ to: UnsafePointer<CChar>) throws(Errno) {
    try world.enter(.linkFile)
    let open = world.file(file)
    // linkat(2): a file whose last name was removed gets none again, but one that never had a name does.
    if open.node.links == 0, open.flags & O_TMPFILE_ != O_TMPFILE_ || open.flags & O_EXCL != 0 {
      throw .noSuchFileOrDirectory
    }
    try link(open.node, directory, to)
  }

  private func link(_ node: Node, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) {
    let (parent, name) = try findParent(directory, path)
    try world.requireWritable(parent)
    if node.isDirectory { throw .notPermitted }
    if node.volume !== parent.volume { throw .init(rawValue: EXDEV) }
    guard parent.child(name) == nil else { throw .fileExists }
    parent.insert(name, node)
    node.links += 1
    node.changed = world.now()
  }

  func isOpen(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, forWriting: Bool
  ) throws(Errno) -> Bool {
    world.isOpen(try find(directory, path), forWriting: forWriting)
  }

  func rename(
    _ fromDirectory: FileDescriptor, _ from: UnsafePointer<CChar>, _ toDirectory: FileDescriptor,
    _ to: UnsafePointer<CChar>, flags: UInt32
  ) throws(Errno) {
    try world.enter(.rename)
    let (source, target) = (try findParent(fromDirectory, from), try findParent(toDirectory, to))
    try world.requireWritable(source.0)
    try world.requireWritable(target.0)
    if flags & renameWhiteout != 0, !leavesWhiteouts { throw .invalidArgument }
    try world.rename(source, target, flags: flags)
  }

  func remove(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, isDirectory: Bool) throws(Errno) {
    try world.enter(.remove)
    let (parent, name) = try findParent(directory, path)
    guard let node = parent.child(name) else { throw .noSuchFileOrDirectory }
    try world.requireWritable(parent)
    if isDirectory {
      guard node.isDirectory else { throw .notDirectory }
      guard node.entries.isEmpty else { throw .directoryNotEmpty }
    } else if node.isDirectory {
      throw .isDirectory
    }
    parent.removeEntry(name)
    node.links = isDirectory ? 0 : node.links - 1
    node.changed = world.now()
  }

  func copyContents(from: FileDescriptor, to: FileDescriptor) throws(Errno) {
    try world.enter(.copyContents)
    let target = world.file(to)
    guard target.isWritable else { throw .badFileDescriptor }
    target.node.bytes = world.file(from).node.bytes
    target.node.touch()
  }

  func truncate(_ file: FileDescriptor, to length: Int64) throws(Errno) {
    try world.enter(.truncate)
    let open = world.file(file)
    try world.requireWritable(open.node)
    guard open.isWritable else { throw .invalidArgument }
    let missing = Int(length) - open.node.bytes.count
    if missing > 0 { open.node.bytes += [UInt8](repeating: 0, count: missing) }
    open.node.bytes.removeLast(max(0, -missing))
    open.node.touch()
  }

  func fileSystemStatus(_ directory: FileDescriptor) throws(Errno) -> statfs {
    try world.enter(.fileSystemStatus)
    var status = statfs()
    status.f_type = 0xef53
    status.f_bsize = 4096
    status.f_blocks = numericCast(world.file(directory).node.volume.device * 1000)
    status.f_bfree = 500
    return status
  }

  func addWatch(
    _ inotify: FileDescriptor, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mask: UInt32
  ) throws(Errno) -> Int32 {
    try world.enter(.addWatch)
    guard world.file(inotify).name == "anon_inode:inotify" else { throw .invalidArgument }
    let node = try find(directory, path)
    watchMasks.append(mask)
    if let known = watches.firstIndex(where: { $0.node === node }) {
      watches[known].mask = mask
      return Int32(known + 1)
    }
    watches.append((node, mask))
    return Int32(watches.count)
  }

  func touch(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) {
    guard try find(directory, path).isDirectory else { throw .notDirectory }
  }

  func takeEvents(_ inotify: FileDescriptor, _ body: (Int32, UInt32) -> Void) {}

  func makeInotify() throws(Errno) -> FileDescriptor {
    world.insert(
      OpenFile(Node(memoryFiles, mode: FileType.regular | 0o600), flags: O_RDONLY, name: "anon_inode:inotify"))
  }

  func removeWatch(_ inotify: FileDescriptor, _ number: Int32) throws(Errno) {
    guard world.file(inotify).name == "anon_inode:inotify", watches.indices.contains(Int(number) - 1) else {
      throw .invalidArgument
    }
    watches[Int(number) - 1].mask = 0
  }

  func isSame(_ one: FileDescriptor, _ other: FileDescriptor) -> Bool { world.file(one) === world.file(other) }

  func sealedFile(_ name: String, _ contents: [UInt8], flags: Int32) throws(Errno) -> FileDescriptor {
    try world.enter(.sealedFile)
    let node = Node(memoryFiles, mode: FileType.regular | 0o444)
    node.bytes = contents
    node.links = 0
    return world.insert(OpenFile(node, flags: flags & O_ACCMODE, name: "/memfd:\(name) (deleted)"))
  }

  func now() -> timespec { world.now() }
}

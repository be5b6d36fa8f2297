import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// An archive, or what is below one of its directories, as a lower layer.
public final class ArchiveTree: LowerTree {
  private let index: TreeIndex
  private let root: UInt32
  /// Where the root is in the archive.
  private let prefix: [UInt8]
  private let stores: [ContentStore]
  /// The device that what has no contents seems to be on.
  private let device: UInt64
  /// Whether the archive tells owners. Else all is the user's, as in a checkout.
  private let hasOwners: Bool

  init(
    _ index: TreeIndex, root: UInt32, prefix: [UInt8], stores: [ContentStore], device: UInt64, hasOwners: Bool
  ) {
    self.index = index
    self.root = root
    self.prefix = prefix
    self.stores = stores
    self.device = device
    self.hasOwners = hasOwners
  }

  public var isFile: Bool { !index.nodes[Int(root)].isDirectory }
  public var listingIsTentative: Bool { false }

  /// Makes the contents reachable through the read-only clone of the host's mounts.
  public func attach(_ hostRoot: FileDescriptor) throws(ArchiveError) {
    for store in stores { try store.attach(hostRoot) }
  }

  private func find(_ path: UnsafePointer<CChar>) -> UInt32? {
    let bytes = UnsafeRawBufferPointer(start: path, count: strlen(path)).assumingMemoryBound(to: UInt8.self)
    return index.find(bytes, from: root)
  }

  private func regular(_ path: UnsafePointer<CChar>) throws(Errno) -> Node {
    guard let found = find(path) else { throw .noSuchFileOrDirectory }
    let node = index.nodes[Int(found)]
    guard node.isRegular else { throw .invalidArgument }
    return node
  }

  public func entry(_ path: UnsafePointer<CChar>) throws(Errno) -> LowerEntry? {
    guard let found = find(path) else { return nil }
    let node = index.nodes[Int(found)]
    let identity = identity(of: found)
    var status = stat()
    status.st_dev = numericCast(identity.device)
    status.st_ino = numericCast(identity.inode)
    status.st_mode = node.mode
    status.st_nlink = numericCast(node.links)
    status.st_uid = hasOwners ? node.uid : geteuid()
    status.st_gid = hasOwners ? node.gid : getegid()
    status.st_size = node.isDirectory ? 4096 : node.isLink ? Int(node.count) : Int(node.size)
    status.st_blocks = node.isDirectory ? 8 : node.isRegular ? Int(node.size) / 512 + (node.size % 512 > 0 ? 1 : 0) : 0
    status.st_blksize = 4096
    let time = timespec(tv_sec: Int(node.modified), tv_nsec: Int(node.nanoseconds))
    status.st_atim = time
    status.st_mtim = time
    status.st_ctim = time
    return LowerEntry(status: status, isVirtual: hasOwners)
  }

  /// What the file is known by until its contents are on the host.
  private func identity(of found: UInt32) -> HostIdentity {
    let node = index.nodes[Int(found)]
    guard node.isRegular else { return HostIdentity(device: device, inode: UInt64(found)) }
    return HostIdentity(device: stores[Int(node.store)].device, inode: node.content)
  }

  public func list(_ path: UnsafePointer<CChar>, _ body: (LowerName) -> Void) throws(Errno) {
    guard let found = find(path) else { throw .noSuchFileOrDirectory }
    index.list(found) { name, node in
      body(
        LowerName(name: name, type: UInt8((index.nodes[Int(node)].mode >> 12) & 15), identity: identity(of: node)))
    }
  }

  public func readLink(_ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] {
    guard let found = find(path), index.nodes[Int(found)].isLink else { throw .invalidArgument }
    return index.linkTarget(found)
  }

  public func fetch(_ path: UnsafePointer<CChar>) throws(Errno) -> (any BlockingWork)? {
    let node = try regular(path)
    let store = stores[Int(node.store)]
    if store.identity(node.content) != nil { return nil }
    let relative = UnsafeRawBufferPointer(start: path, count: strlen(path))
    return ContentFetch(
      store, node.content, path: prefix + [UInt8(ascii: "/")] + relative, size: node.size,
      isExecutable: node.mode & 0o111 != 0)
  }

  public func contents(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity? {
    let node = try regular(path)
    return stores[Int(node.store)].identity(node.content)
  }

  public func open(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    let node = try regular(path)
    return try stores[Int(node.store)].open(node.content, flags: flags)
  }

  public func appendHostPath(of path: UnsafePointer<CChar>, to buffer: inout PathBuffer) throws(Errno) {
    let node = try regular(path)
    try buffer.append(stores[Int(node.store)].path(node.content))
  }

  public func listAttributes(
    _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard let found = find(path) else { throw .noSuchFileOrDirectory }
    var names: [UInt8] = []
    for attribute in index.attributes(found) { names += Array(attribute.name) + [0] }
    return try Self.answer(names, into: buffer)
  }

  public func getAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard let found = find(path) else { throw .noSuchFileOrDirectory }
    let wanted = UnsafeRawBufferPointer(start: name, count: strlen(name))
    guard let attribute = index.attributes(found).first(where: { $0.name.elementsEqual(wanted) }) else {
      throw .noData
    }
    return try Self.answer(attribute.value, into: buffer)
  }

  /// As getxattr(2): an empty buffer asks for the size.
  private static func answer(
    _ bytes: some Collection<UInt8>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard buffer.count > 0 else { return bytes.count }
    guard bytes.count <= buffer.count else { throw .outOfRange }
    buffer.copyBytes(from: bytes)
    return bytes.count
  }
}

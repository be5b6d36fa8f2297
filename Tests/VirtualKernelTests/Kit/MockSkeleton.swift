import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// The guest's real root.
final class MockSkeleton: Skeleton {
  let world: World
  let root: Node
  /// Nobody follows a link here but in a test.
  var hasOwnLinks: Bool { false }

  init(_ world: World) {
    self.world = world
    root = Node(world.makeVolume(isReadOnly: false), mode: FileType.directory | 0o755)
  }

  func makeDirectory(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity {
    try world.enter(.skeletonMakeDirectory)
    if path[0] == 0 { return root.identity }
    let (parent, name) = try world.findParent(root, path)
    if let known = parent.child(name) {
      guard known.isDirectory else { throw .notDirectory }
      return known.identity
    }
    let node = Node(root.volume, mode: FileType.directory | 0o755)
    parent.insert(name, node)
    return node.identity
  }

  private func make(_ path: UnsafePointer<CChar>, _ mode: UInt32, replaces: Bool) throws(Errno) -> Node {
    let (parent, name) = try world.findParent(root, path)
    if parent.child(name) != nil {
      guard replaces else { throw .fileExists }
      parent.removeEntry(name)
    }
    let node = Node(root.volume, mode: mode)
    parent.insert(name, node)
    return node
  }

  func makeSymbolicLink(_ target: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>) throws(Errno) {
    try world.enter(.skeletonMakeSymbolicLink)
    let node = try make(path, FileType.symbolicLink | 0o777, replaces: false)
    node.target = (0..<strlen(target)).map { UInt8(bitPattern: target[$0]) }
  }

  func makeNode(_ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno) {
    try world.enter(.skeletonMakeNode)
    _ = try make(path, mode, replaces: true)
  }

  func openDirectory(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    try world.enter(.skeletonOpenDirectory)
    let node = try world.find(root, path)
    guard node.isDirectory else { throw .notDirectory }
    return world.insert(OpenFile(node, flags: O_RDONLY | O_DIRECTORY))
  }

  func status(_ path: UnsafePointer<CChar>) throws(Errno) -> stat {
    try world.enter(.skeletonStatus)
    return try world.find(root, path).status
  }

  func rename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>, flags: UInt32) throws(Errno) {
    try world.enter(.skeletonRename)
    let (source, target) = (try world.findParent(root, from), try world.findParent(root, to))
    // A file of the host is a mount point here (rename(2), EBUSY).
    for (parent, name) in [source, target] {
      if let node = parent.child(name), node.volume !== root.volume { throw .resourceBusy }
    }
    try world.rename(source, target, flags: flags)
  }

  func link(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) throws(Errno) {
    try world.enter(.skeletonLink)
    let node = try world.find(root, from)
    let (parent, name) = try world.findParent(root, to)
    guard parent.child(name) == nil else { throw .fileExists }
    parent.insert(name, node)
    node.links += 1
  }

  func remove(_ path: UnsafePointer<CChar>) throws(Errno) {
    try world.enter(.skeletonRemove)
    let (parent, name) = try world.findParent(root, path)
    guard parent.child(name) != nil else { throw .noSuchFileOrDirectory }
    parent.removeEntry(name)
  }

  func bind(
    _ hostPath: UnsafePointer<CChar>, identity: HostIdentity, at path: UnsafePointer<CChar>, isDevice: Bool
  ) throws(Errno) {
    try world.enter(.skeletonBind)
    let host = (0..<strlen(hostPath)).map { UInt8(bitPattern: hostPath[$0]) }
    guard let node = world.node(ofHost: host), node.identity == identity else {
      Issue.record("the file to bind is not at \(String(decoding: host, as: UTF8.self))")
      throw .staleNFSFileHandle
    }
    let (parent, name) = try world.findParent(root, path)
    parent.removeEntry(name)
    parent.insert(name, node)
  }
}

// What guest init does for a guest.
extension MockSkeleton {
  func bind(
    _ socket: FileDescriptor, from directory: UnsafePointer<CChar>, to address: UnsafePointer<CChar>
  ) throws(Errno) {
    try world.enter(.skeletonBindSocket)
    guard world.file(socket).node.kind == FileType.socket else { throw .init(rawValue: ENOTSOCK) }
    let path = String(cString: address)
    let name = path.split(separator: "/").last!
    let start = try walk(from: root, String(cString: directory))
    let parent = try walk(from: start, String(path.dropLast(name.count)))
    guard parent.child(name.utf8) == nil else { throw .addressInUse }
    parent.insert(name.utf8, Node(root.volume, mode: FileType.socket | 0o777))
  }

  func bindRemovedDirectory(at path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity {
    try world.enter(.skeletonBindRemovedDirectory)
    let (parent, name) = try world.findParent(root, path)
    guard parent.child(name) == nil else { throw .fileExists }
    let node = Node(root.volume, mode: FileType.directory | 0o755)
    parent.insert(name, node)
    return node.identity
  }
}

// What the kernel does when it runs a guest's own call.
extension MockSkeleton {
  /// path_resolution(7) in the skeleton.
  func walk(from start: Node, _ path: String, follow: Bool = true) throws(Errno) -> Node {
    var links = 0
    var current = path.hasPrefix("/") ? root : start
    var todo = path.split(separator: "/").map(String.init)
    while !todo.isEmpty {
      let name = todo.removeFirst()
      if name == "." { continue }
      if name == ".." {
        current = current.parent ?? current
        continue
      }
      guard current.isDirectory else { throw .notDirectory }
      guard let next = current.child(name.utf8) else { throw .noSuchFileOrDirectory }
      guard next.kind == FileType.symbolicLink, follow || !todo.isEmpty else {
        current = next
        continue
      }
      links += 1
      if links > 40 { throw .tooManySymbolicLinkLevels }
      let target = String(decoding: next.target, as: UTF8.self)
      if target.hasPrefix("/") { current = root }
      todo = target.split(separator: "/").map(String.init) + todo
    }
    return current
  }
}

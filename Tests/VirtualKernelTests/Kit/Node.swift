import CLinux
import Glibc
import SystemPackage

@testable import VirtualKernel

/// The type bits of a mode, as `Glibc` and `VirtualKernel` both name them.
enum FileType {
  static let mask: UInt32 = 0o170000
  static let directory: UInt32 = 0o040000
  static let regular: UInt32 = 0o100000
  static let symbolicLink: UInt32 = 0o120000
  static let characterDevice: UInt32 = 0o020000
  static let blockDevice: UInt32 = 0o060000
  static let fifo: UInt32 = 0o010000
  static let socket: UInt32 = 0o140000
}

/// A file system of the host. The number of a file that is gone is used again, as on ext4, so that who confuses two files
/// is found.
final class Volume {
  let device: UInt64
  let isReadOnly: Bool
  var now: () -> timespec = { timespec(tv_sec: 1_000_000_000, tv_nsec: 0) }
  private var next: UInt64 = 2
  private var free: [UInt64] = []

  init(device: UInt64, isReadOnly: Bool) {
    self.device = device
    self.isReadOnly = isReadOnly
  }

  func takeNumber() -> UInt64 {
    if let number = free.popLast() { return number }
    defer { next += 1 }
    return next
  }

  func giveBack(_ number: UInt64) { free.append(number) }
}

/// A file of the host.
final class Node {
  let volume: Volume
  let number: UInt64
  var mode: UInt32
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  var links: UInt32
  var bytes: [UInt8] = []
  /// In the order in which they were made.
  var entries: [(name: [UInt8], node: Node)] = []
  var target: [UInt8] = []
  var attributes: [[UInt8]: [UInt8]] = [:]
  var device: UInt64 = 0
  var accessed: timespec
  var modified: timespec
  var changed: timespec
  weak var parent: Node?

  init(_ volume: Volume, mode: UInt32) {
    self.volume = volume
    self.mode = mode
    number = volume.takeNumber()
    links = mode & FileType.mask == FileType.directory ? 2 : 1
    accessed = volume.now()
    modified = accessed
    changed = accessed
  }

  deinit { volume.giveBack(number) }

  var kind: UInt32 { mode & FileType.mask }
  var permissions: UInt32 { mode & 0o7777 }
  var isDirectory: Bool { kind == FileType.directory }
  var isWhiteout: Bool { kind == FileType.characterDevice && device == 0 }
  var identity: HostIdentity { HostIdentity(device: volume.device, inode: number) }
  var text: String { String(decoding: bytes, as: UTF8.self) }

  func child(_ name: some Sequence<UInt8>) -> Node? {
    let name = Array(name)
    return entries.first { $0.name == name }?.node
  }

  func insert(_ name: some Sequence<UInt8>, _ node: Node) {
    entries.append((Array(name), node))
    if node.isDirectory {
      node.parent = self
      links += 1
    }
    touch()
  }

  func removeEntry(_ name: some Sequence<UInt8>) {
    let name = Array(name)
    guard let index = entries.firstIndex(where: { $0.name == name }) else { return }
    if entries[index].node.isDirectory { links -= 1 }
    entries.remove(at: index)
    touch()
  }

  func write(_ new: some Collection<UInt8>, at position: Int) {
    let end = position + new.count
    if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    bytes.replaceSubrange(position..<end, with: new)
    touch()
  }

  func touch() {
    modified = volume.now()
    changed = modified
  }

  var status: stat {
    var result = stat()
    result.st_dev = numericCast(volume.device)
    result.st_ino = numericCast(number)
    result.st_mode = mode
    result.st_nlink = numericCast(links)
    result.st_uid = uid
    result.st_gid = gid
    result.st_rdev = numericCast(device)
    result.st_size = numericCast(kind == FileType.symbolicLink ? target.count : isDirectory ? 4096 : bytes.count)
    result.st_blksize = 4096
    result.st_blocks = numericCast((bytes.count + 511) / 512)
    result.st_atim = accessed
    result.st_mtim = modified
    result.st_ctim = changed
    return result
  }
}

// Building a tree, past the calls that the virtual kernel may make.
extension Node {
  /// What is at a path below this directory, without following links.
  func at(_ path: String) -> Node? {
    var current = self
    for component in path.utf8.split(separator: UInt8(ascii: "/")) {
      guard let next = current.child(component) else { return nil }
      current = next
    }
    return current
  }

  @discardableResult
  func directory(_ path: String, mode: UInt32 = 0o755, uid: UInt32 = 0) -> Node {
    var current = self
    for component in path.utf8.split(separator: UInt8(ascii: "/")) {
      if let next = current.child(component) {
        current = next
        continue
      }
      let made = Node(volume, mode: FileType.directory | 0o755)
      current.insert(component, made)
      current = made
    }
    current.mode = FileType.directory | mode
    current.uid = uid
    current.gid = uid
    return current
  }

  @discardableResult
  func file(_ path: String, _ text: String = "", mode: UInt32 = 0o644, uid: UInt32 = 0) -> Node {
    add(path, FileType.regular | mode, uid: uid) { $0.bytes = Array(text.utf8) }
  }

  @discardableResult
  func link(_ path: String, to target: String) -> Node {
    add(path, FileType.symbolicLink | 0o777) { $0.target = Array(target.utf8) }
  }

  @discardableResult
  func node(_ path: String, _ mode: UInt32) -> Node { add(path, mode) { _ in } }

  func hardLink(_ path: String, to node: Node) {
    let (parent, name) = parentAndName(path)
    parent.insert(name, node)
    node.links += 1
  }

  private func add(_ path: String, _ mode: UInt32, uid: UInt32 = 0, _ fill: (Node) -> Void) -> Node {
    let (parent, name) = parentAndName(path)
    let node = Node(volume, mode: mode)
    node.uid = uid
    node.gid = uid
    fill(node)
    parent.insert(name, node)
    return node
  }

  private func parentAndName(_ path: String) -> (Node, String.UTF8View.SubSequence) {
    var components = path.utf8.split(separator: UInt8(ascii: "/"))
    let name = components.removeLast()
    var parent = self
    for component in components {
      if let next = parent.child(component) {
        parent = next
      } else {
        let made = Node(volume, mode: FileType.directory | 0o755)
        parent.insert(component, made)
        parent = made
      }
    }
    return (parent, name)
  }
}

/// An open file description, whoever has descriptors to it.
final class OpenFile {
  let node: Node
  let flags: Int32
  var position = 0
  /// What /proc shows for a file that has no path.
  var name: String?
  var isApart = false

  init(_ node: Node, flags: Int32, name: String? = nil) {
    self.node = node
    self.flags = flags
    self.name = name
  }

  var isWritable: Bool { flags & O_ACCMODE != O_RDONLY && flags & O_PATH_ == 0 }
}

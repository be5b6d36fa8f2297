import Skipping

/// What a process has read, as a tree of the Remote Execution API's Directories.
struct InputTree {
  private final class Node {
    var files: [String: (name: ContentName, isExecutable: Bool)] = [:]
    var links: [String: String] = [:]
    var directories: [String: Node] = [:]
  }

  private let root = Node()

  /// - Parameter path: absolute; one that is not text is left out, as the API has no name for it.
  /// - Returns: whether it has its place: no name is two things.
  mutating func addFile(_ path: [UInt8], _ name: ContentName, isExecutable: Bool) -> Bool {
    guard let (node, last) = place(path), node.directories[last] == nil, node.links[last] == nil else { return false }
    node.files[last] = (name, isExecutable)
    return true
  }

  mutating func addLink(_ path: [UInt8], to target: [UInt8]) -> Bool {
    guard let (node, last) = place(path), let target = String(validating: target, as: UTF8.self),
      node.directories[last] == nil, node.files[last] == nil
    else { return false }
    node.links[last] = target
    return true
  }

  mutating func addDirectory(_ path: [UInt8]) -> Bool {
    if path.elementsEqual("/".utf8) { return true }
    guard let (node, last) = place(path) else { return false }
    return Self.directory(last, in: node) != nil
  }

  private func place(_ path: [UInt8]) -> (Node, String)? {
    guard let path = String(validating: path, as: UTF8.self) else { return nil }
    let names = path.split(separator: "/").map(String.init)
    guard let last = names.last else { return nil }
    var node = root
    for name in names.dropLast() {
      guard let next = Self.directory(name, in: node) else { return nil }
      node = next
    }
    return (node, last)
  }

  private static func directory(_ name: String, in node: Node) -> Node? {
    if let found = node.directories[name] { return found }
    guard node.files[name] == nil, node.links[name] == nil else { return nil }
    let made = Node()
    node.directories[name] = made
    return made
  }

  /// The Directories as contents, those below before those above: the last is the root.
  func directories() -> [(name: ContentName, bytes: [UInt8])] {
    var all: [(name: ContentName, bytes: [UInt8])] = []
    _ = Self.add(root, to: &all)
    return all
  }

  private static func add(_ node: Node, to all: inout [(name: ContentName, bytes: [UInt8])]) -> ContentName {
    // The API asks for the order of the names' bytes: one tree has one digest.
    func sorted<Value>(_ entries: [String: Value]) -> [(key: String, value: Value)] {
      entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
    var message = RemoteDirectory()
    for (name, file) in sorted(node.files) {
      var entry = RemoteFileNode()
      entry.name = name
      entry.digest = file.name.message
      entry.isExecutable = file.isExecutable
      message.files.append(entry)
    }
    for (name, below) in sorted(node.directories) {
      var entry = RemoteDirectoryNode()
      entry.name = name
      entry.digest = add(below, to: &all).message
      message.directories.append(entry)
    }
    for (name, target) in sorted(node.links) {
      var entry = RemoteSymlinkNode()
      entry.name = name
      entry.target = target
      message.symlinks.append(entry)
    }
    let bytes = message.bytes
    let name = ContentName(of: bytes)
    all.append((name, bytes))
    return name
  }
}

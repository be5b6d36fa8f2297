import Glibc

/// Collects the entries of an archive, which come in any order and from whom nobody trusts. What could lead out of the tree,
/// or could mean two things, is refused.
///
/// An image of several layers is one tree: what a later layer has takes the place of what an earlier one had. The programs that unpack
/// images put one layer after the other into a directory, entry by entry; so what they agree on is taken as they take it, also where a
/// plain archive would be refused: a name that is there twice is the later one, and a path goes through the symbolic links above its
/// last name, within the tree.
final class TreeBuilder {
  /// A name in a directory.
  struct Entry: BitwiseCopyable {
    var parent: UInt32
    var name: UInt32
    var node: UInt32
    /// The next of the same hash, and of the same directory; `none` at the end.
    var next: UInt32
    var sibling: UInt32
    /// The layer that the name comes from.
    var layer: UInt16
    var length: UInt8
    var isRemoved = false
  }

  static let none = UInt32.max

  private(set) var nodes: [Node] = [.directory]
  var entries: [Entry] = []
  /// The first byte is taken, so that position 0 means none.
  private(set) var bytes: [UInt8] = [0]
  /// By the node of a directory, its first entry.
  private(set) var heads: [UInt32] = [TreeBuilder.none]
  private var buckets = [UInt32](repeating: TreeBuilder.none, count: 1024)
  /// The directory that the last file went to, as the archive names it: most often the next goes there, too.
  var recent: (path: [UInt8], node: UInt32)?
  /// What a directory is that the archive has files in and does not name.
  var implied = Node.directory
  /// The layer that is being added; 0 if the archive is no image.
  private(set) var layer: UInt16 = 0
  private var isImage: Bool { layer != 0 }

  func beginLayer(_ number: UInt16) {
    layer = number
    recent = nil
  }

  // MARK: Adding

  private var met = 0
  private var steps = 0

  /// Counts what the archive names, also what is not kept: a few bytes may stand for a listing that is met without end.
  func meet() throws(ArchiveError) {
    met += 1
    guard met <= ArchiveLimits.entries else { throw ArchiveError("it has more than \(ArchiveLimits.entries) entries") }
  }

  /// Counts what a few bytes of an archive may make many of: names that links lead through, and what an opaque directory hides.
  func step() throws(ArchiveError) {
    steps += 1
    guard steps <= ArchiveLimits.steps else { throw ArchiveError("its links and opaque directories lead too far") }
  }

  /// Adds what stands at a path; directories above it that the archive has not named are made.
  func add(_ path: some Collection<UInt8>, _ node: Node, target: [UInt8] = []) throws(ArchiveError) {
    guard let (parent, last) = try parent(of: path) else {
      guard node.isDirectory else { throw ArchiveError("its root is not a directory") }
      update(0, node)
      return
    }
    var node = node
    if node.isLink {
      guard !target.isEmpty, target.count <= ArchiveLimits.linkLength, !target.contains(0) else {
        throw ArchiveError("the target of the link \(printable(path)) is empty or too long")
      }
      node.mode = FileType.link | 0o777
      node.first = try append(target)
      node.count = UInt32(target.count)
    }
    try place(last, in: parent, path) { () throws(ArchiveError) in
      try insert(node)
    } update: { existing in
      guard node.isDirectory, nodes[Int(existing)].isDirectory else { return false }
      update(existing, node)
      return true
    }
  }

  /// Adds another name of a file that the archive has named before.
  func link(_ path: some Collection<UInt8>, to target: some Collection<UInt8>) throws(ArchiveError) {
    // The target first: the path may take the place of what leads to it.
    guard let found = try find(target), !nodes[Int(found)].isDirectory else {
      throw ArchiveError(
        "the hard link \(printable(path)) leads to \(printable(target)), which is no file of the archive")
    }
    guard let (parent, last) = try parent(of: path) else { throw ArchiveError("its root is a hard link") }
    try place(last, in: parent, path) { () throws(ArchiveError) in
      found
    } update: {
      $0 == found
    }
  }

  /// The directory and the name that a path stands for; nil for the root.
  private func parent(of path: some Collection<UInt8>) throws(ArchiveError) -> (UInt32, [UInt8])? {
    let path = Array(path)
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    if let recent, path.count <= ArchiveLimits.pathLength, path[..<start].elementsEqual(recent.path),
      let name = try Self.components(path[start...]).first
    {
      return (recent.node, name)
    }
    let components = try Self.components(path)
    guard let last = components.last else { return nil }
    guard let parent = try walk(components.dropLast(), path, makes: true) else { return nil }
    // A path that ends with a slash or a dot has its name before it.
    recent = path[start...].elementsEqual(last) ? (Array(path[..<start]), parent) : nil
    return (parent, last)
  }

  private func place(
    _ name: [UInt8], in parent: UInt32, _ path: some Collection<UInt8>,
    _ make: () throws(ArchiveError) -> UInt32, update: (UInt32) -> Bool
  ) throws(ArchiveError) {
    if let index = lookUp(parent, name) {
      let existing = entries[Int(index)]
      if update(existing.node) {
        entries[Int(index)].layer = layer
        return
      }
      let node = try make()
      // In one archive the later of two files wins, as when it is unpacked. No honest one makes a file of a directory.
      guard
        isImage || nodes[Int(existing.node)].isDirectory == nodes[Int(node)].isDirectory
      else {
        throw ArchiveError("\(printable(path)) is there twice, once as a directory and once not")
      }
      entries[Int(index)].node = node
      entries[Int(index)].layer = layer
      recent = nil
      return
    }
    try insert(name, in: parent, try make())
  }

  func insert(_ node: Node) throws(ArchiveError) -> UInt32 {
    guard nodes.count < ArchiveLimits.entries else {
      throw ArchiveError("it has more than \(ArchiveLimits.entries) entries")
    }
    nodes.append(node)
    heads.append(Self.none)
    return UInt32(nodes.count - 1)
  }

  func insert(_ name: [UInt8], in parent: UInt32, _ node: UInt32) throws(ArchiveError) {
    guard entries.count < ArchiveLimits.entries else {
      throw ArchiveError("it has more than \(ArchiveLimits.entries) entries")
    }
    if entries.count >= buckets.count { grow() }
    let bucket = bucket(parent, name)
    entries.append(
      Entry(
        parent: parent, name: try append(name), node: node, next: buckets[bucket], sibling: heads[Int(parent)],
        layer: layer, length: UInt8(name.count)))
    buckets[bucket] = UInt32(entries.count - 1)
    heads[Int(parent)] = UInt32(entries.count - 1)
  }

  private func update(_ index: UInt32, _ node: Node) {
    nodes[Int(index)].mode = node.mode
    nodes[Int(index)].uid = node.uid
    nodes[Int(index)].gid = node.gid
    nodes[Int(index)].modified = node.modified
    nodes[Int(index)].nanoseconds = node.nanoseconds
    nodes[Int(index)].attributes = node.attributes
  }

  /// Stores bytes of any kind, and tells where.
  func append(_ more: some Collection<UInt8>) throws(ArchiveError) -> UInt32 {
    guard bytes.count + more.count <= ArchiveLimits.bytes else {
      throw ArchiveError("its names are more than \(ArchiveLimits.bytes >> 30) GiB")
    }
    bytes.append(contentsOf: more)
    return UInt32(bytes.count - more.count)
  }

  /// Stores the extended attributes of a file, and tells where; only those of users mean anything to a guest.
  func append(attributes: [(name: [UInt8], value: [UInt8])]) throws(ArchiveError) -> UInt32 {
    let kept = attributes.filter {
      $0.name.starts(with: "user.".utf8) && $0.name.count <= ArchiveLimits.nameLength
        && $0.value.count <= ArchiveLimits.attributeLength
    }
    guard !kept.isEmpty else { return 0 }
    guard kept.count <= ArchiveLimits.attributes else {
      throw ArchiveError("a file has more than \(ArchiveLimits.attributes) extended attributes")
    }
    func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    var block = number(kept.count)
    for (name, value) in kept { block += number(name.count) + name + number(value.count) + value }
    return try append(block)
  }

  // MARK: Looking up

  /// The components of a path of an archive's; a leading slash leads to the archive's own root.
  static func components(_ path: some Collection<UInt8>) throws(ArchiveError) -> [[UInt8]] {
    guard path.count <= ArchiveLimits.pathLength else {
      throw ArchiveError("a path is longer than \(ArchiveLimits.pathLength) bytes: \(printable(path.prefix(40)))...")
    }
    var components: [[UInt8]] = []
    for part in path.split(separator: UInt8(ascii: "/")) {
      let name = Array(part)
      if name == [UInt8(ascii: ".")] { continue }
      if name == [UInt8(ascii: "."), UInt8(ascii: ".")] {
        throw ArchiveError("a path leads out of it: \(printable(path))")
      }
      guard name.count <= ArchiveLimits.nameLength else {
        throw ArchiveError("a name is longer than \(ArchiveLimits.nameLength) bytes: \(printable(name.prefix(40)))...")
      }
      guard !name.contains(0) else { throw ArchiveError("a name has a zero byte: \(printable(path))") }
      components.append(name)
    }
    return components
  }

  /// Where the components of a path lead, through symbolic links if the archive is an image: never out of the tree.
  /// - Parameters:
  ///   - path: what messages name.
  ///   - makes: what is missing becomes a directory, and what is there is one that this layer has put something into.
  /// - Returns: a directory; nil if there is none and none is to be made.
  func walk(
    _ components: ArraySlice<[UInt8]>, _ path: some Collection<UInt8>, makes: Bool
  ) throws(ArchiveError) -> UInt32? {
    var stack: [UInt32] = [0]
    var rest = Array(components.reversed())
    var links = 0
    while let component = rest.popLast() {
      if component == [UInt8(ascii: "."), UInt8(ascii: ".")] {
        if stack.count > 1 { stack.removeLast() }
        continue
      }
      guard let index = lookUp(stack[stack.count - 1], component) else {
        guard makes else { return nil }
        let made = try insert(implied)
        try insert(component, in: stack[stack.count - 1], made)
        stack.append(made)
        continue
      }
      let entry = entries[Int(index)]
      let node = nodes[Int(entry.node)]
      if node.isLink, isImage, links < ArchiveLimits.linksOfPath {
        links += 1
        let target = bytes[Int(node.first)..<Int(node.first + node.count)]
        if target.first == UInt8(ascii: "/") { stack = [0] }
        let names = target.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual([UInt8(ascii: ".")]) }
        for _ in names { try step() }
        guard names.allSatisfy({ $0.count <= ArchiveLimits.nameLength }) else {
          guard makes else { return nil }
          throw ArchiveError("\(printable(path)) lies below a link to a name that is longer than 255 bytes")
        }
        rest += names.map(Array.init).reversed()
        continue
      }
      guard makes else {
        guard node.isDirectory else { return nil }
        stack.append(entry.node)
        continue
      }
      if !node.isDirectory {
        guard entry.layer != layer else {
          throw ArchiveError("\(printable(path)) lies below \(printable(component)), which is not a directory")
        }
        recent = nil
        entries[Int(index)].node = try insert(implied)
      }
      // A whiteout of this layer hides what the directory had before, and not what this layer puts there.
      entries[Int(index)].layer = layer
      stack.append(entries[Int(index)].node)
    }
    return stack[stack.count - 1]
  }

  /// What stands at a path.
  func find(_ path: some Collection<UInt8>) throws(ArchiveError) -> UInt32? {
    let components = try Self.components(path)
    guard let last = components.last else { return 0 }
    guard let parent = try walk(components.dropLast(), path, makes: false) else { return nil }
    return lookUp(parent, last).map { entries[Int($0)].node }
  }

  func lookUp(_ parent: UInt32, _ name: [UInt8]) -> UInt32? {
    var index = buckets[bucket(parent, name)]
    while index != Self.none {
      let entry = entries[Int(index)]
      if entry.parent == parent, !entry.isRemoved, Int(entry.length) == name.count,
        bytes[Int(entry.name)..<Int(entry.name) + name.count].elementsEqual(name)
      {
        return index
      }
      index = entry.next
    }
    return nil
  }

  private func bucket(_ parent: UInt32, _ name: [UInt8]) -> Int {
    name.withUnsafeBufferPointer { bucket(parent, $0) }
  }

  /// FNV-1a with a seed of this process's, so that no archive is made of names that all fall together.
  private func bucket(_ parent: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> Int {
    var hash = seed ^ UInt64(parent) &* 0x9e37_79b9_7f4a_7c15
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash ^= hash >> 29
    return Int(hash & UInt64(buckets.count - 1))
  }

  private let seed = UInt64.random(in: .min ... .max)

  private func grow() {
    buckets = [UInt32](repeating: Self.none, count: buckets.count * 4)
    bytes.withUnsafeBufferPointer { bytes in
      for index in entries.indices {
        let start = Int(entries[index].name)
        let name = UnsafeBufferPointer(rebasing: bytes[start..<start + Int(entries[index].length)])
        let bucket = bucket(entries[index].parent, name)
        entries[index].next = buckets[bucket]
        buckets[bucket] = UInt32(index)
      }
    }
  }

  // MARK: The end

  /// The finished tree.
  func finish() -> TreeIndex {
    var nodes = nodes
    var children: [TreeIndex.Child] = []
    children.reserveCapacity(entries.count)
    for index in nodes.indices where nodes[index].isDirectory {
      nodes[index].first = 0
      nodes[index].count = 0
    }
    nodes[0].links = 2
    var pending: [UInt32] = [0]
    bytes.withUnsafeBufferPointer { bytes in
      while let directory = pending.popLast() {
        let first = children.count
        var index = heads[Int(directory)]
        while index != Self.none {
          let entry = entries[Int(index)]
          index = entry.sibling
          if entry.isRemoved || isHidden(entry) { continue }
          children.append(.init(name: entry.name, node: entry.node, length: entry.length))
          if nodes[Int(entry.node)].isDirectory {
            nodes[Int(entry.node)].links = 2
            nodes[Int(directory)].links += 1
            pending.append(entry.node)
          } else {
            nodes[Int(entry.node)].links += 1
          }
        }
        nodes[Int(directory)].first = UInt32(first)
        nodes[Int(directory)].count = UInt32(children.count - first)
        children[first...].sort { left, right in
          compareNames(
            UnsafeBufferPointer(rebasing: bytes[Int(left.name)..<Int(left.name) + Int(left.length)]),
            UnsafeBufferPointer(rebasing: bytes[Int(right.name)..<Int(right.name) + Int(right.length)])) < 0
        }
      }
    }
    return TreeIndex(nodes: nodes, children: children, bytes: bytes)
  }

  /// Devices are the host's to give; they take the place of what earlier layers had all the same, and may have several names.
  /// The directories in which AUFS keeps its own come with the images that were made on it; hard links may lead into them.
  private func isHidden(_ entry: Entry) -> Bool {
    let name = bytes[Int(entry.name)..<Int(entry.name) + Int(entry.length)]
    return nodes[Int(entry.node)].isDevice || isImage && name.starts(with: Self.ownNames)
  }
}

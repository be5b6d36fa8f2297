import Glibc

/// The names and files of an archive, when all are known. A million files are a few arrays: no file is an object.
final class TreeIndex {
  struct Child: BitwiseCopyable {
    var name: UInt32
    var node: UInt32
    var length: UInt8
  }

  let nodes: [Node]
  /// The children of each directory side by side, in the order of their names.
  let children: [Child]
  /// Names, link targets and attributes.
  let bytes: [UInt8]

  static let root: UInt32 = 0

  init(nodes: [Node], children: [Child], bytes: [UInt8]) {
    self.nodes = nodes
    self.children = children
    self.bytes = bytes
  }

  /// What stands at a path below a directory; an empty path is the directory itself.
  func find(_ path: UnsafeBufferPointer<UInt8>, from start: UInt32) -> UInt32? {
    var node = start
    var position = 0
    while position < path.count {
      var end = position
      while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
      if end > position {
        let name = UnsafeBufferPointer(rebasing: path[position..<end])
        guard let child = child(of: node, name) else { return nil }
        node = child
      }
      position = end + 1
    }
    return node
  }

  private func child(of parent: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> UInt32? {
    let directory = nodes[Int(parent)]
    guard directory.isDirectory else { return nil }
    return bytes.withUnsafeBufferPointer { bytes in
      var low = Int(directory.first)
      var high = low + Int(directory.count)
      while low < high {
        let middle = (low + high) / 2
        let child = children[middle]
        let order = compareNames(
          UnsafeBufferPointer(rebasing: bytes[Int(child.name)..<Int(child.name) + Int(child.length)]), name)
        if order == 0 { return child.node }
        if order < 0 { low = middle + 1 } else { high = middle }
      }
      return nil
    }
  }

  /// Calls `body` with each name of a directory and what it stands for.
  func list(_ directory: UInt32, _ body: (UnsafeBufferPointer<UInt8>, UInt32) -> Void) {
    let node = nodes[Int(directory)]
    guard node.isDirectory else { return }
    bytes.withUnsafeBufferPointer { bytes in
      for child in children[Int(node.first)..<Int(node.first + node.count)] {
        body(
          UnsafeBufferPointer(rebasing: bytes[Int(child.name)..<Int(child.name) + Int(child.length)]), child.node)
      }
    }
  }

  func linkTarget(_ node: UInt32) -> [UInt8] {
    let link = nodes[Int(node)]
    return Array(bytes[Int(link.first)..<Int(link.first + link.count)])
  }

  /// Extended attributes: names, and where their values are.
  func attributes(_ node: UInt32) -> [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] {
    var position = Int(nodes[Int(node)].attributes)
    guard position != 0 else { return [] }
    func number() -> Int {
      defer { position += 4 }
      return (0..<4).reduce(0) { $0 | Int(bytes[position + $1]) << ($1 * 8) }
    }
    func slice() -> ArraySlice<UInt8> {
      let length = number()
      defer { position += length }
      return bytes[position..<position + length]
    }
    let count = number()
    return (0..<count).map { _ in (slice(), slice()) }
  }
}

/// The order of names in a directory: that of their bytes.
func compareNames(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
  let order = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
  return order == 0 ? left.count - right.count : Int(order)
}

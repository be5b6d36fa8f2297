/// The names of a trace's events: paths by the numbers that its `node` events define. A number whose name is no more can be
/// defined again.
public struct NodeTable {
  private struct Entry {
    var parent: UInt32
    var length: UInt16
    var start: Int
  }

  /// Of nothing, and of the root.
  private var entries = [Entry(parent: 0, length: 0, start: 0), Entry(parent: 0, length: 0, start: 0)]
  private var names: [UInt8] = []
  /// Of `names`, bytes that no entry has any more.
  private var unused = 0

  public init() {}
  var nameBytes: Int { names.count }

  /// Takes a `node` event.
  /// - Returns: false if it makes no sense.
  public mutating func define(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let (node, parent) = (Int(event.node), Int(event.version))
    guard node > 1, node <= entries.count, parent > 0, parent < entries.count, !isAbove(node, parent),
      let length = UInt16(exactly: name.count)
    else { return false }
    let entry = Entry(parent: event.version, length: length, start: names.count)
    names.append(contentsOf: name)
    if node == entries.count {
      entries.append(entry)
    } else {
      unused += Int(entries[node].length)
      entries[node] = entry
      if unused > 1 << 16, unused > names.count / 2 { compact() }
    }
    return true
  }

  /// Whether a node is another, or on its path.
  private func isAbove(_ node: Int, _ other: Int) -> Bool {
    var current = other
    while current != 0 {
      if current == node { return true }
      current = Int(entries[current].parent)
    }
    return false
  }

  private mutating func compact() {
    var compacted: [UInt8] = []
    compacted.reserveCapacity(names.count - unused)
    for index in entries.indices {
      let start = compacted.count
      compacted += name(index)
      entries[index].start = start
    }
    names = compacted
    unused = 0
  }

  private func name(_ index: Int) -> ArraySlice<UInt8> {
    names[entries[index].start..<entries[index].start + Int(entries[index].length)]
  }

  /// The path of a node without a leading slash; empty for the root and for a number that is not defined.
  public func path(of node: UInt32) -> [UInt8] {
    var reversed: [ArraySlice<UInt8>] = []
    var current = Int(node)
    while current > 1, current < entries.count {
      reversed.append(name(current))
      current = Int(entries[current].parent)
    }
    return Array(reversed.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}

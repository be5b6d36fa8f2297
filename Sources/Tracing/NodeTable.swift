/// The names of a trace's events: paths by the numbers that its `node` events define.
public struct NodeTable {
  private var parents: [UInt32] = [0, 0]
  private var starts: [Int] = [0, 0, 0]
  private var names: [UInt8] = []

  public init() {}

  /// Takes a `node` event.
  /// - Returns: false if it makes no sense.
  public mutating func define(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard Int(event.node) == parents.count, event.version > 0, event.version < event.node else { return false }
    parents.append(event.version)
    names.append(contentsOf: name)
    starts.append(names.count)
    return true
  }

  /// The path of a node without a leading slash; empty for the root and for a number that is not defined.
  public func path(of node: UInt32) -> [UInt8] {
    var reversed: [ArraySlice<UInt8>] = []
    var current = Int(node)
    while current > 1, current < parents.count {
      reversed.append(names[starts[current]..<starts[current + 1]])
      current = Int(parents[current])
    }
    return Array(reversed.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}

/// A read-only tree that appears at a place in the guest.
public struct Layer {
  public var tree: any LowerTree
  /// Components of the path in the guest at which the layer appears; empty for the root.
  public var destination: [[UInt8]]

  public init(tree: any LowerTree, destination: [[UInt8]]) {
    self.tree = tree
    self.destination = destination
  }
}

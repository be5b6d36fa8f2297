/// A read-only tree that appears at a place in the guest.
public struct Layer {
  public var tree: any LowerTree
  /// Components of the path in the guest at which the layer appears; empty for the root.
  public var destination: [[UInt8]]
  /// Changes are refused with EROFS instead of going to the run's own layer.
  public var isReadOnly: Bool
  /// All is the guest's user's: who has it on the host makes no difference.
  public var isGuests = false

  public init(tree: any LowerTree, destination: [[UInt8]], isReadOnly: Bool = false) {
    self.isReadOnly = isReadOnly
    self.tree = tree
    self.destination = destination
  }
}

/// What the guest finds in its tree.
public struct GuestTree {
  public var layers: [Layer]
  /// Directories that exist although no source has them, such as the user's home.
  public var emptyDirectories: [[UInt8]]
  /// Symbolic links that exist although no source has them.
  public var links: [(path: [UInt8], target: [UInt8])]
  /// Files of lower layers have one time for each layer.
  public var squashesTimes: Bool

  public init(
    layers: [Layer], emptyDirectories: [[UInt8]] = [], links: [(path: [UInt8], target: [UInt8])] = [],
    squashesTimes: Bool = false
  ) {
    self.layers = layers
    self.emptyDirectories = emptyDirectories
    self.links = links
    self.squashesTimes = squashesTimes
  }
}

/// What tells contents from all others: the Remote Execution API's Digest.
public struct ContentName: Sendable, Hashable {
  /// SHA-256.
  public let digest: [UInt8]
  /// In bytes.
  public let size: Int64

  public init(digest: [UInt8], size: Int64) {
    self.digest = digest
    self.size = size
  }
}

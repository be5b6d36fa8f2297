/// Instructions for a place in a mapping of the kernel's.
public struct CodePatch: Sendable, Equatable {
  /// Bytes from the mapping's start.
  public let offset: UInt64
  public let bytes: [UInt8]

  public init(offset: UInt64, bytes: [UInt8]) {
    self.offset = offset
    self.bytes = bytes
  }
}

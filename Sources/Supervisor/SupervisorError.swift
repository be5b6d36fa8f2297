/// A failure of uwrx's own, with one message that says what to do.
public struct SupervisorError: Error, Sendable, CustomStringConvertible {
  public let description: String
  /// Further lines.
  public let details: [String]

  public init(_ description: String, details: [String] = []) {
    self.description = description
    self.details = details
  }
}

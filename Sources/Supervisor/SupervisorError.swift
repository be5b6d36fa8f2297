/// A failure of uwrx's own, with one message that says what to do.
public struct SupervisorError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

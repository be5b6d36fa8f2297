/// The suite cannot be run; one message that says what to do.
public struct ConformanceError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

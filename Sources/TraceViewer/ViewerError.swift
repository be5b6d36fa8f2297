/// Why a trace cannot be viewed, as a message for the user.
public struct ViewerError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

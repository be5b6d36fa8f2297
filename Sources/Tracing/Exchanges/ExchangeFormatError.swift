/// A recorded exchange is not what `uwrx-proxy` writes.
public struct ExchangeFormatError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  package init(_ description: String) { self.description = description }
}

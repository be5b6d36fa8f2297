/// What a user wrote for an option of the network, and what to write instead.
public struct NetworkOptionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A clause that quotes what was written, without the option's name and without a full stop.
  public let message: String

  init(_ text: some StringProtocol, _ message: String) { self.message = "'\(text)' \(message)" }

  public var description: String { message }
}

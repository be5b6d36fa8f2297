import Network

/// What makes two requests the same: the answer to one is an answer to the other.
struct ExchangeKey: Hashable, Sendable {
  /// Of the domain.
  let directoryName: [UInt8]
  let scheme: String
  let port: UInt16
  let method: [UInt8]
  /// As it is recorded, without credentials.
  let target: [UInt8]
  /// The values of the fields that choose among answers.
  let choices: [[UInt8]]
  private(set) var digest: String

  private static let fields = [
    "range", "accept", "accept-encoding", "git-protocol", "sec-websocket-protocol", "sec-websocket-extensions",
  ]

  /// - Parameters:
  ///   - target: without credentials.
  ///   - digest: SHA-256 of the body, hexadecimal.
  init(_ head: HTTPHead, _ target: [UInt8], digest: String, _ directoryName: [UInt8], scheme: String, port: UInt16) {
    self.directoryName = directoryName
    self.scheme = scheme
    self.port = port
    method = Array(head.method)
    self.target = target
    choices =
      Self.fields.map { Array(head.values(of: $0).joined(separator: ", ".utf8)) } + RelayedExchange.upgrades(head)
    self.digest = digest
  }

  var withoutDigest: ExchangeKey {
    var key = self
    key.digest = ""
    return key
  }
}

import COpenSSL
import Tracing

/// What a server of WebSocket answers to a client's key (RFC 6455, 4.2.2).
enum WebSocketHandshake {
  private static let identifier = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// Whether an answer 101 goes over to WebSocket.
  static func isDone(by response: HTTPHead) -> Bool {
    response.members(of: "upgrade").contains(Array("websocket".utf8))
  }

  /// The value of Sec-WebSocket-Accept.
  static func accept(_ key: some Collection<UInt8>) -> [UInt8] {
    let text = Array(key) + Array(identifier.utf8)
    var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
    SHA1(text, text.count, &digest)
    return Array(Base64.text(digest).utf8)
  }

  /// What is to stand in a recorded answer when it is given to another request.
  /// - Returns: nil if it stays what it was, as where it was not the right one then.
  static func accept(of response: HTTPHead, to recorded: HTTPHead, for request: HTTPHead) -> [UInt8]? {
    let field = "sec-websocket-key"
    guard let then = recorded.values(of: field).first, let key = request.values(of: field).first,
      response.values(of: acceptField).map(Array.init) == [accept(then)]
    else { return nil }
    return accept(key)
  }

  static let acceptField = "sec-websocket-accept"
}

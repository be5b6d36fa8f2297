/// How long the body of a message is (RFC 9112, 6.3).
enum HTTPBodyLength: Equatable, Sendable {
  case none
  case bytes(Int)
  case chunked
  /// To the end of the connection: of an answer alone.
  case untilEnd
  /// An answer 101, or 2xx to CONNECT: what follows is no HTTP.
  case upgraded

  /// - Throws: 400 for what two readers may read in two ways, 501 for a coding other than `chunked`.
  init(ofRequest head: HTTPHead) throws(HTTPFailure) { self = try Self.declared(head) ?? .none }

  /// - Parameter method: of the request.
  init(ofResponse head: HTTPHead, to method: ArraySlice<UInt8>) throws(HTTPFailure) {
    let declared = try Self.declared(head)
    switch head.status {
    // RFC 9112, 6.3: whatever its fields say.
    case 200..<300 where method.elementsEqual("CONNECT".utf8): self = .upgraded
    case 101: self = .upgraded
    case 100..<200, 204, 304: self = .none
    default: self = method.elementsEqual("HEAD".utf8) ? .none : declared ?? .untilEnd
    }
  }

  private static func declared(_ head: HTTPHead) throws(HTTPFailure) -> HTTPBodyLength? {
    let codings = head.values(of: "transfer-encoding")
    let lengths = head.values(of: "content-length")
    if !codings.isEmpty {
      guard lengths.isEmpty else { throw HTTPFailure(400, "the message has a Transfer-Encoding and a Content-Length") }
      guard head.minorVersion == 1 else { throw HTTPFailure(400, "HTTP/1.0 has no Transfer-Encoding") }
      guard codings.count == 1, HTTPToken.equals(codings[0], "chunked") else {
        throw HTTPFailure(501, "the Transfer-Encoding is not chunked alone")
      }
      return .chunked
    }
    guard let first = lengths.first else { return nil }
    guard let length = HTTPToken.number(first), lengths.allSatisfy({ $0.elementsEqual(first) }) else {
      throw HTTPFailure(400, "the Content-Length is not one number")
    }
    return .bytes(length)
  }
}

/// Why a message is not relayed, as the guest is told it.
struct HTTPFailure: Error, Equatable, Sendable {
  /// Of the answer, 400 to 599.
  let status: Int
  /// A sentence for whoever reads the guest's log.
  let reason: String
  /// What the user is told at the end of the run, with what would let it through; nil if it is the guest's matter alone.
  let refusal: String?

  init(_ status: Int, _ reason: String, refusal: String? = nil) {
    self.status = status
    self.reason = reason
    self.refusal = refusal
  }

  /// RFC 9110, 15
  private static let phrases = [
    400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed", 421: "Misdirected Request",
    431: "Request Header Fields Too Large", 501: "Not Implemented", 502: "Bad Gateway",
    505: "HTTP Version Not Supported",
  ]

  /// Of the answer, as text.
  var body: String { "uwrx: \(reason)\n" }

  /// The whole answer, after which the connection is closed.
  /// - Parameter hasBody: false in answer to HEAD.
  func answer(hasBody: Bool = true, keepsAlive: Bool = false) -> [UInt8] {
    let connection = keepsAlive ? "" : "Connection: close\r\n"
    let head =
      "HTTP/1.1 \(status) \(Self.phrases[status] ?? "Error")\r\nContent-Type: text/plain; charset=utf-8\r\n"
      + "Content-Length: \(body.utf8.count)\r\n\(connection)\r\n"
    return Array((hasBody ? head + body : head).utf8)
  }
}

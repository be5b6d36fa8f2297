import Tracing

extension ExchangeReader.Response {
  /// An answer that came by HTTP/2, as it goes to a client of HTTP/1.x: with a length or a coding, and no reason phrase, which HTTP/2 has none of.
  func forHTTP1(minorVersion: Int) throws(ExchangeFormatError) -> ExchangeReader.Response {
    guard head.head.majorVersion == 2 else { return self }
    var length = length
    var added = ""
    var hidesLength = false
    if length == .untilEnd || length != .none && !head.trailers.isEmpty {
      (length, added) =
        minorVersion == 1 ? (.chunked, "transfer-encoding: chunked\n") : (.untilEnd, "connection: close\n")
      hidesLength = minorVersion == 1
    }
    let old = head.head
    var bytes = Array("HTTP/1.1 \(old.status) \n".utf8)
    for field in old.fields where !(hidesLength && HTTPToken.equals(old.bytes[field.name], "content-length")) {
      bytes += old.bytes[field.line]
    }
    bytes += added.utf8
    if length == .chunked, !head.trailers.isEmpty { bytes += [0x0a] + head.trailers }
    let interim = try self.interim.map { head throws(ExchangeFormatError) in
      let fields = head.head.fields.flatMap { Array(head.head.bytes[$0.line]) }
      return try RecordedHead(parsing: Array("HTTP/1.1 \(head.head.status) \n".utf8) + fields, .response)
    }
    return ExchangeReader.Response(
      interim: interim, head: try RecordedHead(parsing: bytes, .response), body: body, size: size, length: length,
      stream: nil)
  }
}

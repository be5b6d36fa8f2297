import NIOHPACK

/// Fields of HTTP/2 as the head of a message, in which all that is checked, recorded and looked up is, and back.
///
/// A request is `GET /path HTTP/2` and its fields, of which `host` is the first and stands for `:authority`; a response `HTTP/2 200` and its fields.
/// `:scheme` is that of the connection. What NIOHTTP2 lets through and two readers may read in two ways is an error.
enum HTTP2Head {
  /// - Throws: 400 or 431.
  static func request(_ headers: HPACKHeaders) throws(HTTPFailure) -> HTTPHead {
    var pseudo: [String: String] = [:]
    var fields: [UInt8] = []
    var host: String?
    for (name, value, _) in headers {
      if name.utf8.first == UInt8(ascii: ":") {
        guard pseudo.updateValue(value, forKey: name) == nil else { throw HTTPFailure(400, "\(name) is there twice") }
      } else if name == "host" {
        guard host == nil else { throw HTTPFailure(400, "the request has more than one Host") }
        host = value
      } else {
        try add(name, value, to: &fields)
      }
    }
    guard let method = pseudo[":method"], let path = pseudo[":path"] ?? (method == "CONNECT" ? "*" : nil) else {
      throw HTTPFailure(400, "the request has no method or path")
    }
    // RFC 9113, 8.3.1: a server may take either.
    guard let authority = pseudo[":authority"] ?? host, host == nil || host == authority else {
      throw HTTPFailure(400, "the request has no :authority, or a Host that is another")
    }
    if let scheme = pseudo[":scheme"], scheme != "http", scheme != "https" {
      throw HTTPFailure(400, "the request's scheme is none of http and https")
    }
    guard path.utf8.first == UInt8(ascii: "/") || path == "*" && (method == "OPTIONS" || method == "CONNECT") else {
      throw HTTPFailure(400, "the request's path is no path")
    }
    guard isText(method), isText(path) else { throw Self.notText }
    var head = Array("\(method) \(path) HTTP/2\r\n".utf8)
    try add("host", authority, to: &head)
    return try HTTPHead(parsing: head + fields + [0x0d, 0x0a], .request, allowsBareLineFeeds: false, allowsHTTP2: true)
  }

  /// - Throws: 400 or 431.
  static func response(_ headers: HPACKHeaders) throws(HTTPFailure) -> HTTPHead {
    var status: String?
    var fields: [UInt8] = []
    for (name, value, _) in headers {
      if name.utf8.first != UInt8(ascii: ":") {
        try add(name, value, to: &fields)
      } else {
        guard name == ":status", status == nil else { throw HTTPFailure(400, "the answer has no one status") }
        status = value
      }
    }
    guard let status, status.utf8.count == 3 else { throw HTTPFailure(400, "the answer has no status") }
    return try HTTPHead(
      parsing: Array("HTTP/2 \(status)\r\n".utf8) + fields + [0x0d, 0x0a], .response, allowsBareLineFeeds: false,
      allowsHTTP2: true)
  }

  /// Fields after a body, as lines and an empty one.
  /// - Throws: 400 or 431.
  static func trailers(_ headers: HPACKHeaders) throws(HTTPFailure) -> [UInt8] {
    var fields: [UInt8] = []
    for (name, value, _) in headers { try add(name, value, to: &fields) }
    guard fields.count <= HTTPHead.longest else { throw HTTPFailure(431, "the fields are longer than 64 KiB") }
    return fields + [0x0d, 0x0a]
  }

  private static func add(_ name: String, _ value: String, to fields: inout [UInt8]) throws(HTTPFailure) {
    guard HTTPToken.isToken(Array(name.utf8)[...]), isText(value) else { throw notText }
    fields += name.utf8
    fields += ": ".utf8
    fields += value.utf8
    fields += "\r\n".utf8
  }

  private static let notText = HTTPFailure(400, "a field is no text in UTF-8")

  /// NIOHPACK puts U+FFFD for what is no UTF-8: what came is not known any more.
  private static func isText(_ value: String) -> Bool {
    var last: (UInt8, UInt8) = (0, 0)
    for byte in value.utf8 {
      if byte == 0 || byte == 0x0a || byte == 0x0d || last == (0xef, 0xbf) && byte == 0xbd { return false }
      last = (last.1, byte)
    }
    return true
  }

  // MARK: From a record

  /// RFC 9113, 8.2.2
  private static let ofConnections = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]

  /// An answer's head, whatever version it came by.
  static func headers(ofResponse head: HTTPHead) -> HPACKHeaders {
    var headers = HPACKHeaders([(":status", "\(head.status)")])
    let options = head.majorVersion == 2 ? [] : ofConnections.map { Array($0.utf8) } + head.members(of: "connection")
    var hasLength = false
    for field in head.fields {
      let name = head.bytes[field.name].map(HTTPToken.lowercased)
      if options.contains(name) { continue }
      // Several that are equal are one. RFC 9110, 8.6: 204 has none.
      if name.elementsEqual("content-length".utf8) {
        if hasLength || head.status == 204 { continue }
        hasLength = true
      }
      headers.add(
        name: String(decoding: name, as: UTF8.self), value: String(decoding: head.bytes[field.value], as: UTF8.self))
    }
    return headers
  }

  /// - Parameter lines: of fields, as ``RecordedHead`` has them.
  static func headers(ofTrailers lines: [UInt8]) -> HPACKHeaders {
    var reader = HTTPLines(lines + [0x0a], allowsBareLineFeeds: true)
    var headers = HPACKHeaders()
    for field in (try? reader.fields()) ?? [] {
      let name = lines[field.name].map(HTTPToken.lowercased)
      if ofConnections.contains(where: { name.elementsEqual($0.utf8) }) { continue }
      headers.add(
        name: String(decoding: name, as: UTF8.self), value: String(decoding: lines[field.value], as: UTF8.self))
    }
    return headers
  }

  static func headers(of failure: HTTPFailure) -> HPACKHeaders {
    HPACKHeaders([
      (":status", "\(failure.status)"), ("content-type", "text/plain; charset=utf-8"),
      ("content-length", "\(failure.body.utf8.count)"),
    ])
  }
}

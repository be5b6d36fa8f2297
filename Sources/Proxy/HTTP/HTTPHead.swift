/// The start line and the fields of a message of HTTP/1.x (RFC 9112), byte for byte as they came; or one of HTTP/2 in the same form
/// (``HTTP2Head``).
///
/// What one recipient reads in one way and another in another is an error: folded lines, space before a colon, NUL, a carriage return by
/// itself, more than one host. (NIOHTTP1's decoder gives neither the bytes as they were, nor methods that it does not know, nor tells of
/// folded lines.)
struct HTTPHead: Equatable, Sendable {
  enum Kind: Sendable {
    case request, response
  }

  struct Field: Equatable, Sendable {
    /// With the end of the line.
    let line: Range<Int>
    let name: Range<Int>
    /// Without space around it.
    let value: Range<Int>
  }

  /// The most that a head may take.
  static let longest = 64 << 10

  /// With the empty line at the end.
  let bytes: [UInt8]
  /// With the end of the line.
  let startLine: Range<Int>
  let fields: [Field]
  /// 1, or 2 for what came by HTTP/2.
  let majorVersion: Int
  /// Of HTTP/1.x 0 or 1.
  let minorVersion: Int
  /// Of a request.
  let method: ArraySlice<UInt8>
  /// Of a request.
  let target: ArraySlice<UInt8>
  /// Of a response: 100 to 999.
  let status: Int

  /// - Parameters:
  ///   - bytes: all of a head with the empty line at its end.
  ///   - allowsBareLineFeeds: as records have them, and some old servers send them. A request with them is one that somebody else may
  ///     read as fewer lines.
  ///   - allowsHTTP2: not on a connection of HTTP/1.x, where nobody is to say so.
  /// - Throws: 400, 431 or 505.
  init(
    parsing bytes: [UInt8], _ kind: Kind, allowsBareLineFeeds: Bool, allowsHTTP2: Bool = false,
    longest: Int = Self.longest
  ) throws(HTTPFailure) {
    guard bytes.count <= longest else { throw HTTPFailure(431, "the head is longer than 64 KiB") }
    self.bytes = bytes
    var lines = HTTPLines(bytes, allowsBareLineFeeds: allowsBareLineFeeds)
    guard let (start, startLine) = try lines.next() else { throw HTTPFailure(400, "the head is empty") }
    self.startLine = startLine
    let parts = bytes[start].split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    switch kind {
    case .request:
      guard parts.count == 3, HTTPToken.isToken(parts[0]), !parts[1].isEmpty,
        parts[1].allSatisfy({ $0 > 0x20 && $0 != 0x7f })
      else { throw HTTPFailure(400, "the request line is not one of HTTP/1.1") }
      (method, target, status) = (parts[0], parts[1], 0)
      (majorVersion, minorVersion) = try Self.version(parts[2], allowsHTTP2: allowsHTTP2)
    case .response:
      guard parts.count >= 2, parts[1].count == 3, let status = HTTPToken.number(parts[1]), status >= 100 else {
        throw HTTPFailure(400, "the status line is not one of HTTP/1.1")
      }
      (method, target, self.status) = ([], [], status)
      (majorVersion, minorVersion) = try Self.version(parts[0], allowsHTTP2: allowsHTTP2)
    }
    fields = try lines.fields()
    guard lines.isAtEnd else { throw HTTPFailure(400, "bytes follow the head") }
  }

  private static func version(
    _ text: ArraySlice<UInt8>, allowsHTTP2: Bool
  ) throws(HTTPFailure) -> (major: Int, minor: Int) {
    if text.elementsEqual("HTTP/1.1".utf8) { return (1, 1) }
    if text.elementsEqual("HTTP/1.0".utf8) { return (1, 0) }
    if allowsHTTP2, text.elementsEqual("HTTP/2".utf8) { return (2, 0) }
    guard text.starts(with: "HTTP/".utf8), text.count == 8, text.dropFirst(5).first != 0x20, text.last != 0x20 else {
      throw HTTPFailure(400, "the version is not one of HTTP")
    }
    throw HTTPFailure(505, "the version of HTTP is none of 1.0 and 1.1")
  }

  var version: String { majorVersion == 2 ? "HTTP/2" : "HTTP/1.\(minorVersion)" }

  /// - Parameter name: in lower case.
  func values(of name: String) -> [ArraySlice<UInt8>] {
    fields.filter { HTTPToken.equals(bytes[$0.name], name) }.map { bytes[$0.value] }
  }

  /// The members of a field that is a list (RFC 9110, 5.6.1), in lower case.
  func members(of name: String) -> [[UInt8]] {
    values(of: name).flatMap { value in
      value.split(separator: UInt8(ascii: ",")).map { HTTPToken.trimmed($0).map(HTTPToken.lowercased) }
    }
  }

  /// Whether the connection stays open after this message, as far as this message says (RFC 9112, 9.3).
  var keepsAlive: Bool {
    let options = members(of: "connection")
    if options.contains(Array("close".utf8)) { return false }
    return majorVersion == 2 || minorVersion == 1 || options.contains(Array("keep-alive".utf8))
  }

  /// The bytes without some fields and with others at the end.
  /// - Parameter first: the start line, with the end of the line; nil for what it is.
  func bytes(
    startLine first: [UInt8]? = nil, without isLeftOut: (ArraySlice<UInt8>) -> Bool, adding new: [HTTPHeaderField]
  ) -> [UInt8] {
    var result = first ?? Array(bytes[startLine])
    for field in fields where !isLeftOut(bytes[field.name]) { result += bytes[field.line] }
    for field in new { result += Array("\(field.name): \(field.value)\r\n".utf8) }
    return result + [0x0d, 0x0a]
  }
}

/// A field of a head.
public struct HTTPHeaderField: Hashable, Sendable {
  public let name: String
  public let value: String

  /// - Returns: nil if the name is no token (RFC 9110, 5.6.2), or the value has a control character.
  public init?(name: String, value: String) {
    guard HTTPToken.isToken(Array(name.utf8)[...]), value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      return nil
    }
    self.name = name
    self.value = value
  }
}

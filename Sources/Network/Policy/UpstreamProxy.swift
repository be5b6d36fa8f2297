/// A proxy of HTTP's by which connections go out: `http://[user[:password]@]host[:port]`.
public struct UpstreamProxy: Hashable, Sendable, CustomStringConvertible {
  public let host: Domain
  public let port: UInt16
  /// `user:password`, as it is sent.
  public let credentials: [UInt8]?

  /// As curl has it.
  private static let usualPort: UInt16 = 1080

  /// - Parameter text: without `http://` it is that, too.
  public init(_ text: String) throws(NetworkOptionError) {
    // What stands before the host is a secret: no message shows it.
    var rest = Array(text.utf8)[...]
    let scheme = Self.scheme(rest)
    rest = rest.dropFirst(scheme.map { $0.count + 3 } ?? 0)
    if rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
    var user: ArraySlice<UInt8>?
    if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
      user = rest[..<at]
      rest = rest[(at + 1)...]
    }
    let shown =
      (scheme.map { String(decoding: $0, as: UTF8.self) + "://" } ?? "") + String(decoding: rest, as: UTF8.self)
    if let scheme, !scheme.elementsEqual("http".utf8) {
      throw NetworkOptionError(shown, "is no proxy that uwrx speaks to: write http://host:port, or none for no proxy")
    }
    var port = Self.usualPort
    var name = rest
    if rest.last != UInt8(ascii: "]"), let colon = rest.lastIndex(of: UInt8(ascii: ":")) {
      guard let number = DecimalNumber.parse(rest[(colon + 1)...], limit: 65_535), number > 0 else {
        throw NetworkOptionError(shown, "has no port that is a number from 1 to 65535: write http://host:port")
      }
      port = UInt16(number)
      name = rest[..<colon]
    }
    guard name.first == UInt8(ascii: "[") || !name.contains(UInt8(ascii: ":")), let host = Domain(text: Array(name))
    else {
      throw NetworkOptionError(shown, "names no host: write http://host:port")
    }
    self.host = host
    self.port = port
    if let user {
      guard let plain = Self.plain(user), plain.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw NetworkOptionError(shown, "has a user or a password with a wrong % or a control character")
      }
      // RFC 7617, 2: there is a colon, whether there is a password or not.
      credentials = user.contains(UInt8(ascii: ":")) ? plain : plain + [UInt8(ascii: ":")]
    } else {
      credentials = nil
    }
  }

  private static func scheme(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")), text[(colon + 1)...].starts(with: "//".utf8) else {
      return nil
    }
    return text[..<colon].map(ASCII.lowercased)
  }

  /// Without `%hh` (RFC 3986, 2.1).
  private static func plain(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        result.append(byte)
        continue
      }
      guard rest.count >= 2, let code = Hexadecimal.number(rest.prefix(2)) else { return nil }
      result.append(UInt8(code))
      rest = rest.dropFirst(2)
    }
    return result
  }

  /// Without the user and the password.
  public var description: String { "http://\(host.bracketed):\(port)" }
}

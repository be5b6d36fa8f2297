/// Takes what is secret out of what is recorded: in its place stands `digest:` and a keyed digest of 64 hexadecimal digits.
///
/// What is such a digest already stays: so an address with a token that was answered from a record (`Location`) is asked for as it was recorded.
public struct Credentials: Sendable {
  private static let prefix = Array("digest:".utf8)
  private static let fields = ["authorization", "proxy-authorization", "cookie", "set-cookie"]
  /// Fields whose value is a URL.
  private static let urls = ["location", "content-location", "referer", "refresh", "link"]
  private static let parameters: Set<String> = [
    "token", "access_token", "refresh_token", "id_token", "auth_token", "private_token", "oauth_token", "auth",
    "api_key", "apikey", "api-key", "key", "sig", "signature", "password", "passwd", "secret", "client_secret",
    "x-amz-signature", "x-amz-security-token", "x-amz-credential", "x-goog-signature", "x-goog-credential", "jwt",
  ]

  private let digest: KeyedDigest

  public init(key: [UInt8]) { digest = KeyedDigest(key: key) }

  private func hidden(_ value: ArraySlice<UInt8>) -> [UInt8] {
    let rest = value.dropFirst(Self.prefix.count)
    if value.starts(with: Self.prefix), rest.count == 64, HTTPToken.hexadecimal(rest.prefix(15)) != nil,
      rest.allSatisfy({ HTTPToken.hexadecimal([$0]) != nil })
    {
      return Array(value)
    }
    return Self.prefix + digest.hexadecimal(value).utf8
  }

  /// A target or URL, the values of token-like parameters of its query and fragment hidden. Names count as they are without escapes and case.
  func hiding(inURL url: ArraySlice<UInt8>) -> [UInt8] {
    guard let start = url.firstIndex(where: { "?#".utf8.contains($0) }) else { return Array(url) }
    var result = Array(url[...start])
    var rest = url[(start + 1)...]
    while !rest.isEmpty {
      let part = rest.prefix { !"&;#<>\" ,".utf8.contains($0) }
      if let equals = part.firstIndex(of: UInt8(ascii: "=")),
        Self.parameters.contains(Self.plain(part[..<equals])), equals + 1 < part.endIndex
      {
        result += part[...equals] + hidden(part[(equals + 1)...])
      } else {
        result += part
      }
      rest = rest[part.endIndex...]
      if let separator = rest.popFirst() { result.append(separator) }
    }
    return result
  }

  /// A name without `%hh`, in lower case.
  private static func plain(_ name: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    var rest = name
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2, let code = HTTPToken.hexadecimal(rest.prefix(2)) {
        result.append(HTTPToken.lowercased(UInt8(code)))
        rest = rest.dropFirst(2)
      } else {
        result.append(HTTPToken.lowercased(byte))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// A head as it is stored: lines that end in a line feed, without the empty one.
  func stored(_ head: HTTPHead) -> [UInt8] {
    var result = Array(head.bytes[head.startLine].prefix { $0 != 0x0d && $0 != 0x0a })
    if !head.target.isEmpty {
      result = head.method + [0x20] + hiding(inURL: head.target) + " \(head.version)".utf8
    }
    result.append(0x0a)
    for field in head.fields { result += stored(field, of: head.bytes) }
    return result
  }

  /// Fields after a body, with the empty line, likewise.
  func stored(trailers bytes: [UInt8]) -> [UInt8] {
    var lines = HTTPLines(bytes, allowsBareLineFeeds: true)
    guard let fields = try? lines.fields() else { return [] }
    return fields.flatMap { stored($0, of: bytes) }
  }

  private func stored(_ field: HTTPHead.Field, of bytes: [UInt8]) -> [UInt8] {
    let line = bytes[field.line].prefix { $0 != 0x0d && $0 != 0x0a }
    let name = bytes[field.name]
    let value = bytes[field.value]
    let isNamed = { (names: [String]) in names.contains { HTTPToken.equals(name, $0) } }
    if isNamed(Self.fields), !value.isEmpty { return Self.line(name, hidden(value)) }
    if isNamed(Self.urls), value.contains(where: { "?#".utf8.contains($0) }) {
      return Self.line(name, hiding(inURL: value))
    }
    return line + [0x0a]
  }

  private static func line(_ name: ArraySlice<UInt8>, _ value: [UInt8]) -> [UInt8] {
    Array(name) + Array(": ".utf8) + value + [0x0a]
  }
}

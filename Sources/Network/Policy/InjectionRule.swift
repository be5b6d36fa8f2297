/// What `--inject 'host[:port]: Header: value'` says: a header that requests to a host get on their way, and the guest never sees.
public struct InjectionRule: Hashable, Sendable {
  public let host: NetworkRule
  public let header: String
  /// Without spaces around it.
  public let value: String

  /// - Parameter text: the host and its port as `--allow` has them, and a field of HTTP's, each followed by a colon and a space.
  public init(_ text: String) throws(NetworkOptionError) {
    // The value is a secret: no message shows it.
    let parts = Self.parts(text)
    guard let host = parts.first, parts.count > 1 else {
      throw NetworkOptionError(text.prefix { $0 != " " && $0 != ":" }, "names no header: write 'host: Header: value'")
    }
    self.host = try NetworkRule(host)
    if parts.count < 3 { throw NetworkOptionError(host, "has a header without a value: write 'host: Header: value'") }
    header = parts[1]
    value = parts[2]
    guard !header.isEmpty, header.utf8.allSatisfy(Self.isToken) else {
      throw NetworkOptionError(host, "has a header that is no name: write one such as Authorization")
    }
    guard !value.isEmpty, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw NetworkOptionError(host, "has a header \(header) whose value is empty or has control characters")
    }
  }

  /// At the first two colons that a space follows.
  private static func parts(_ text: String) -> [String] {
    var parts: [String] = []
    var rest = Array(text.utf8)[...]
    while parts.count < 2,
      let colon = rest.indices.first(where: { rest[$0] == 0x3a && $0 + 1 < rest.endIndex && rest[$0 + 1] == 0x20 })
    {
      parts.append(trimmed(rest[..<colon]))
      rest = rest[(colon + 2)...]
    }
    return parts + [trimmed(rest)]
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
    var bytes = bytes.drop { $0 == 0x20 }
    while bytes.last == 0x20 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// RFC 9110, 5.6.2
  private static func isToken(_ byte: UInt8) -> Bool {
    ASCII.isLetterOrDigit(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  public func isFor(_ domain: Domain, port: UInt16) -> Bool { host.covers(domain, port: port) }
}

/// What uwrx-proxy is to do, as the supervisor tells it: nothing of it stands in an argument or a variable, which others may read.
public struct ProxyConfiguration: Equatable, Sendable {
  /// As `NetworkPolicy` reads them.
  public var allowed: [String] = []
  public var denied: [String] = []
  /// `host:port:address`
  public var resolutions: [String] = []
  /// As `PublishedPort` reads them.
  public var published: [String] = []
  /// Of the run's own authority (`CertificateAuthority`).
  public var authoritySeed: [UInt8] = []
  /// Its certificate in PEM, of a replay; else it is made.
  public var authority: [UInt8] = []
  /// Whose TLS is left alone, as `NetworkPolicy` reads them.
  public var passthrough: [String] = []
  /// As `InjectionRule` reads them.
  public var injections: [String] = []
  /// Whether git may push.
  public var allowsPush = false
  /// Certificates in PEM that are trusted beside the host's.
  public var upstreamAuthority: [UInt8] = []
  /// As `UpstreamProxy` reads them, for requests in the clear and for all else; empty for none. They may hold passwords.
  public var httpProxy = ""
  public var httpsProxy = ""
  /// As `ProxyExceptions` reads it.
  public var noProxy = ""
  /// The guest's own name.
  public var hostname = ""

  /// A seccomp filter that the proxy puts itself under: `struct sock_filter`s.
  public var filter: [UInt64] = []

  public init() {}

  /// `name=value`, each with a zero.
  public var bytes: [UInt8] {
    var fields: [(String, [UInt8])] = [
      ("hostname", Array(hostname.utf8)), ("http-proxy", Array(httpProxy.utf8)),
      ("https-proxy", Array(httpsProxy.utf8)), ("no-proxy", Array(noProxy.utf8)), ("upstream-ca", upstreamAuthority),
      ("authority-seed", Self.hexadecimal(authoritySeed)), ("authority", authority),
      (
        "filter",
        Self.hexadecimal(filter.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } })
      ),
    ]
    if allowsPush { fields.append(("allow-push", [])) }
    for (name, values) in [
      ("allow", allowed), ("deny", denied), ("resolve", resolutions), ("publish", published),
      ("passthrough", passthrough), ("inject", injections),
    ] {
      fields += values.map { (name, Array($0.utf8)) }
    }
    return fields.flatMap { name, value in Array(name.utf8) + [UInt8(ascii: "=")] + value + [0] }
  }

  /// nil for what the supervisor cannot have written.
  public init?(_ bytes: [UInt8]) {
    guard bytes.last == 0 else { return nil }
    for field in bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false) {
      guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let value = Array(field[(equals + 1)...])
      let text = String(decoding: value, as: UTF8.self)
      switch String(decoding: field[..<equals], as: UTF8.self) {
      case "hostname": hostname = text
      case "http-proxy": httpProxy = text
      case "https-proxy": httpsProxy = text
      case "no-proxy": noProxy = text
      case "authority": authority = value
      case "authority-seed":
        guard let seed = Self.bytes(hexadecimal: value) else { return nil }
        authoritySeed = seed
      case "filter":
        guard let bytes = Self.bytes(hexadecimal: value), bytes.count % 8 == 0 else { return nil }
        filter = stride(from: 0, to: bytes.count, by: 8).map { start in
          bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
      case "allow": allowed.append(text)
      case "deny": denied.append(text)
      case "resolve": resolutions.append(text)
      case "upstream-ca": upstreamAuthority = value
      case "allow-push": allowsPush = true
      case "inject": injections.append(text)
      case "passthrough": passthrough.append(text)
      case "publish": published.append(text)
      default: return nil
      }
    }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] { bytes.flatMap(Hexadecimal.digits) }

  private static func bytes(hexadecimal text: [UInt8]) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    let values = text.compactMap(Hexadecimal.value)
    guard values.count == text.count else { return nil }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
  }
}

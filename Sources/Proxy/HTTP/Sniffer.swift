import NIOCore

/// What a guest speaks, told by its first bytes.
///
/// Who waits for the other side to speak first, as clients of SMTP and SSH do, says nothing: then the first byte of the upstream's makes it a
/// stream.
public enum Sniffer {
  public enum Kind: Hashable, Sendable {
    /// The bytes begin what may yet be HTTP or TLS.
    case needMore
    /// HTTP/1.x
    case http
    /// HTTP/2 in the clear, of a client that knows beforehand
    case http2
    case tls
    case stream
  }

  /// A method that is longer is nobody's.
  private static let longestMethod = 32

  /// - Parameter bytes: all that has come; a few are enough.
  public static func sniff(_ bytes: some Collection<UInt8>) -> Kind {
    var rest = bytes[...]
    // RFC 9112, 2.2: a client may have sent an empty line after a body.
    while let first = rest.first, first == 0x0d || first == 0x0a, bytes.count - rest.count < 2 { rest.removeFirst() }
    if rest.count == bytes.count, let kind = HTTP2Preface.clients(begins: bytes) { return kind ? .http2 : .needMore }
    guard let first = rest.first else { return bytes.isEmpty || bytes.count < 3 ? .needMore : .stream }
    if first == 0x16, rest.count == bytes.count { return tls(bytes) }
    // Methods are case-sensitive, and those of HTTP, WebDAV and caches all in upper case, with a hyphen in some.
    let method = rest.prefix(longestMethod + 1).prefix { (0x41...0x5a).contains($0) || $0 == 0x2d }
    guard !method.isEmpty, method.count <= longestMethod, first != 0x2d else { return .stream }
    let after = rest.dropFirst(method.count)
    guard let space = after.first else { return .needMore }
    guard space == 0x20 else { return .stream }
    guard let target = after.dropFirst().first else { return .needMore }
    // IRC and SMTP have words in upper case, too (`NICK ada`, `EHLO host`): a target begins with a slash, or is `*`, a URL, or, of CONNECT,
    // a host.
    if target == 0x2f || target == 0x2a || method.elementsEqual("CONNECT".utf8) { return .http }
    let scheme = Array("http".utf8)
    let begun = after.dropFirst().prefix(scheme.count).map { $0 | 0x20 }
    return begun == scheme ? .http : scheme.starts(with: begun) ? .needMore : .stream
  }

  /// RFC 8446, 5.1: a handshake record, of version 3.x.
  private static func tls(_ bytes: some Collection<UInt8>) -> Kind {
    guard let major = bytes.dropFirst().first else { return .needMore }
    return major == 3 ? .tls : .stream
  }
}

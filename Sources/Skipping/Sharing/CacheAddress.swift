/// Where a shared cache is: `http`, `https`, `grpc` or `grpcs`, a host, and what follows it.
public struct CacheAddress: Sendable, Equatable {
  public enum Scheme: String, Sendable { case http, https, grpc, grpcs }

  public let scheme: Scheme
  /// A name or an address, without brackets.
  public let host: String
  public let port: Int
  /// Of HTTP what stands before `/ac/` and `/cas/`, without a `/` at its end; of the Remote Execution API the instance's name, without any around it.
  public let path: String

  public var isEncrypted: Bool { scheme == .https || scheme == .grpcs }
  public var isRemoteExecution: Bool { scheme == .grpc || scheme == .grpcs }

  /// `host:port`, as HTTP names it; the port is left out where it is the scheme's own.
  public var authority: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return port == usualPort ? host : "\(host):\(port)"
  }

  private var usualPort: Int { isEncrypted ? 443 : 80 }

  /// Whether a text that names a cache is an address, and no directory.
  public static func isAddress(_ text: String) -> Bool { text.contains("://") }

  /// - Throws: a message for the user.
  public init(_ text: String) throws(SkipCacheError) {
    func failure(_ reason: String) -> SkipCacheError { SkipCacheError("--cache \(text): \(reason)") }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let scheme = Scheme(rawValue: String(parts[0]).lowercased()), parts[1].hasPrefix("//")
    else {
      throw failure("a shared cache is at http://, https://, grpc:// or grpcs://")
    }
    self.scheme = scheme
    let rest = parts[1].dropFirst(2)
    let authority = rest.prefix { $0 != "/" }
    guard rest.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), !rest.contains(where: { "?#\"<>\\^`{|}".contains($0) })
    else { throw failure("its path has characters that an address has not") }
    guard !authority.contains("@") else {
      throw failure("credentials are not given in it, where others see them: use ~/.netrc, or UWRX_CACHE_HEADER")
    }
    var port: Substring?
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { throw failure("a ] is missing") }
      host = String(authority[authority.index(after: authority.startIndex)..<end])
      let after = authority[authority.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":") else { throw failure("a port follows the ]") }
      if !after.isEmpty { port = after.dropFirst() }
    } else {
      let pair = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      host = String(pair[0])
      if pair.count == 2 { port = pair[1] }
    }
    guard !host.isEmpty else { throw failure("no host is named") }
    if let port {
      guard let number = UInt16(port), number > 0 else { throw failure("\(port) is no port") }
      self.port = Int(number)
    } else {
      self.port = scheme == .https || scheme == .grpcs ? 443 : 80
    }
    var path = String(rest.dropFirst(authority.count))
    while path.hasSuffix("/") { path.removeLast() }
    if scheme == .grpc || scheme == .grpcs { while path.hasPrefix("/") { path.removeFirst() } }
    self.path = path
  }
}

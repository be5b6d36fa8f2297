import Network

/// Whether a request may go where the guest's connection goes.
struct HTTPRequestCheck: Sendable {
  private let domain: Domain
  /// Whether git may push there.
  private let allowsPush: Bool
  /// How nearly all requests name the domain.
  private let usual: [UInt8]

  init(domain: Domain, allowsPush: Bool = false) {
    self.domain = domain
    self.allowsPush = allowsPush
    usual = Array(domain.bracketed.utf8)
  }

  /// - Returns: where a CONNECT is to lead; nil for every other request.
  /// - Throws: 400 for a request whose host can be read in two ways, 403 for a CONNECT that may not be and for a push, 421 for one that is for another host.
  func check(_ head: HTTPHead, _ tunnels: HTTPTunnels?) throws(HTTPFailure) -> HTTPTunnel.Target? {
    if !allowsPush, GitPush.isPush(head) { throw HTTPFailure(403, GitPush.refusal, refusal: GitPush.refusal) }
    let hosts = head.values(of: "host")
    guard hosts.count <= 1 else { throw HTTPFailure(400, "the request has more than one Host") }
    guard head.minorVersion == 0 || !hosts.isEmpty else { throw HTTPFailure(400, "the request has no Host") }
    if head.method.elementsEqual("CONNECT".utf8) { return try tunnel(head, hosts, tunnels) }
    var named = hosts.filter { !$0.isEmpty }
    if head.target.first != UInt8(ascii: "/") {
      let isOptions = head.method.elementsEqual("OPTIONS".utf8) && head.target.elementsEqual("*".utf8)
      if !isOptions { named.append(try authority(head.target)) }
    }
    // RFC 9112, 3.2.2: the target counts, not Host; a server may think otherwise, and so both must be right.
    for name in named where !name.elementsEqual(usual) {
      guard let host = Self.host(name) else {
        throw HTTPFailure(400, "the request's host is neither a name nor an address")
      }
      // Whoever dials an address may mean any of the hosts that are served there.
      guard domain.address != nil || host == domain else {
        throw HTTPFailure(421, "the request is for \(host.bracketed), but the connection is to \(domain.bracketed)")
      }
    }
    return nil
  }

  private func tunnel(
    _ head: HTTPHead, _ hosts: [ArraySlice<UInt8>], _ tunnels: HTTPTunnels?
  ) throws(HTTPFailure) -> HTTPTunnel.Target {
    guard let tunnels else { throw HTTPFailure(403, "CONNECT is refused: connect to the host itself") }
    guard head.values(of: "content-length").isEmpty, head.values(of: "transfer-encoding").isEmpty else {
      throw HTTPFailure(400, "the CONNECT has a body")
    }
    // RFC 9112, 3.2.3: of this form alone, and Host says the same.
    guard let colon = head.target.lastIndex(of: UInt8(ascii: ":")),
      let port = HTTPToken.number(head.target[(colon + 1)...]).flatMap({ UInt16(exactly: $0) }), port > 0,
      let host = Self.host(head.target)
    else { throw HTTPFailure(400, "the CONNECT does not say host:port") }
    guard hosts.allSatisfy({ $0.isEmpty || Self.host($0) == host }) else {
      throw HTTPFailure(400, "the CONNECT is for \(host.bracketed), but its Host is another")
    }
    let target = HTTPTunnel.Target(domain: host, port: port)
    if let reason = tunnels.refusal(target) {
      throw HTTPFailure(403, "CONNECT to \(host.bracketed):\(port) is refused: \(reason)")
    }
    return target
  }

  /// Of a target in absolute form (RFC 9112, 3.2.2).
  private func authority(_ target: ArraySlice<UInt8>) throws(HTTPFailure) -> ArraySlice<UInt8> {
    let failure = HTTPFailure(400, "the target is neither a path nor a URL")
    guard let colon = target.firstIndex(of: UInt8(ascii: ":")) else { throw failure }
    let rest = target[(colon + 1)...]
    guard ["http", "https"].contains(where: { HTTPToken.equals(target[..<colon], $0) }), rest.starts(with: "//".utf8)
    else { throw failure }
    let authority = rest.dropFirst(2).prefix { !"/?#".utf8.contains($0) }
    guard !authority.isEmpty, !authority.contains(UInt8(ascii: "@")) else { throw failure }
    return authority
  }

  /// - Parameter text: `host` or `host:port`.
  private static func host(_ text: ArraySlice<UInt8>) -> Domain? {
    var host = text
    if let colon = text.lastIndex(of: UInt8(ascii: ":")), text.last != UInt8(ascii: "]") {
      guard text[(colon + 1)...].allSatisfy({ (0x30...0x39).contains($0) }), text.endIndex - colon <= 6 else {
        return nil
      }
      host = text[..<colon]
    }
    // An IPv6 address has brackets here (RFC 3986, 3.2.2).
    guard host.first == UInt8(ascii: "[") || !host.contains(UInt8(ascii: ":")) else { return nil }
    return Domain(text: Array(host))
  }
}

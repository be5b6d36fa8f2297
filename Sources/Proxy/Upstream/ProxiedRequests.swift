import Network
import Tracing

/// What requests need that go to a proxy instead of to their host: the target as a URL (RFC 9112, 3.2.2), and who asks.
struct ProxiedRequests: Sendable {
  let proxy: UpstreamProxy
  /// `http://host:port`
  private let prefix: [UInt8]
  let fields: [HTTPHeaderField]

  init(_ proxy: UpstreamProxy, to domain: Domain, port: UInt16) {
    self.proxy = proxy
    prefix = Array("http://\(domain.bracketed)\(port == 80 ? "" : ":\(port)")".utf8)
    fields = proxy.authorization.map { [$0] } ?? []
  }

  /// Its end of line, too.
  func startLine(_ head: HTTPHead) -> [UInt8] {
    // RFC 9112, 3.2.4: of `*` the URL has no path.
    let target =
      head.target.first == UInt8(ascii: "/")
      ? prefix + head.target : head.target.elementsEqual("*".utf8) ? prefix : Array(head.target)
    return head.method + [0x20] + target + " HTTP/1.\(head.minorVersion)\r\n".utf8
  }
}

extension UpstreamProxy {
  /// What tells the proxy who asks (RFC 7617).
  var authorization: HTTPHeaderField? {
    credentials.flatMap {
      HTTPHeaderField(
        name: "Proxy-Authorization", value: "Basic " + Base64.text($0))
    }
  }
}

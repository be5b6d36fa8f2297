import Network
import Testing

struct UpstreamProxyTests {
  @Test(
    arguments: [
      ("http://proxy.example:3128", "http://proxy.example:3128", nil),
      ("proxy.example", "http://proxy.example:1080", nil),
      ("HTTP://Proxy.Example:80/", "http://proxy.example:80", nil), ("http://[::1]:8", "http://[::1]:8", nil),
      ("[::1]", "http://[::1]:1080", nil), ("ada:l%40c%3ae@127.0.0.1:1", "http://127.0.0.1:1", "ada:l@c:e"),
      ("http://ada@proxy:1", "http://proxy:1", "ada:"), ("http://a:b@c:d@proxy:1", "http://proxy:1", "a:b@c:d"),
    ] as [(String, String, String?)])
  func proxiesAreRead(_ text: String, _ description: String, _ credentials: String?) throws {
    let proxy = try UpstreamProxy(text)
    #expect(proxy.description == description)
    #expect(proxy.credentials.map { String(decoding: $0, as: UTF8.self) } == credentials)
  }

  @Test(arguments: [
    "", "http://", "https://proxy:1", "socks5://proxy:1", "http://proxy:0", "http://proxy:99999", "http://proxy:x",
    "http://::1:80", "http://proxy/path", "http://ada:s3cret%0@proxy:1", "http://ada:s3cret%0a@proxy:1",
    "http://ada:s3cret@:1", "socks5h://ada:s3cret@proxy:1", "http://ada:s3cret@proxy:port", "http://a b:1",
  ])
  func whatIsNoneIsAnErrorWithoutItsPassword(_ text: String) {
    let error = #expect(throws: NetworkOptionError.self) { try UpstreamProxy(text) }
    #expect(error?.message.contains("s3cret") == false)
  }

  @Test(arguments: [
    ("*", "example.org", 1, true), ("", "example.org", 1, false), ("example.org", "example.org", 1, true),
    ("example.org", "EXAMPLE.ORG.", 1, true), ("example.org", "www.example.org", 1, true),
    ("example.org", "badexample.org", 1, false), (".example.org", "example.org", 1, true),
    ("*.example.org", "a.b.example.org", 1, true), ("www.example.org", "example.org", 1, false),
    ("a, example.org  b", "b", 1, true), ("example.org:80", "example.org", 80, true),
    ("example.org:80", "example.org", 81, false), ("example.org:80-90", "example.org", 80, false),
    ("192.0.2.1", "192.0.2.1", 1, true), ("192.0.2.1", "192.0.2.10", 1, false), ("192.0.2.1:8", "192.0.2.1", 8, true),
    ("192.0.2.0/24", "192.0.2.10", 1, true), ("192.0.2.0/24", "192.0.3.1", 1, false),
    ("192.0.2.0/24", "example.org", 1, false), ("2001:db8::/32", "[2001:db8::1]", 1, true),
    ("2001:db8::1", "2001:db8::1", 1, true), ("[2001:db8::1]", "2001:db8::1", 1, true),
    ("[2001:db8::1]:8", "2001:db8::1", 8, true), ("[2001:db8::1]:8", "2001:db8::1", 9, false),
    ("192.0.2.1", "::ffff:192.0.2.1", 1, true), ("2.1", "192.0.2.1", 1, false), ("nonsense?, :, /", "b", 1, false),
  ])
  func exceptionsAreThoseOfTheVariable(_ text: String, _ host: String, _ port: UInt16, _ isOne: Bool) throws {
    #expect(ProxyExceptions(text).contains(try #require(Domain(host)), port: port) == isOne)
  }

  @Test func whatGoesByWhichProxyIsToldByThePort() throws {
    let http = try UpstreamProxy("one:1")
    let https = try UpstreamProxy("two:2")
    let host = Domain("example.org")!
    let both = UpstreamProxies(http: http, https: https, exceptions: ProxyExceptions("example.org:81,local"))
    #expect(both.route(to: host, port: 80) == .requests(http))
    #expect(both.route(to: host, port: 443) == .tunnel(https, orRequests: nil))
    #expect(both.route(to: host, port: 8080) == .tunnel(https, orRequests: http))
    #expect(both.route(to: host, port: 81) == .direct)
    #expect(both.find(host) && !both.find(Domain("local")!))
    let one = UpstreamProxies(http: http)
    #expect(one.route(to: host, port: 443) == .direct)
    #expect(one.route(to: host, port: 8080) == .tunnel(http, orRequests: http))
    #expect(UpstreamProxies(https: https).route(to: host, port: 80) == .direct)
    #expect(UpstreamProxies().route(to: host, port: 8080) == .direct && !UpstreamProxies().find(host))
  }

  /// As curl reads them (its manual, "ENVIRONMENT").
  @Test(
    arguments: [
      (nil, ["http_proxy": "a"], "a", nil, ""), (nil, ["HTTP_PROXY": "a"], nil, nil, ""),
      (nil, ["HTTPS_PROXY": "a", "NO_PROXY": "n"], nil, "a", "n"),
      (nil, ["https_proxy": "a", "HTTPS_PROXY": "b", "no_proxy": "n", "NO_PROXY": "o"], nil, "a", "n"),
      (nil, ["all_proxy": "a"], "a", "a", ""), (nil, ["ALL_PROXY": "a", "http_proxy": "b"], "b", "a", ""),
      (nil, ["https_proxy": "", "ALL_PROXY": "a"], "a", "a", ""),
      ("none", ["http_proxy": "a", "no_proxy": "n"], nil, nil, ""),
      ("x", ["http_proxy": "a", "no_proxy": "n"], "x", "x", "n"), (nil, [:], nil, nil, ""),
    ] as [(String?, [String: String], String?, String?, String)])
  func variablesAreThoseOfCurl(
    _ option: String?, _ variables: [String: String], _ http: String?, _ https: String?, _ exceptions: String
  ) {
    let read = ProxyVariables(option: option) { variables[$0] }
    #expect(read.http?.text == http)
    #expect(read.https?.text == https)
    #expect(read.exceptions == exceptions)
    #expect(read.named.allSatisfy { $0.name == (option == nil ? $0.name : "--upstream-proxy") })
  }
}

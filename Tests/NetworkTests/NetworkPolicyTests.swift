import Testing

@testable import Network

@Suite("The network policy")
struct NetworkPolicyTests {
  private static func policy(allow: [String] = [], deny: [String] = [], resolve: [String] = []) throws -> NetworkPolicy
  {
    NetworkPolicy(
      allow: try allow.map { try NetworkRule($0) }, deny: try deny.map { try NetworkRule($0) },
      resolve: try resolve.map { try ResolveRule($0) })
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let rules: [String]
    let host: String
    let port: UInt16
    let isAllowed: Bool
    var testDescription: String { "\(host):\(port) with \(rules) \(isAllowed)" }

    init(_ rules: [String], _ host: String, _ port: UInt16, _ isAllowed: Bool) {
      (self.rules, self.host, self.port, self.isAllowed) = (rules, host, port, isAllowed)
    }

    init(_ rules: [String], _ host: String, _ isAllowed: Bool) { self.init(rules, host, 443, isAllowed) }
  }

  /// Rules that begin with `!` are those of `--deny`.
  static let cases: [Case] = [
    Case([], "example.org", false), Case(["example.org"], "EXAMPLE.org", true),
    Case(["Example.ORG."], "example.org", true),
    Case(["example.org"], "a.example.org", false), Case(["example.org:443"], "example.org", 443, true),
    Case(["example.org:443"], "example.org", 80, false), Case(["example.org:80-443"], "example.org", 100, true),
    Case(["example.org:80-443"], "example.org", 444, false), Case(["*.example.org"], "a.example.org", true),
    Case(["*.example.org"], "a.b.example.org", true), Case(["*.example.org"], "example.org", false),
    Case(["*.example.org"], "xexample.org", false), Case(["*.example.org:1"], "a.example.org", 1, true),
    Case(["*"], "example.org", true), Case(["*:443"], "example.org", 80, false), Case(["*"], "8.8.8.8", true),
    Case(["*"], "2606:4700::1", true), Case(["*"], "127.0.0.1", false), Case(["*"], "169.254.169.254", false),
    Case(["*"], "fd00:ec2::254", false), Case(["*"], "10.0.0.1", false), Case(["*"], "224.0.0.1", false),
    Case(["*"], "0.0.0.0", false),
    Case(["*"], "::", false), Case(["*"], "fe80::1", false), Case(["*"], "::ffff:127.0.0.1", false),
    Case(["*"], "64:ff9b::a9fe:a9fe", false), Case(["*"], "2002:7f00:1::", false), Case(["*"], "::127.0.0.1", false),
    Case(["127.0.0.1"], "127.0.0.1", true), Case(["127.0.0.1:80"], "127.0.0.1", 81, false),
    Case(["127.0.0.0/8"], "127.3.3.3", true),
    Case(["126.0.0.0/7"], "127.3.3.3", false), Case(["0.0.0.0/0"], "127.0.0.1", false),
    Case(["0.0.0.0/0"], "8.8.8.8", true), Case(["0.0.0.0/0"], "10.0.0.1", false),
    Case(["10.0.0.0/8"], "10.9.9.9", true),
    Case(["169.254.0.0/16"], "169.254.169.254", false), Case(["169.254.0.0/16"], "169.254.1.1", true),
    Case(["169.254.169.254"], "169.254.169.254", true), Case(["::/0"], "2606:4700::1", true),
    Case(["::/0"], "::1", false),
    Case(["::/0"], "8.8.8.8", false), Case(["[::1]:80"], "::1", 80, true), Case(["[::1]:80"], "::1", 81, false),
    Case(["fd00::/8:80"], "fd00::5", 80, true), Case(["fd00::/8"], "fd00::5", true),
    Case(["[fd00::]/8:80"], "fd00::5", 81, false),
    Case(["[64:ff9b::a9fe:a9fe]"], "64:ff9b::a9fe:a9fe", true), Case(["64:ff9b::/96"], "64:ff9b::a9fe:a9fe", false),
    Case(["[::ffff:10.0.0.1]"], "10.0.0.1", true), Case(["::ffff:10.0.0.0/104"], "10.0.0.1", true),
    Case(["*", "!example.org"], "example.org", false), Case(["*", "!example.org:80"], "example.org", 443, true),
    Case(["example.org", "!*"], "example.org", false), Case(["*", "!*.example.org"], "a.example.org", false),
    Case(["*", "!*.example.org"], "example.org", true), Case(["10.0.0.0/8", "!10.0.0.1"], "10.0.0.1", false),
    Case(["10.0.0.0/8", "!10.0.0.1"], "10.0.0.2", true), Case(["*", "!8.0.0.0/8"], "8.8.8.8", false),
    Case(["*", "!8.0.0.0/8"], "64:ff9b::808:808", false), Case(["127.0.0.1", "!*"], "127.0.0.1", false),
    Case(["*", "!0.0.0.0/0"], "8.8.8.8", false),
  ]

  @Test("lets through what its rules say", arguments: cases)
  func decision(_ one: Case) throws {
    let policy = try Self.policy(
      allow: one.rules.filter { !$0.hasPrefix("!") },
      deny: one.rules.filter { $0.hasPrefix("!") }.map { String($0.dropFirst()) })
    let domain = try #require(Domain(one.host))
    #expect((policy.decision(domain: domain, port: one.port) == .allowed) == one.isAllowed)
  }

  @Test(
    "says what would let it through",
    arguments: [
      ("example.org", "--allow example.org:443"), ("10.0.0.1", "--allow 10.0.0.1:443"), ("::1", "--allow '[::1]:443'"),
      (#"a\;b.org"#, "--allow '*:443'"),
    ])
  func hint(_ host: String, _ hint: String) throws {
    let domain = try #require(Domain(host))
    #expect(NetworkPolicy().decision(domain: domain, port: 443) == .refused(hint: hint))
    let rule = hint.dropFirst("--allow ".count).filter { $0 != "'" }
    #expect(try Self.policy(allow: [rule]).decision(domain: domain, port: 443) == .allowed)
  }

  @Test("says which rule forbids it")
  func denied() throws {
    let policy = try Self.policy(allow: ["*"], deny: ["*.org:443", "example.org"])
    #expect(policy.decision(domain: Domain("example.org")!, port: 443) == .denied(by: try NetworkRule("*.org:443")))
  }

  struct Upstream: CustomTestStringConvertible, Sendable {
    let rules: [String]
    let host: String
    let address: String
    let isAllowed: Bool
    var testDescription: String { "\(host) at \(address) with \(rules) \(isAllowed)" }

    init(_ rules: [String], _ host: String, _ address: String, _ isAllowed: Bool) {
      (self.rules, self.host, self.address, self.isAllowed) = (rules, host, address, isAllowed)
    }
  }

  /// Rules that begin with `=` are those of `--resolve`.
  static let upstreams: [Upstream] = [
    Upstream(["*"], "a.org", "8.8.8.8", true), Upstream(["*"], "a.org", "127.0.0.1", false),
    Upstream(["*"], "a.org", "10.0.0.1", false),
    Upstream(["a.org"], "a.org", "10.0.0.1", true), Upstream(["*.org"], "a.org", "fd00::1", true),
    Upstream(["a.org:80"], "a.org", "10.0.0.1", false), Upstream(["*", "10.0.0.0/8"], "a.org", "10.0.0.1", true),
    Upstream(["a.org"], "a.org", "127.0.0.1", false), Upstream(["a.org"], "a.org", "::1", false),
    Upstream(["a.org"], "a.org", "169.254.169.254", false),
    Upstream(["a.org"], "a.org", "::ffff:169.254.169.254", false),
    Upstream(["a.org"], "a.org", "64:ff9b::7f00:1", false), Upstream(["a.org"], "a.org", "2002:7f00:1::1", false),
    Upstream(["a.org"], "a.org", "0.0.0.0", false), Upstream(["a.org"], "a.org", "::", false),
    Upstream(["a.org"], "a.org", "224.0.0.1", false), Upstream(["a.org"], "a.org", "fe80::1", false),
    Upstream(["a.org"], "a.org", "fd00:ec2::254", false), Upstream(["a.org", "127.0.0.1"], "a.org", "127.0.0.1", true),
    Upstream(["a.org", "127.0.0.0/8"], "a.org", "127.0.0.1", true),
    Upstream(["a.org", "0.0.0.0/0"], "a.org", "127.0.0.1", false),
    Upstream(["a.org", "=a.org:443:127.0.0.1"], "a.org", "127.0.0.1", true),
    Upstream(["a.org", "=a.org:*:[::1]"], "a.org", "::1", true),
    Upstream(["a.org", "=a.org:80:127.0.0.1"], "a.org", "127.0.0.1", false),
    Upstream(["a.org", "=b.org:443:127.0.0.1"], "a.org", "127.0.0.1", false),
    Upstream(["a.org", "=a.org:443:127.0.0.1", "!127.0.0.0/8"], "a.org", "127.0.0.1", false),
    Upstream(["a.org", "!8.0.0.0/8"], "a.org", "8.8.8.8", false),
    Upstream(["a.org", "!8.0.0.0/8"], "a.org", "::ffff:8.8.8.8", false),
    Upstream(["a.org", "!8.0.0.0/8"], "a.org", "64:ff9b::808:808", false),
    Upstream(["10.0.0.1"], "10.0.0.1", "10.0.0.1", true),
    Upstream([], "10.0.0.1", "10.0.0.1", false), Upstream(["127.0.0.1"], "127.0.0.1", "::ffff:127.0.0.1", true),
  ]

  @Test("lets no name lead where it may not", arguments: upstreams)
  func permits(_ one: Upstream) throws {
    func rules(_ mark: String) -> [String] { one.rules.filter { $0.hasPrefix(mark) }.map { String($0.dropFirst()) } }
    let policy = try Self.policy(
      allow: one.rules.filter { !$0.hasPrefix("!") && !$0.hasPrefix("=") }, deny: rules("!"), resolve: rules("="))
    let decision = policy.permits(upstream: IPAddress(one.address)!, for: Domain(one.host)!, port: 443)
    #expect((decision == .allowed) == one.isAllowed)
  }

  @Test(
    "lets a name be looked up if a port of it may be reached",
    arguments: [
      (["a.org:80"], [], true), ([], [], false), (["a.org:80"], ["a.org:80"], false),
      (["a.org:80-90"], ["a.org:80-89"], true),
      (["a.org:80-90"], ["a.org:1-65535"], false), (["a.org"], ["a.org:80"], true), (["a.org"], ["a.org:1"], true),
      (["a.org"], ["a.org:1-65534"], true), (["a.org"], ["*"], false), (["b.org"], [], false), (["*:80"], [], true),
    ] as [([String], [String], Bool)])
  func lookup(_ allow: [String], _ deny: [String], _ isAllowed: Bool) throws {
    #expect(try Self.policy(allow: allow, deny: deny).permitsLookup(of: Domain("a.org")!) == isAllowed)
  }

  @Test(
    "says what to write instead of a wrong rule",
    arguments: [
      ("0x7f.1", "four decimal numbers"), ("2130706433", "four decimal numbers"),
      ("0177.0.0.1", "four decimal numbers"),
      ("1.2.3:80", "four decimal numbers"), ("127.1", "four decimal numbers"), ("*.1", "four decimal numbers"),
      ("münchen.de", "xn--"),
      ("https://a.org", "URL"), ("", "names no host"), (":80", "names no host"), ("a.org:", "is no port"),
      ("a.org:0", "is no port"),
      ("a.org:65536", "is no port"), ("a.org:90-80", "is no port"), ("a.org:-80", "is no port"),
      ("a.org:80-", "is no port"),
      ("a.org:http", "is no port"), ("a.org:+80", "is no port"), ("::1", "write [::1]"),
      ("fe80::1:80", "write [fe80::1:80]"),
      ("fe80::1%eth0", "brackets"), ("[fe80::1%1]:80", "brackets"), ("[::1", "brackets"), ("[1.2.3.4]", "is no host"),
      ("a.org/x", "is no block"), ("10.0.0.0/33", "is no block"), ("10.0.0.0/", "is no block"),
      ("10.0.0.0/08", "is no block"),
      ("10.0.0.1/8", "write 10.0.0.0/8"), ("fd00::1/8", "write fd00::/8"), ("a*.org", "is no host"),
      ("*.*.org", "is no host"),
      ("a..org", "is no host"), ("*.", "is no host"), ("a b", "is no host"), (".", "is no host"),
      ("a.org:80:90", "brackets"),
      ("user@a.org", "is no host"), (#"a\.b"#, "is no host"), (String(repeating: "a", count: 64), "is no host"),
    ])
  func wrongRule(_ text: String, _ message: String) {
    let error = #expect(throws: NetworkOptionError.self) { try NetworkRule(text) }
    #expect(error?.message.contains(message) ?? false, "\(error?.message ?? "")")
  }

  @Test("has resolutions, of which the last counts")
  func resolutions() throws {
    let policy = try Self.policy(
      resolve: [
        "a.org:443:192.0.2.1,[2001:db8::1],2001:db8::2", "[2001:db8::9]:1:127.0.0.1", "b.org:*:192.0.2.3",
        "A.org.:443:192.0.2.4",
      ])
    #expect(policy.addresses(of: Domain("a.org")!, port: 443) == [IPAddress("192.0.2.4")!])
    #expect(policy.resolve[0].addresses.map(\.description) == ["192.0.2.1", "2001:db8::1", "2001:db8::2"])
    #expect(policy.addresses(of: Domain("a.org")!, port: 80) == nil)
    #expect(policy.addresses(of: Domain("b.org")!, port: 80)?.count == 1)
    #expect(policy.addresses(of: Domain("2001:db8::9")!, port: 1)?.count == 1)
  }

  @Test(
    "says what to write instead of a wrong resolution",
    arguments: [
      ("", "three parts"), ("a.org", "three parts"), ("a.org:443", "three parts"), ("[::1]", "three parts"),
      ("[::1", "three parts"),
      ("[::1]x:1:127.0.0.1", "three parts"), ("a.org:443:", "is no address"), ("a.org:443:b.org", "is no address"),
      ("a.org:x:127.0.0.1", "is no port"),
      ("a.org:1-2:127.0.0.1", "more than one port"), ("*:443:127.0.0.1", "more than one host"),
      ("10.0.0.0/8:443:127.0.0.1", "more than one host"),
      ("a.org:443:127.1", "is no address"), ("a.org:443:127.0.0.1,", "is no address"),
      ("0x7f.1:443:127.0.0.1", "four decimal numbers"),
      ("a.org:443:[::1", "is no address"), ("a.org:443:[1.2.3.4]", "is no address"), (":443:127.0.0.1", "is no host"),
    ])
  func wrongResolution(_ text: String, _ message: String) {
    let error = #expect(throws: NetworkOptionError.self) { try ResolveRule(text) }
    #expect(error?.message.contains(message) ?? false, "\(error?.message ?? "")")
  }
}

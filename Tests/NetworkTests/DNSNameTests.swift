import Testing

@testable import Network

@Suite("A DNS name")
struct DNSNameTests {
  @Test(
    "is read and written",
    arguments: [
      ("example.org", "example.org"), ("Example.ORG.", "Example.ORG"), (".", "."), (#"a\.b.c"#, #"a\.b.c"#),
      (#"\097\000\255"#, #"a\000\255"#), (#"_tcp.*.x-y"#, #"_tcp.*.x-y"#), (#"a b"#, #"a\032b"#), (#"a\\b"#, #"a\\b"#),
      ("fe80::1", #"fe80\:\:1"#), (String(repeating: "a", count: 63), String(repeating: "a", count: 63)),
    ])
  func text(_ text: String, _ written: String) throws {
    let name = try #require(DNSName(text))
    #expect(name.description == written)
    #expect(DNSName(name.description)?.wire == name.wire)
  }

  @Test(
    "is not anything",
    arguments: [
      "", "..", "a..b", ".a", #"a\"#, #"a\25"#, #"a\256"#, #"a\2x5"#, String(repeating: "a", count: 64),
      Array(repeating: String(repeating: "a", count: 49), count: 5).joined(separator: ".") + ".abcd",
    ])
  func wrong(_ text: String) { #expect(DNSName(text) == nil) }

  @Test("has 255 bytes at most")
  func longest() {
    let text = Array(repeating: String(repeating: "a", count: 49), count: 5).joined(separator: ".")
    #expect(DNSName(text + ".abc")?.wire.count == 255)
    let escaped = (0..<127).map { _ in #"\001"# }.joined(separator: ".")
    #expect(DNSName(escaped)?.wire.count == 255)
    #expect(DNSName(escaped + #".\001"#) == nil)
    #expect(DNSName(labels: [[UInt8]]())!.isRoot)
  }

  @Test("is the same in any case, and only then")
  func equality() {
    #expect(DNSName("eXample.Org") == DNSName("Example.oRG"))
    #expect(DNSName("eXample.Org")!.hashValue == DNSName("Example.oRG")!.hashValue)
    #expect(DNSName(#"a\.b"#) != DNSName("a.b"))
    #expect(DNSName("a[") != DNSName("a{"))
    #expect(DNSName(#"\192"#) != DNSName(#"\224"#))
  }

  @Test("lies within another")
  func within() throws {
    let zone = try #require(DNSName("example.org"))
    for name in ["example.org", "a.EXAMPLE.org", "a.b.example.org"] { #expect(DNSName(name)!.isWithin(zone)) }
    for name in ["org", "xexample.org", "example.org.a", #"a\007example.org"#] {
      #expect(!DNSName(name)!.isWithin(zone))
    }
    #expect(zone.isWithin(.root))
    // The bytes at the end of this label are those of the zone's name.
    #expect(!DNSName(labels: [[0x78] + zone.wire.dropLast()])!.isWithin(zone))
  }

  @Test("of an address comes back", arguments: ["192.0.2.1", "2001:db8::567:89ab", "::", "0.0.0.0"])
  func reverse(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(DNSName(reverseOf: address).reversedAddress == address)
    #expect(DNSName(reverseOf: address).lowercased.reversedAddress == address)
  }

  @Test("of an address is as the RFCs have it")
  func reverseText() {
    #expect(DNSName(reverseOf: IPAddress("192.0.2.1")!).description == "1.2.0.192.in-addr.arpa")
    #expect(
      DNSName(reverseOf: IPAddress("2001:db8::567:89ab")!).description
        == "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
  }

  @Test(
    "is none of an address",
    arguments: [
      "1.2.0.in-addr.arpa", "01.2.0.192.in-addr.arpa", "256.2.0.192.in-addr.arpa", "a.b.c.d.e.f",
      "0.1.2.0.192.in-addr.arpa",
      "1.ip6.arpa", "x.2.0.192.in-addr.arpa",
    ])
  func noReverse(_ text: String) { #expect(DNSName(text)!.reversedAddress == nil) }

  @Test("ends in a number", arguments: ["127.0.0.1", "0x7f.1", "0X7F", "2130706433", "0177.0.0.1", "a.1", "0x"])
  func number(_ text: String) { #expect(DNSName(text)!.endsInNumber) }

  @Test("does not end in a number", arguments: ["1.org", "a.0xg", "1a", "ff", ".", #"1\.2x"#])
  func noNumber(_ text: String) { #expect(!DNSName(text)!.endsInNumber) }
}

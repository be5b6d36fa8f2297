import Testing

@testable import Certificates

enum Hosts {
  static let good = [
    "example.org", "localhost", "a", "xn--bcher-kva.example", "my_bucket.s3.example", "1password.example", "3.example",
    "127.0.0.1", "::1", "fd00:2::15", "::ffff:10.0.2.15", String(repeating: "a.", count: 126) + "a",
    String(repeating: "a", count: 63), "r3---sn-x.example", "0x.example",
  ]
}

@Suite("Hosts of certificates")
struct HostTests {
  @Test(arguments: Hosts.good)
  func good(_ host: String) throws { #expect(try CertificateHost(Array(host.utf8)).text == host) }

  @Test(arguments: [
    ("EXAMPLE.org", "example.org"), ("example.org.", "example.org"), ("FD00:0:0::1", "fd00::1"),
    ("0:0:0:0:0:0:0:1", "::1"), ("::ffff:7f00:1", "::ffff:127.0.0.1"),
  ])
  func spelling(_ host: String, _ canonical: String) throws {
    #expect(try CertificateHost(Array(host.utf8)).text == canonical)
  }

  @Test(arguments: [
    "", ".", "..", "a..b", ".a", "a..", "*", "*.example.org", "a b", "a/b", "../a", "a\nb", "a:443", "[::1]",
    "fe80::1%eth0",
    "-a.example", "a-.example", "bücher.example", "127.1", "2130706433", "0x7f000001", "1.2.3.4.5", "256.1.1.1",
    "0177.0.0.1",
    "a.0x7f", "a.1", "a@b", "a,DNS:b", "a\u{0}.example.org", String(repeating: "a", count: 64),
    String(repeating: "a.", count: 127) + "a", "1.2.3.4 ", "::1\u{0}", ":::1",
  ])
  func bad(_ host: String) throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    #expect(throws: CertificateError.host(Array(host.utf8))) { try authority.leaf(for: host) }
  }

  @Test func bytesThatAreNoText() {
    #expect(throws: CertificateError.host([0xff, 0xfe])) { try CertificateHost([0xff, 0xfe]) }
    #expect(CertificateError.host([0x1b, 0x61]).description.contains("'?a'"))
  }
}

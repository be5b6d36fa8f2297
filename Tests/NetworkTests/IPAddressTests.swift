import Glibc
import RandomKit
import Testing

@testable import Network

@Suite("An IP address")
struct IPAddressTests {
  /// What the C library makes of a text.
  private static func oracle(_ text: String) -> [UInt8]? {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if inet_pton(family, text, &bytes) == 1 { return bytes }
    }
    return nil
  }

  @Test(
    "is read as inet_pton(3) does",
    arguments: [
      "0.0.0.0", "255.255.255.255", "1.2.3.4", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.", ".1.2.3",
      "1..2.3",
      "0x7f.0.0.1", "2130706433", "127.1", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "+1.2.3.4", "", ":", "::", ":::", "1::",
      "::1",
      "1::2::3", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
      "1:2:3:4::5:6:7:8",
      "::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "::1.2.3",
      "::01.2.3.4",
      "1.2.3.4::", "::12345", "::g", "1:", ":1", "1:2:3:4:5:6:7:", ":2:3:4:5:6:7:8", "fe80::1%1", "[::1]", "FE80::ABCD",
      "::00001",
      "0000:0000:0000:0000:0000:ffff:255.255.255.255", "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
      "1:2:3:4:5:6:7:8::",
    ])
  func reading(_ text: String) { #expect(IPAddress(text)?.bytes == Self.oracle(text)) }

  @Test("is read as inet_pton(3) does, whatever the text")
  func readingAnything() {
    var random = SeededGenerator(seed: 1)
    let pieces = ["0", "1", "25", "255", "256", "ffff", "a", "0a", ".", ":", "::", "x", "%", "00000"]
    for _ in 0..<12_500 {
      let text = (0..<Int.random(in: 1...17, using: &random)).map { _ in pieces.randomElement(using: &random)! }
        .joined()
      if IPAddress(text)?.bytes != Self.oracle(text) { Issue.record("\(text)") }
    }
  }

  @Test(
    "is written as RFC 5952 says",
    arguments: [
      ("2001:db8::1", "2001:DB8:0:0:0:0:0:1"), ("::", "0:0:0:0:0:0:0:0"), ("::1", "0::1"), ("1::", "1:0:0:0:0:0:0:0"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8::1:1:1:1:1"), ("2001:0:0:1::1", "2001:0:0:1:0:0:0:1"),
      ("2001:db8::1:0:0:1", "2001:db8:0:0:1:0:0:1"), ("::ffff:192.0.2.1", "::ffff:c000:201"),
      ("1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"),
      ("0:2:3:4:5:6:7:8", "0000:2:3:4:5:6:7:8"), ("192.0.2.1", "192.0.2.1"),
    ])
  func writing(_ text: String, _ other: String) throws {
    #expect(try #require(IPAddress(other)).description == text)
  }

  @Test("comes back from its text and its bytes")
  func roundTrip() {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<5_000 {
      var bytes = Bool.random(using: &random) ? random.bytes(16...16) : random.bytes(4...4)
      // Zeros in runs.
      for index in bytes.indices where index % 2 == 0 && bytes.count == 16 && Bool.random(using: &random) {
        bytes[index] = 0
        bytes[index + 1] = 0
      }
      let address = IPAddress(bytes: bytes)!
      #expect(address.bytes == bytes)
      #expect(IPAddress(address.description) == address)
    }
    #expect(IPAddress(bytes: [1, 2, 3]) == nil)
  }

  @Test(
    "reaches as far as the registries say",
    arguments: [
      ("8.8.8.8", .global), ("2606:4700::1", .global), ("10.1.2.3", .site), ("172.31.0.1", .site),
      ("172.32.0.1", .global),
      ("192.168.1.1", .site), ("100.64.0.1", .site), ("127.9.9.9", .loopback), ("0.0.0.0", .unspecified),
      ("0.1.2.3", .unspecified),
      ("169.254.1.1", .linkLocal), ("169.254.169.254", .metadata), ("224.0.0.1", .multicast),
      ("255.255.255.255", .reserved),
      ("::", .unspecified), ("::1", .loopback), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
      ("ff02::1", .multicast),
      ("fd00:ec2::254", .metadata), ("fd00::1", .site), ("::ffff:127.0.0.1", .loopback), ("::ffff:8.8.8.8", .global),
      ("::127.0.0.1", .loopback), ("64:ff9b::a9fe:a9fe", .metadata), ("64:ff9b::808:808", .global),
      ("2002:7f00:1::", .loopback),
      ("2002:a00:1::5", .site), ("2001:0:1:2:3:4:80ff:fffe", .loopback), ("::ffff:0:10.0.0.1", .site),
    ] as [(String, AddressScope)])
  func scope(_ text: String, _ scope: AddressScope) throws {
    #expect(try #require(IPAddress(text)).scope == scope)
  }

  @Test("has a port after it", arguments: ["192.0.2.1:443", "[2001:db8::1]:0", "[::ffff:1.2.3.4]:65535"])
  func endpoint(_ text: String) throws { #expect(try #require(Endpoint(text)).description == text) }

  @Test(
    "has nothing else after it",
    arguments: [
      "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "::1:80", "[192.0.2.1]:80", "[::1]", "[::1:80", "192.0.2.1:+1",
      ":1",
    ])
  func noEndpoint(_ text: String) { #expect(Endpoint(text) == nil) }
}

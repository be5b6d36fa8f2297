import RandomKit
import Testing

@testable import Network

@Suite("A domain")
struct DomainTests {
  @Test(
    "has a text and a directory",
    arguments: [
      ("Example.ORG.", "example.org", "example.org"), ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
      ("[2001:DB8::1]", "2001:db8::1", "2001:db8::1"), ("2001:db8::1", "2001:db8::1", "2001:db8::1"),
      ("::", "::", "::"),
      ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"), ("_a-b.c", "_a-b.c", "_a-b.c"), ("-x.y", "-x.y", "%2dx.y"),
      (#"a\.b.c"#, #"a\.b.c"#, "a%2eb.c"), (#"\.\.\/x"#, #"\.\.\/x"#, "%2e%2e%2fx"), (#"\000.x"#, #"\000.x"#, "%00.x"),
      (#"fe80\:\:1"#, #"fe80\:\:1"#, "fe80%3a%3a1"), ("*.example.org", "*.example.org", "%2a.example.org"),
      (#"a\%62"#, #"a\%62"#, "a%2562"), (#"a\032b"#, #"a\032b"#, "a%20b"),
      (#"1\.2\.3\.4"#, #"1\.2\.3\.4"#, "1%2e2%2e3%2e4"),
    ])
  func texts(_ text: String, _ canonical: String, _ directory: String) throws {
    let domain = try #require(Domain(text))
    #expect(domain.description == canonical)
    #expect(String(decoding: domain.directoryName, as: UTF8.self) == directory)
    #expect(Domain(directoryName: domain.directoryName) == domain)
    #expect(Domain(domain.description) == domain)
  }

  @Test(
    "is not anything",
    arguments: [
      "", ".", "..", "1.2.3", "0x7f.1", "2130706433", "1.2.3.4.", "[1.2.3.4]", "[::1", "a..b", "[example.org]", "a:80",
      "a b", "a/b", "a@b", "\u{e9}.org", "[::1]:80", "::1]",
    ])
  func wrong(_ text: String) { #expect(Domain(text) == nil) }

  @Test(
    "has one directory only",
    arguments: [
      "Example.org", "example.org.", "a%2Eb", "a%41", "a%6a", "2001:DB8::1", "0::1", "..", ".", "", "a..b", "a%", "a%2",
      "a b", "a/b",
      "%2dx%2d", "-x", "1.2.3", "::ffff:1.2.3.4", "[::1]", "%2ex/..", "a~",
    ])
  func otherDirectories(_ name: String) { #expect(Domain(directoryName: Array(name.utf8)) == nil) }

  @Test("never shares its directory, which never leads anywhere else")
  func injective() {
    var random = SeededGenerator(seed: 8)
    var owners: [[UInt8]: Domain] = [:]
    let bytes: [UInt8] = Array("ab.-_%~/:2e\\".utf8) + [0, 0xff, 0x20]
    for round in 0..<4_000 {
      let labels = (0..<Int.random(in: 1...(round % 10 == 0 ? 5 : 3), using: &random)).map { _ in
        (0..<Int.random(in: 1...(round % 10 == 0 ? 60 : 3), using: &random)).map { _ in
          bytes.randomElement(using: &random)!
        }
      }
      guard let name = DNSName(labels: labels), let domain = Domain(name: name) else { continue }
      let directory = domain.directoryName
      #expect(owners.updateValue(domain, forKey: directory) ?? domain == domain)
      #expect((1...255).contains(directory.count) && !directory.contains(0) && !directory.contains(0x2f))
      #expect(directory != [0x2e] && directory != [0x2e, 0x2e] && directory.first != 0x2d)
      #expect(Domain(directoryName: directory) == (directory.contains(0x7e) ? nil : domain))
    }
    #expect(owners.count > 800)
  }

  @Test("with a long name has a digest in its directory's")
  func long() throws {
    let labels = [[UInt8]](repeating: [UInt8](repeating: 0xff, count: 60), count: 4)
    var other = labels
    other[3][59] = 0xfe
    let (a, b) = (Domain(name: DNSName(labels: labels)!)!, Domain(name: DNSName(labels: other)!)!)
    #expect(a.directoryName.count == 255 && b.directoryName.count == 255)
    #expect(a.directoryName != b.directoryName)
    #expect(a.directoryName.prefix(222) == b.directoryName.prefix(222))
  }
}

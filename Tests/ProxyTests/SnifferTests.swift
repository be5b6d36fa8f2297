import Proxy
import RandomKit
import Testing

struct SnifferTests {
  @Test(arguments: [
    ("", Sniffer.Kind.needMore), ("G", .needMore), ("GET", .needMore), ("GET ", .needMore), ("GET /", .http),
    ("OPTIONS * HTTP/1.1\r\n", .http), ("POST http://a/ HTTP/1.1", .http), ("GET htt", .needMore),
    ("GET hello", .stream), ("CONNECT a:443 HTTP/1.1", .http), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r", .needMore), ("PRI *", .needMore), ("PRI * HTTP/1.1", .http),
    ("\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http),
    ("M-SEARCH * HTTP/1.1", .http), ("\r\nGET / HTTP/1.0", .http), ("\r\n", .needMore), ("\r\n\r\n", .stream),
    ("EHLO mail.example.org\r\n", .stream), ("NICK ada\r\n", .stream), ("*1\r\n$4\r\nPING\r\n", .stream),
    ("SSH-2.0-OpenSSH_9.6\r\n", .stream), ("get / HTTP/1.1", .stream), ("\0\0\0\u{8}", .stream), ("-A /", .stream),
    ("\u{16}", .needMore), ("\u{16}\u{3}", .tls), ("\u{16}\u{3}\u{1}\u{2}\0\u{1}", .tls), ("\u{16}a", .stream),
    ("\r\n\u{16}\u{3}", .stream), (String(repeating: "A", count: 33), .stream),
    (String(repeating: "A", count: 32), .needMore),
  ])
  func firstBytesTellTheProtocol(_ bytes: String, _ kind: Sniffer.Kind) {
    #expect(Sniffer.sniff(Array(bytes.utf8)) == kind)
  }

  @Test func whatWasDecidedStaysWithMoreBytes() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
      var bytes = random.bytes(1...40)
      if Bool.random(using: &random) { bytes = bytes.map { [0x47, 0x20, 0x2f, 0x0d, 0x0a, 0x16, 3][Int($0) % 7] } }
      var decided = Sniffer.Kind.needMore
      for count in 0...bytes.count {
        let kind = Sniffer.sniff(bytes[..<count])
        if decided != .needMore { #expect(kind == decided, "\(bytes[..<count])") }
        decided = kind
      }
    }
  }
}

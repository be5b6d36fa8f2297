import NIOCore
import NIOEmbedded
import RandomKit
import Testing

@testable import TLS

@Suite struct ClientHelloTests {
  /// A ClientHello as OpenSSL writes it.
  static func hello(_ serverName: String, _ protocols: [String]) throws -> [UInt8] {
    let channel = EmbeddedChannel()
    let context = try TLSContext.client(defaultTrust: false)
    try channel.pipeline.syncOperations.addHandler(
      TLSHandler.client(context: context, serverName: serverName, protocols: protocols))
    channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 443), promise: nil)
    var bytes = ByteBuffer()
    while var part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
    _ = try? channel.finish()
    return Array(bytes.readableBytesView)
  }

  /// The same message in records of a size.
  static func records(of message: ArraySlice<UInt8>, size: Int) -> [UInt8] {
    stride(from: message.startIndex, to: message.endIndex, by: size).flatMap { start in
      let body = message[start..<min(start + size, message.endIndex)]
      return [22, 3, 1, UInt8(body.count >> 8), UInt8(body.count & 0xff)] + body
    }
  }

  static func parse(_ bytes: [UInt8], by step: Int) -> ClientHelloParser {
    var parser = ClientHelloParser()
    for start in stride(from: 0, to: bytes.count, by: step) {
      parser.append(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
    }
    return parser
  }

  @Test(
    arguments: [
      ("Example.COM", ["h2", "http/1.1"], "example.com"), ("localhost", [], "localhost"), ("127.0.0.1", ["h2"], nil),
      ("::1", [], nil), ("a.example.", ["http/1.0"], "a.example"),
    ] as [(String, [String], String?)])
  func namesAndProtocols(sent: String, protocols: [String], name: String?) throws {
    let bytes = try Self.hello(sent, protocols)
    let parser = Self.parse(bytes, by: bytes.count)
    #expect(parser.result == .hello(serverName: name, protocols: protocols))
    #expect(Array(parser.received.readableBytesView) == bytes)
  }

  @Test(arguments: [1, 2, 3, 5, 6, 7, 64, 200, 16384], [1, 4, 5, 6, 100, 100_000])
  func anywhereSplit(record: Int, step: Int) throws {
    let message = try Self.hello("example.com", ["h2", "http/1.1"]).dropFirst(5)
    let bytes = Self.records(of: message, size: record)
    let parser = Self.parse(bytes, by: step)
    #expect(parser.result == .hello(serverName: "example.com", protocols: ["h2", "http/1.1"]))
    #expect(Array(parser.received.readableBytesView) == bytes)
    #expect(Self.parse(bytes.dropLast(), by: step).result == .needMore)
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\n", "SSH-2.0-x", "\u{16}\u{2}", "\u{16}\u{3}\u{5}", "\u{16}\u{3}\u{1}\u{0}\u{0}",
    "\u{16}\u{3}\u{1}\u{41}",
    "\u{16}\u{3}\u{1}\u{1}\u{0}\u{2}", "\u{15}\u{3}\u{3}\u{0}\u{2}", "\u{0}", "*1\r\n",
  ])
  func otherProtocols(text: String) {
    let bytes = Array(text.utf8)
    #expect(Self.parse(bytes, by: 1).result == .notTLS)
    #expect(Self.parse(bytes, by: bytes.count).result == .notTLS)
    // The last byte is what tells.
    if bytes[0] == 22 { #expect(Self.parse(bytes.dropLast(), by: 1).result == .needMore) }
  }

  /// A ClientHello with these extensions, in one record or more.
  static func message(_ extensions: [(type: UInt8, content: [UInt8])]) -> [UInt8] {
    func vector16(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes }
    let list = extensions.flatMap { (item) -> [UInt8] in [0, item.type] + vector16(item.content) }
    let body = [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0x13, 1, 1, 0] + vector16(list)
    let message = [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 0xff), UInt8(body.count & 0xff)] + body
    return records(of: message[...], size: 1 << 14)
  }

  static func name(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt8(bytes.count)
    return [0, count + 3, 0, 0, count] + bytes
  }

  static let malformed: [[(type: UInt8, content: [UInt8])]] = [
    [(0, name([]))], [(0, name([0]))], [(0, name(Array("a/b".utf8)))], [(0, name([0xc3, 0xa4]))], [(0, [])],
    [(0, [0, 0])],
    [(0, name([97])), (0, name([97]))], [(0, name([97]) + [0])], [(0, [0, 4, 1, 0, 1, 97])],
    [(0, [0, 8, 0, 0, 1, 97, 0, 0, 1, 98])], [(16, [])], [(16, [0, 0])], [(16, [0, 1, 0])], [(16, [0, 2, 2, 97])],
    [(16, [0, 2, 1, 97]), (16, [0, 2, 1, 97])],
  ]

  @Test(arguments: malformed.indices)
  func malformedExtensions(index: Int) {
    #expect(Self.parse(Self.message(Self.malformed[index]), by: 7).result == .malformed)
  }

  @Test func greaseAndUnknownExtensionsArePassedOver() {
    let bytes = Self.message([(10, []), (16, [0, 7, 2, 0x8a, 0x8a, 1, 97, 1, 98]), (0, Self.name([65])), (99, [1])])
    #expect(Self.parse(bytes, by: 3).result == .hello(serverName: "a", protocols: ["a", "b"]))
  }

  @Test func bounds() {
    let big = Self.message([(21, [UInt8](repeating: 0, count: 60_000)), (0, Self.name([97]))])
    #expect(Self.parse(big, by: 1000).result == .hello(serverName: "a", protocols: []))
    let tooBig = Self.message([(21, [UInt8](repeating: 0, count: 65_500))])
    #expect(Self.parse(tooBig, by: 1000).result == .malformed)
    // Records of one byte make six of one.
    let thin = Self.records(of: Self.message([(21, [UInt8](repeating: 0, count: 12_000))])[5...], size: 1)
    #expect(Self.parse(thin, by: 1000).result == .malformed)
    #expect(Self.parse(thin, by: thin.count).result == .malformed)
    // A length that cannot be is told by the message's header.
    #expect(Self.parse([22, 3, 1, 0, 5, 1, 2, 0, 0, 0], by: 1).result == .malformed)
    // Another record within the hello.
    #expect(Self.parse([22, 3, 1, 0, 4, 1, 0, 0, 50, 21], by: 1).result == .malformed)
  }

  @Test(arguments: 0..<10)
  func hostileBytes(seed: Int) throws {
    let good = try Self.hello("fuzz.example", ["h2", "http/1.1"])
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<300 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = .random(in: 0...255, using: &random)
        case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.insert(.random(in: 0...255, using: &random), at: at)
        default: bytes.remove(at: at)
        }
      }
      // However it is cut, the answer is the same; and what is asked for comes from the bytes.
      let whole = Self.parse(bytes, by: bytes.count).result
      #expect(Self.parse(bytes, by: Int.random(in: 1...9, using: &random)).result == whole)
      if case .hello(let name?, _) = whole { #expect(name.utf8.count <= 255 && !name.utf8.contains(0)) }
    }
  }
}

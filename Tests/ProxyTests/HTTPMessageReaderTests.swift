import NIOCore
import RandomKit
import Testing

@testable import Proxy

struct HTTPMessageReaderTests {
  /// What a reader makes of bytes that come in parts of a size.
  private func read(
    _ text: [UInt8], _ kind: HTTPHead.Kind = .request, parts size: Int = .max, method: String = "GET"
  ) throws(HTTPFailure) -> (heads: [HTTPHead], content: [UInt8], wire: [UInt8], trailers: [UInt8], ends: Int) {
    var reader = HTTPMessageReader(kind)
    var buffer = ByteBuffer()
    var result: (heads: [HTTPHead], content: [UInt8], wire: [UInt8], trailers: [UInt8], ends: Int) = ([], [], [], [], 0)
    var rest = text[...]
    while !rest.isEmpty {
      buffer.writeBytes(rest.prefix(size))
      rest = rest.dropFirst(size)
      while let part = try reader.next(from: &buffer, answering: Array(method.utf8)[...]) {
        switch part {
        case .head(let head, _):
          result.heads.append(head)
          result.wire += head.bytes
        case .framing(let bytes): result.wire += bytes.readableBytesView
        case .content(let bytes):
          result.content += bytes.readableBytesView
          result.wire += bytes.readableBytesView
        case .end(let trailers):
          result.trailers += trailers
          result.wire += trailers
          result.ends += 1
        }
      }
    }
    return result
  }

  private static let requests = [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", 1),
    ("\r\nGET / HTTP/1.0\r\n\r\n", "", 1),
    ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "hello", 1),
    ("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n", "hello", 2),
    (
      "PUT /a HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: Chunked\r\n\r\n3\r\nabc\r\n00a;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
      "abc0123456789", 1
    ),
    (
      "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nB:2\r\n\r\nGET / HTTP/1.0\r\n\r\n",
      "a", 2
    ),
    ("BREW /pot HTTP/1.1\r\nhOsT:\t a \r\nX:\r\n\r\n", "", 1),
  ]

  @Test(arguments: requests, [1, 2, 3, 7, Int.max])
  func requestsAreTakenApartHoweverTheyCome(_ request: (String, String, Int), size: Int) throws {
    let result = try read(Array(request.0.utf8), parts: size)
    #expect(result.content == Array(request.1.utf8))
    #expect(result.ends == request.2)
    #expect(result.heads.count == request.2)
    // Byte for byte, but for an empty line before.
    #expect(result.wire == Array(request.0.utf8.drop { $0 == 0x0d || $0 == 0x0a }))
  }

  @Test(
    arguments: [
      ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", "ok", 1),
      ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD", "", 1),
      ("HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n", "GET", "", 1),
      ("HTTP/1.1 204\r\n\r\n", "GET", "", 1),
      ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "POST", "x", 2),
      ("HTTP/1.0 200 OK\n\nto the end", "GET", "to the end", 0),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n", "GET", "ok", 1),
    ], [1, 5, Int.max])
  func responsesAreTakenApart(_ response: (String, String, String, Int), size: Int) throws {
    let result = try read(Array(response.0.utf8), .response, parts: size, method: response.1)
    #expect(result.content == Array(response.2.utf8))
    #expect(result.ends == response.3)
    #expect(result.wire == Array(response.0.utf8))
  }

  @Test(
    arguments: [
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
      ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nX: a\rHost: b\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400), ("GET / HTTP/1.1\r\n: a\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nnothing\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n\r\n", 400), ("GET /\r\n\r\n", 400),
      ("GET /a b HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.2\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\n", 505),
      ("GE(T / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1 \r\n\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\rb\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", 400),
      ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\n\r\n", 400),
    ], [1, Int.max])
  func whatCanBeReadInTwoWaysIsRefused(_ request: (String, Int), size: Int) throws {
    let failure = #expect(throws: HTTPFailure.self) { try read(Array(request.0.utf8), parts: size) }
    #expect(failure?.status == request.1)
  }

  @Test(arguments: [1, 4096, Int.max])
  func aHeadMayTake64KiB(size: Int) throws {
    let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    let fits = start + String(repeating: "x", count: HTTPHead.longest - start.utf8.count - 4) + "\r\n\r\n"
    #expect(try read(Array(fits.utf8), parts: size).ends == 1)
    let failure = #expect(throws: HTTPFailure.self) {
      try read(Array((start + String(repeating: "x", count: HTTPHead.longest) + "\r\n\r\n").utf8), parts: size)
    }
    #expect(failure?.status == 431)
    let endless = #expect(throws: HTTPFailure.self) {
      try read(
        Array(("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 9000)).utf8),
        parts: size)
    }
    #expect(endless?.status == 400)
  }

  @Test(arguments: [0, 1, 10, 31, 255, 1000, 0xabcdef, 0xfff_ffff_ffff_ffff])
  func numbersAreRead(number: Int) {
    let text = String(number, radix: 16)
    #expect(HTTPToken.hexadecimal(text.utf8) == number)
    #expect(HTTPToken.hexadecimal(text.uppercased().utf8) == number)
    #expect(HTTPToken.number("\(number)".utf8) == ("\(number)".utf8.count <= 18 ? number : nil))
  }

  /// No bytes make the reader do more than throw, and how they are cut makes no difference.
  @Test func mutatedRequestsAreReadOrRefused() {
    var random = SeededGenerator(seed: 7)
    var refused = 0
    for _ in 0..<4000 {
      var bytes = Array(Self.requests.randomElement(using: &random)!.0.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.insert(Array("\r\n: 0\0;".utf8).randomElement(using: &random)!, at: place)
        default: bytes.remove(at: place)
        }
      }
      let whole = try? read(bytes)
      let cut = try? read(bytes, parts: 1)
      #expect(whole?.wire == cut?.wire && whole?.content == cut?.content, "\(bytes)")
      if whole == nil { refused += 1 }
    }
    #expect(refused > 100 && refused < 3900)
  }

  /// What is let through, NIOHTTP1's parser reads in the same way.
  @Test func anotherParserReadsTheSame() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      var bytes = Array(Self.requests.randomElement(using: &random)!.0.utf8)
      if bytes.starts(with: "BREW".utf8) { continue }
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7e, using: &random)
      }
      guard let own = try? read(bytes), own.ends == own.heads.count else { continue }
      let parser = OtherParser()
      guard let other = parser.parse(bytes) else { continue }
      #expect(other.content == own.content)
      #expect(other.heads == own.heads.map { $0.fields.count })
    }
  }
}

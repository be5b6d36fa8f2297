import Glibc
import RandomKit
import SystemPackage
import Testing
import Tracing

@testable import Proxy

struct RecordingTests {
  /// RFC 4231, test cases 1, 2, 3 and 6.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func digestsAreThoseOfTheStandard(_ key: [UInt8], _ message: [UInt8], _ digest: String) {
    #expect(KeyedDigest(key: key).hexadecimal(message) == digest)
  }

  @Test(arguments: [
    ("/a?x=1", "/a?x=1"), ("/a", "/a"), ("/a?token=s3cret&b=2", "/a?token=#&b=2"),
    ("/?a=1;ToKeN=s3cret", "/?a=1;ToKeN=#"),
    ("/?%74oken=s3cret", "/?%74oken=#"), ("/?token=&key", "/?token=&key"), ("/?tokens=s3cret", "/?tokens=s3cret"),
    ("/?X-Amz-Signature=s3cret&X-Amz-Date=1", "/?X-Amz-Signature=#&X-Amz-Date=1"),
    ("http://a/?sig=s3cret#b", "http://a/?sig=##b"), ("http://a/#access_token=s3cret", "http://a/#access_token=#"),
  ])
  func secretsOfQueriesAreHidden(_ url: String, _ hidden: String) {
    let credentials = Credentials(key: [1, 2, 3])
    let digest = "digest:" + KeyedDigest(key: [1, 2, 3]).hexadecimal(Array("s3cret".utf8))
    // The mark after an equals sign stands for the digest.
    let expected = hidden.replacing("=#", with: "=" + digest)
    let result = credentials.hiding(inURL: Array(url.utf8)[...])
    #expect(String(decoding: result, as: UTF8.self) == expected)
    #expect(credentials.hiding(inURL: result[...]) == result)
  }

  @Test func secretsOfFieldsAreHidden() throws {
    let text =
      "HTTP/1.1 302 Found\r\nSet-Cookie: a=s3cret\r\nauthorization: s3cret\r\nLocation: https://b/?token=s3cret\r\nX:  y \r\nCookie:\r\n\r\n"
    let head = try HTTPHead(parsing: Array(text.utf8), .response, allowsBareLineFeeds: false)
    let stored = String(decoding: Credentials(key: []).stored(head), as: UTF8.self)
    #expect(!stored.contains("s3cret"))
    #expect(stored.hasPrefix("HTTP/1.1 302 Found\nSet-Cookie: digest:"))
    #expect(stored.hasSuffix("\nX:  y \nCookie:\n"))
  }

  private static let meta: ExchangeMeta = {
    var meta = ExchangeMeta()
    meta.requestDigest = SHA256().hexadecimal
    (meta.port, meta.connection, meta.process, meta.order, meta.started, meta.ended) = (80, 1, 2, 3, .max, 5)
    return meta
  }()

  private static func record(_ number: UInt64 = 3, _ request: [UInt8], hasFile: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    let body: (ExchangeRecord.Part, Int?) = (.responseBody, hasFile ? nil : 5)
    ExchangeRecord.append(number, meta, [(.request, request.count), body], to: &bytes)
    return bytes + request + (hasFile ? [] : Array("12345".utf8)) + [0x0a]
  }

  private func read(_ bytes: [UInt8]) throws -> ExchangeLog.Contents {
    let directory = ProxyHarness.Directory()
    try directory.network.write(bytes, to: ExchangeLog.name)
    let handle = try DirectoryHandle(directory.path)
    return try #require(try ExchangeLog(in: FileDescriptor(rawValue: handle.descriptor))).contents()
  }

  @Test(arguments: [0, 5, 200_000]) func recordsAreReadAsTheyWereWritten(_ size: Int) throws {
    let request = [UInt8](repeating: 0x0a, count: size)
    let bytes = Self.record(3, request) + Self.record(1, request, hasFile: true) + Self.record(2, request)
    let contents = try read(bytes)
    #expect(contents.records.map(\.number) == [3, 1, 2] && contents.end == bytes.count && contents.damage == nil)
    #expect(contents.records.allSatisfy { $0.meta == Self.meta })
    #expect(contents.records.map { $0.place(of: .responseBody) == .file } == [false, true, false])
    guard case .log(let place)? = contents.records[2].place(of: .responseBody) else {
      Issue.record("there is no body")
      return
    }
    #expect(bytes[place].elementsEqual("12345".utf8))
  }

  /// Wherever whoever wrote it was killed, what was written before is there.
  @Test func aRecordThatBreaksOffIsNone() throws {
    let whole = Self.record(1, Array("GET".utf8))
    let last = Self.record(2, Array("GET".utf8))
    for count in 0..<last.count {
      let contents = try read(whole + last.prefix(count))
      #expect(contents.records.map(\.number) == [1] && contents.end == whole.count && contents.damage == nil)
    }
  }

  @Test(arguments: ["1", "12"]) func directoriesOfEarlierVersionsAreNamed(_ name: String) throws {
    let directory = ProxyHarness.Directory()
    #expect(mkdir("\(directory.path)/\(name)", 0o700) == 0)
    let handle = try DirectoryHandle(directory.path)
    let error = #expect(throws: ExchangeFormatError.self) {
      _ = try ExchangeLog(in: FileDescriptor(rawValue: handle.descriptor))
    }
    #expect(error?.description.contains("an earlier version of uwrx") == true)
  }

  @Test func damagedRecordsAreErrors() throws {
    var random = SeededGenerator(seed: 5)
    let request = Array("POST /a?b HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nX: 1\nY: 2\n".utf8)
    let record = Self.record(1, request)
    var refused = (log: 0, head: 0)
    for _ in 0..<4000 {
      var (log, head) = (record, request)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        log[Int.random(in: 0..<min(log.count, 290), using: &random)] = UInt8.random(in: 0...255, using: &random)
        head[Int.random(in: 0..<head.count, using: &random)] =
          Array("\n\r\0: a".utf8).randomElement(using: &random)!
      }
      log.removeLast(Int.random(in: 0...1, using: &random) * Int.random(in: 0...log.count, using: &random))
      let contents = try read(log)
      #expect(contents.end <= log.count)
      if contents.records.isEmpty { refused.log += 1 }
      do {
        let head = try RecordedHead(parsing: head, .request)
        // What is read is a head that the other side reads as one.
        #expect(throws: Never.self) { try HTTPHead(parsing: head.wire, .request, allowsBareLineFeeds: false) }
      } catch { refused.head += 1 }
    }
    #expect(refused.log > 1000 && refused.head > 1000 && refused.head < 4000)
  }

  @Test(arguments: ["", "\n", "\n\n", "GET / HTTP/1.1", "GET / HTTP/1.1\n\nX: 1\n\nY: 2\n", "GET / HTTP/1.1\n\n\n"])
  func whatIsNoHeadIsAnError(_ text: String) {
    #expect(throws: ExchangeFormatError.self) { try RecordedHead(parsing: Array(text.utf8), .request) }
  }
}

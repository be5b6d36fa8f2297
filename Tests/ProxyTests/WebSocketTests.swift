import RandomKit
import NIOCore
import Testing

@testable import Proxy

/// What follows an answer 101, with real clients and servers, and byte for byte.
@Suite(.serialized) struct WebSocketTests {
  /// RFC 6455, 1.3
  @Test func acceptValuesAreThoseOfTheStandard() {
    #expect(WebSocketHandshake.accept(Self.key.utf8) == Array(Self.accept.utf8))
  }

  private static func frame(_ opcode: UInt8, _ payload: [UInt8], key: [UInt8]?) -> [UInt8] {
    let mask: UInt8 = key == nil ? 0 : 0x80
    let count = payload.count
    var length: [UInt8] = count < 126 ? [UInt8(count)] : count < 1 << 16 ? [126] : [127]
    if count >= 126 {
      length += (0..<(count < 1 << 16 ? 2 : 8)).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    }
    length[0] |= mask
    let masked = key.map { key in payload.indices.map { payload[$0] ^ key[$0 & 3] } } ?? payload
    return [opcode] + length + (key ?? []) + masked
  }

  /// RFC 6455, 5.7, and lengths of each form, in pieces of any size.
  @Test(arguments: [1, 2, 3, 5, 7, 1000, 1 << 20]) func masksAreTakenOut(piece: Int) {
    var random = SeededGenerator(seed: UInt64(piece))
    var given: [UInt8] = []
    var expected: [UInt8] = []
    var pings: [[UInt8]] = []
    for count in [0, 1, 5, 125, 126, 127, 0, 3] + (piece < 7 ? [300] : [65_535, 65_536, 9]) {
      let payload = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      let key = (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
      let isMasked = Bool.random(using: &random)
      let opcode: UInt8 = [0x81, 0x02, 0x80, 0x88, 0x89, 0x8a, 0xc1].randomElement(using: &random)!
      given += Self.frame(opcode, payload, key: isMasked ? key : nil)
      var plain = Self.frame(opcode, payload, key: nil)
      if isMasked { plain[1] |= 0x80 }
      if opcode == 0x89 { pings.append(Array(payload.prefix(125))) } else if opcode != 0x8a { expected += plain }
    }
    var frames = WebSocketFrames(of: .client)
    var result: [UInt8] = []
    for start in stride(from: 0, to: given.count, by: piece) {
      let part = ByteBuffer(bytes: given[start..<min(start + piece, given.count)])
      result += Array(frames.kept(part).readableBytesView)
    }
    #expect(result == expected && frames.pings == pings && frames.isBetweenFrames)
  }

  /// Pings are sent when a program likes, with payloads of chance: each is answered, and none is compared.
  @Test func pingsAndPongsAreNotOfTheConversation() throws {
    let directory = ProxyHarness.Directory()
    let text = Self.frame(0x81, Array("hello".utf8), key: [1, 2, 3, 4])
    let reply = Self.frame(0x81, Array("answer".utf8), key: nil)
    func ping(_ payload: [UInt8]) -> [UInt8] { Self.frame(0x89, payload, key: [4, 3, 2, 1]) }
    func pong(_ payload: [UInt8]) -> [UInt8] { Self.frame(0x8a, payload, key: nil) }
    try recorded(
      Self.request(Self.key), Self.answer(Self.accept), ping([1]) + text + ping([2]), pong([1]) + reply + pong([2]),
      into: directory)
    let same = pong([3, 4]) + reply
    for said in [ping([3, 4]) + text, ping([3, 4]) + Self.frame(0x8a, [9], key: [0, 0, 0, 1]) + text] {
      let replay = try ProxyHarness.replay(from: directory)
      defer { replay.stop() }
      let result = talk(Self.request(Self.key), said, same.count, at: replay.port)
      #expect(
        Array(result.reply.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }.suffix(6)) == Array("answer".utf8)
      )
      #expect(replay.told(after: 1).misses == [])
    }
  }

  private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
  private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

  private static func request(_ key: String?, _ upgrade: String = "websocket") -> String {
    let field = key.map { "Sec-WebSocket-Key: \($0)\r\n" } ?? ""
    return "GET /ws HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: \(upgrade)\r\n\(field)\r\n"
  }

  /// A server that gives a WebSocket's answer, and says what it was told as a text.
  private func recorded(
    _ request: String, _ answer: String, _ said: [UInt8], _ reply: [UInt8], into directory: ProxyHarness.Directory
  ) throws {
    let count = said.count
    let server = RawServer { socket in
      _ = socket.receive(through: "\r\n\r\n")
      socket.send(answer)
      _ = socket.receive(exactly: count)
      socket.send(reply)
      _ = socket.receiveAll()
    }
    defer { server.stop() }
    let proxy = try ProxyHarness.record(upstream: server.port, into: directory)
    defer { proxy.stop() }
    _ = talk(request, said, reply.count, at: proxy.port)
    #expect(proxy.told(after: 1).ended == 1)
  }

  private func talk(_ request: String, _ said: [UInt8], _ count: Int, at port: Int) -> (head: String, reply: String) {
    let guest = RawSocket(port: port)
    guest.send(request)
    let head = guest.receive(through: "\r\n\r\n")
    guest.send(said)
    let reply = guest.receive(exactly: count)
    guest.closeOutput()
    _ = guest.receiveAll()
    return (head, guest.end == .reset ? reply + "[reset]" : reply)
  }

  private static func answer(_ accept: String) -> String {
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUPGRADE: WebSocket\r\nSec-WebSocket-Accept: \(accept)\r\n\r\n"
  }

  @Test func framesAreComparedWithoutTheirMasks() throws {
    let directory = ProxyHarness.Directory()
    let other = WebSocketHandshake.accept("x".utf8)
    let said = { (text: String, mask: UInt8) in Self.frame(0x81, Array(text.utf8), key: [mask, 2, 3, mask]) }
    try recorded(
      Self.request(Self.key), Self.answer(Self.accept), said("hello", 1), Self.frame(0x82, [1, 2], key: nil),
      into: directory)
    let kept = directory.file("1.stream") ?? ""
    #expect(kept.hasPrefix("port\t80\ntls\t0\nconnection\t1\nprocess\t7\n\n>\u{7}\0\0\0"))
    #expect(kept.contains("hello"))
    for (text, ending) in [("hello", "\u{2}\u{1}\u{2}"), ("world", "[reset]")] {
      let replay = try ProxyHarness.replay(from: directory)
      defer { replay.stop() }
      let result = talk(Self.request("x"), said(text, 77), 4, at: replay.port)
      #expect(result.head == Self.answer(String(decoding: other, as: UTF8.self)))
      #expect(result.reply.hasSuffix(ending))
      let misses = replay.told(after: 1).misses
      #expect(misses.count == (text == "hello" ? 0 : 1))
      if let miss = misses.first {
        #expect(
          miss
            == "GET http://example.org:80 /ws was upgraded, and then it says something else than it said then")
      }
    }
  }

  /// Bytes of another protocol have no masks to be without.
  @Test(arguments: [(true, ""), (false, "[reset]")]) func otherProtocolsAreBytes(isSame: Bool, ending: String) throws {
    let directory = ProxyHarness.Directory()
    let request = Self.request(nil, "made-up/2, h2c")
    let answer = "HTTP/1.1 101 Fine\r\nUpgrade: made-up/2\r\nSec-WebSocket-Accept: as it was\r\n\r\n"
    let said = Self.frame(0x81, [1, 2, 3], key: [1, 2, 3, 4])
    try recorded(request, answer, said, [7, 7], into: directory)
    let replay = try ProxyHarness.replay(from: directory)
    defer { replay.stop() }
    let again = isSame ? said : Self.frame(0x81, [1, 2, 3], key: [4, 3, 2, 1])
    let result = talk(request, again, 2, at: replay.port)
    #expect(result.head == answer)
    #expect(result.reply == (isSame ? "\u{7}\u{7}" : ending))
    #expect(replay.told(after: 1).misses.count == (isSame ? 0 : 1))
  }

  /// One that the proxy has not seen to its end is no conversation that could be played.
  @Test func whatWasNotKeptWholeIsAMiss() throws {
    let directory = ProxyHarness.Directory()
    try recorded(Self.request(Self.key), Self.answer(Self.accept), [0x81, 0], [0x81, 0], into: directory)
    directory.write("port\t80\nnonsense", to: "1.stream")
    let replay = try ProxyHarness.replay(from: directory)
    defer { replay.stop() }
    let guest = RawSocket(port: replay.port)
    guest.send(Self.request(Self.key))
    guest.closeOutput()
    #expect(guest.receiveAll().hasPrefix("HTTP/1.1 502 "))
    #expect(replay.told(after: 1).misses.first?.hasSuffix("which was not kept to its end") == true)
  }

  // MARK: Real ones

  private static let server = """
    import asyncio, websockets
    async def serve(connection):
        async for message in connection:
            if message == "ping me":
                await (await connection.ping(b"of the server"))
                await connection.send("pinged")
            else:
                await connection.send(message)
    async def main():
        async with websockets.serve(serve, "127.0.0.1", 0, subprotocols=["echo"]) as server:
            print(server.sockets[0].getsockname()[1], flush=True)
            await asyncio.Future()
    asyncio.run(main())
    """

  private static let pythonClient = """
    import asyncio, sys, websockets
    async def main():
        async with websockets.connect(f"ws://127.0.0.1:{sys.argv[1]}/chat", subprotocols=["other", "echo"]) as connection:
            print(connection.subprotocol, connection.response_headers.get("Sec-WebSocket-Extensions"))
            for message in [sys.argv[2], "", bytes(range(256)) * 500, ["fragment ", "after ", "fragment"], [b"1", b"2" * 70000], "ping me"]:
                await connection.send(message)
                answer = await connection.recv()
                print(type(answer), len(answer), answer[-20:])
            await (await connection.ping(b"of the client"))
            await connection.close(4000, "goodbye")
            print(connection.close_code, connection.close_reason)
    try:
        asyncio.run(main())
    except Exception as error:
        print(type(error).__name__)
    """

  private static let nodeClient = """
    const WebSocket = require('/usr/share/nodejs/ws');
    const connection = new WebSocket(`ws://127.0.0.1:${process.argv[1]}/chat`, ['echo']);
    const messages = [process.argv[2], '', Buffer.alloc(100000, 'ab'), 'ping me', 'last'];
    const next = () => messages.length ? connection.send(messages.shift()) : connection.close(4001, 'bye');
    connection.on('open', () => { connection.send('frag', {fin: false}); connection.send('ment', {fin: true}); });
    connection.on('message', (data, isBinary) => { console.log(isBinary, data.length, data.subarray(-20).toString()); next(); });
    connection.on('pong', data => console.log('pong', data.toString()));
    connection.on('close', (code, reason) => console.log(code, reason.toString()));
    connection.on('error', error => console.log(error.code));
    """

  private static func clients(_ port: Int, _ word: String) -> [(bytes: [UInt8], status: Int32)] {
    [
      ["/usr/bin/python3", "-c", pythonClient, "\(port)", word], ["node", "-e", nodeClient, "\(port)", word],
    ].map { Program($0).finish() }
  }

  @Test func clientsGetFromARecordWhatTheyGotFromTheServer() throws {
    let server = Program(["/usr/bin/python3", "-c", Self.server])
    let port = try #require(Int(server.line()))
    let directory = ProxyHarness.Directory()
    let recording = try ProxyHarness.record("127.0.0.1", upstream: port, into: directory)
    let recorded = Self.clients(recording.port, "hello").map { String(decoding: $0.bytes, as: UTF8.self) }
    #expect(recording.told(after: 2).exchanges.map(\.status) == [101, 101])
    recording.stop()
    _ = server.end()
    #expect(recorded[0].hasPrefix("echo permessage-deflate"))
    #expect(recorded[0].contains("<class 'bytes'> 128000 ") && recorded[0].hasSuffix("\n4000 goodbye\n"))
    #expect(recorded[1].hasPrefix("false 8 fragment\nfalse 5 hello\n") && recorded[1].hasSuffix("\n4001 bye\n"))
    for (word, isSame) in [("hello", true), ("world", false)] {
      let replay = try ProxyHarness.replay("127.0.0.1", from: directory)
      defer { replay.stop() }
      let replayed = Self.clients(replay.port, word).map { String(decoding: $0.bytes, as: UTF8.self) }
      let misses = replay.told(after: 2).misses
      if isSame {
        #expect(replayed == recorded)
        #expect(misses == [])
      } else {
        #expect(misses.count == 2 && misses.allSatisfy { $0.hasSuffix("it says something else than it said then") })
        #expect(replayed[0] == recorded[0].prefix { $0 != "\n" } + "\nConnectionClosedError\n")
      }
    }
  }
}

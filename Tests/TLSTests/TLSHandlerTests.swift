import NIOCore
import NIOEmbedded
import RandomKit
import Testing

@testable import TLS

/// Both sides in memory, where each byte and each `read()` is counted.
@Suite struct TLSHandlerTests {
  let certificates = try! TestCertificates()

  /// Counts what reaches the transport.
  final class Transport: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    var reads = 0
    var writes: [Int] = []

    func read(context: ChannelHandlerContext) { reads += 1 }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      writes.append(unwrapOutboundIn(data).readableBytes)
      context.write(data, promise: promise)
    }
  }

  /// Keeps what it gets, and reads only when told to: an embedded channel reads by itself, whatever its options say.
  final class Application: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    var mayRead = 0
    var bytes = 0
    var batches = 0
    var events: [TLSEvent] = []
    var inputClosed = false

    func read(context: ChannelHandlerContext) {
      guard mayRead > 0 else { return }
      mayRead -= 1
      context.read()
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes += unwrapInboundIn(data).readableBytes }
    func channelReadComplete(context: ChannelHandlerContext) { batches += 1 }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if let event = event as? TLSEvent { events.append(event) }
      if case .inputClosed? = event as? ChannelEvent { inputClosed = true }
    }
  }

  struct End {
    let channel = EmbeddedChannel()
    let transport = Transport()
    let application = Application()
    let handler: TLSHandler

    init(_ handler: TLSHandler) throws {
      self.handler = handler
      try channel.pipeline.syncOperations.addHandlers([transport, handler, application])
      channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 443), promise: nil)
    }

    func read() {
      application.mayRead = 1
      channel.read()
    }

    func output() throws -> ByteBuffer {
      var all = ByteBuffer()
      while var part = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&part) }
      return all
    }
  }

  /// Carries bytes in pieces until both are silent.
  func pump(_ left: End, _ right: End, pieces: Int = .max) throws {
    while true {
      var toRight = try left.output()
      var toLeft = try right.output()
      if toRight.readableBytes + toLeft.readableBytes == 0 { return }
      while let piece = toRight.readSlice(length: min(pieces, toRight.readableBytes)), piece.readableBytes > 0 {
        try right.channel.writeInbound(piece)
      }
      while let piece = toLeft.readSlice(length: min(pieces, toLeft.readableBytes)), piece.readableBytes > 0 {
        try left.channel.writeInbound(piece)
      }
    }
  }

  func pair(received: ByteBuffer = ByteBuffer()) throws -> (client: End, server: End) {
    let trust = try TLSContext.client(defaultTrust: false, extraTrust: certificates.bytes("ca.pem"))
    let context = try TLSContext.server(
      chain: certificates.bytes("leaf.pem"), key: certificates.bytes("leaf.key"), protocols: ["h2", "http/1.1"])
    return (
      try End(TLSHandler.client(context: trust, serverName: "localhost", protocols: ["http/1.1", "h2"])),
      try End(TLSHandler.server(context: context, received: received))
    )
  }

  /// The server's order decides, not the client's.
  static let established = TLSEvent.established(protocol: "h2", version: "TLSv1.3")

  @Test(arguments: [1, 7, 1000, .max])
  func handshakeInPieces(pieces: Int) throws {
    let (client, server) = try pair()
    try pump(client, server, pieces: pieces)
    #expect(client.application.events == [Self.established])
    #expect(server.application.events == [Self.established])
  }

  /// What was peeked at is fed first, and nothing of it is lost.
  @Test func bytesReceivedBefore() throws {
    let trust = try TLSContext.client(defaultTrust: false, extraTrust: certificates.bytes("ca.pem"))
    let context = try TLSContext.server(
      chain: certificates.bytes("leaf.pem"), key: certificates.bytes("leaf.key"), protocols: ["h2"])
    let client = try End(TLSHandler.client(context: trust, serverName: "localhost", protocols: ["h2"]))
    var parser = ClientHelloParser()
    #expect(parser.append(try client.output()) == .hello(serverName: "localhost", protocols: ["h2"]))
    let server = try End(TLSHandler.server(context: context, received: parser.received))
    try pump(client, server)
    #expect(server.application.events == [Self.established])
    #expect(client.application.events == [Self.established])
  }

  @Test func nothingIsReadThatIsNotAskedFor() throws {
    let (client, server) = try pair()
    try pump(client, server)
    let reads = server.transport.reads
    client.channel.writeAndFlush(pattern(1 << 20), promise: nil)
    try pump(client, server)
    // Not asked: all is held, encrypted, and the transport is not read.
    #expect(server.application.bytes == 0)
    #expect(server.transport.reads == reads)
    #expect(server.handler.bufferedBytes > 1 << 20)
    // Each time it is asked, one batch is given.
    var batches = 0
    while server.handler.bufferedBytes > 0 {
      let before = server.application.bytes
      server.read()
      batches += 1
      let given = server.application.bytes - before
      #expect(given > 0 && given <= TLSHandler.readBytes + (64 << 10))
      #expect(server.application.batches >= batches)
    }
    #expect(server.application.bytes == 1 << 20)
    #expect(batches >= 4)
    #expect(server.transport.reads == reads)
    // Asked again, it has to read.
    server.read()
    #expect(server.transport.reads == reads + 1)
  }

  /// Where the channel reads by itself, what is held does not wait for bytes that may never come.
  @Test func heldBytesAreGivenWhereReadingIsAutomatic() throws {
    let (client, server) = try pair()
    try pump(client, server)
    client.channel.writeAndFlush(pattern(600_000), promise: nil)
    try pump(client, server)
    #expect(server.application.bytes == 0)
    server.application.mayRead = .max
    server.channel.read()
    #expect(server.application.bytes == 600_000)
  }

  @Test func oneFlushIsFewLargeWrites() throws {
    let (client, server) = try pair()
    try pump(client, server)
    client.transport.writes = []
    let small = client.channel.eventLoop.makePromise(of: Void.self)
    let piece = pattern(100)
    for index in 0..<10_000 {
      client.channel.write(piece, promise: index == 9_999 ? small : nil)
    }
    #expect(client.transport.writes.isEmpty)
    client.channel.flush()
    // A million bytes are 62 records, each 22 bytes longer, and four writes.
    #expect(client.transport.writes.count == 4)
    #expect(client.transport.writes.reduce(0, +) == 1_000_000 + 62 * 22)
    try pump(client, server)
    try small.futureResult.wait()
    server.read()
    while server.handler.bufferedBytes > 0 { server.read() }
    #expect(server.application.bytes == 1_000_000)
  }

  @Test func writesWaitForTheHandshakeUpToABound() throws {
    let (client, server) = try pair()
    let early = client.channel.eventLoop.makePromise(of: Void.self)
    client.channel.writeAndFlush(pattern(1000), promise: early)
    client.channel.close(mode: .output, promise: nil)
    server.read()
    try pump(client, server)
    try early.futureResult.wait()
    if !server.application.inputClosed { server.read() }
    #expect(server.application.bytes == 1000)
    #expect(server.application.inputClosed)
    #expect(server.application.events == [Self.established])

    let (other, _) = try pair()
    let refused = other.channel.eventLoop.makePromise(of: Void.self)
    other.channel.write(pattern(TLSHandler.maximumEarlyBytes + 1), promise: refused)
    #expect(throws: TLSError.self) { try refused.futureResult.wait() }
    #expect(!other.channel.isActive)
  }

  @Test(arguments: [false, true])
  func endWithoutCloseNotifyKeepsWhatCame(isAsked: Bool) throws {
    let (client, server) = try pair()
    try pump(client, server)
    client.channel.writeAndFlush(pattern(600_000), promise: nil)
    if isAsked { server.read() }
    try pump(client, server)
    server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    while !server.application.inputClosed { server.read() }
    #expect(server.application.bytes == 600_000)
    #expect(server.application.events == [Self.established, .truncated])
  }

  @Test func inactiveChannelGivesWhatCame() throws {
    let (client, server) = try pair()
    try pump(client, server)
    client.channel.writeAndFlush(pattern(600_000), promise: nil)
    try pump(client, server)
    #expect(server.application.bytes == 0)
    try server.channel.close().wait()
    // Closed by ourselves, it gives nothing more.
    #expect(server.application.bytes == 0)
    server.channel.pipeline.fireChannelInactive()
    client.channel.pipeline.fireChannelInactive()
    #expect(client.application.events == [Self.established, .truncated])
  }

  @Test func damagedRecordIsAnAlertAndTheEnd() throws {
    let (client, server) = try pair()
    try pump(client, server)
    client.channel.writeAndFlush(pattern(100), promise: nil)
    var bytes = Array(try client.output().readableBytesView)
    bytes[bytes.count - 1] ^= 1
    server.read()
    try server.channel.writeInbound(ByteBuffer(bytes: bytes))
    #expect(
      server.application.events
        == [Self.established, .failed(reason: "decryption failed or bad record mac", verifyError: nil)])
    #expect(server.application.bytes == 0)
    #expect(!server.channel.isActive)
    client.read()
    try client.channel.writeInbound(try server.output())
    #expect(client.application.events.last == .failed(reason: "sslv3 alert bad record mac", verifyError: nil))
  }

  @Test(arguments: 0..<8)
  func hostileHandshakes(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<20 {
      let (client, server) = try pair()
      var bytes = Array(try client.output().readableBytesView)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      try server.channel.writeInbound(ByteBuffer(bytes: bytes))
      // What it answers, if anything, is refused by the client, or the end of the connection is told.
      if server.channel.isActive {
        server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      }
      guard case .failed? = server.application.events.last else {
        Issue.record("no failure")
        return
      }
    }
  }
}

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import TLS

/// A peer that stops reading costs what is promised and no more, and loses nothing.
@Suite struct BackPressureTests {
  let certificates = try! TestCertificates()

  /// What both sides held at most.
  final class Counts: Sendable {
    let most = Mutex((sender: 0, receiver: 0))
    let received = Mutex(ByteBuffer())
  }

  /// Sends blocks while the channel is writable.
  final class Flood: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    static let block = 128 << 10
    private let tls: TLSHandler
    private let counts: Counts
    private let stalled: EventLoopPromise<Void>
    private var data: ByteBuffer
    private var isSending = false

    init(_ tls: TLSHandler, _ data: ByteBuffer, _ counts: Counts, _ stalled: EventLoopPromise<Void>) {
      (self.tls, self.data, self.counts, self.stalled) = (tls, data, counts, stalled)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .established? = event as? TLSEvent { send(context) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { send(context) }

    private func send(_ context: ChannelHandlerContext) {
      guard !isSending else { return }
      isSending = true
      defer { isSending = false }
      while data.readableBytes > 0 {
        guard context.channel.isWritable else {
          stalled.succeed()
          return
        }
        let block = data.readSlice(length: min(Self.block, data.readableBytes))!
        context.writeAndFlush(wrapOutboundOut(block), promise: nil)
        let queued = try! context.channel.syncOptions!.getOption(.bufferedWritableBytes)
        counts.most.withLock { $0.sender = max($0.sender, queued + tls.bufferedBytes) }
      }
      context.close(mode: .output, promise: nil)
    }
  }

  final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let tls: TLSHandler
    private let counts: Counts

    init(_ tls: TLSHandler, _ counts: Counts) { (self.tls, self.counts) = (tls, counts) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      counts.received.withLock { _ = $0.writeImmutableBuffer(unwrapInboundIn(data)) }
      counts.most.withLock { $0.receiver = max($0.receiver, tls.bufferedBytes) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    }
  }

  @Test func clientThatStopsReading() throws {
    let counts = Counts()
    let data = pattern(32 << 20)
    let context = try TLSContext.server(
      chain: certificates.bytes("leaf.pem"), key: certificates.bytes("leaf.key"), protocols: [])
    let trust = try TLSContext.client(defaultTrust: false, extraTrust: certificates.bytes("ca.pem"))
    let stalled = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
    let server = try LoopbackServer {
      let tls = try TLSHandler.server(context: context)
      return [tls, Flood(tls, data, counts, stalled)]
    }
    let client = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let tls = try TLSHandler.client(context: trust, serverName: "localhost", protocols: [])
          try channel.pipeline.syncOperations.addHandlers([tls, Receiver(tls, counts)])
        }
      }.connect(host: "127.0.0.1", port: server.port).wait()
    // The handshake needs no reading by the application, which has got nothing by now.
    try stalled.futureResult.wait()
    #expect(counts.received.withLock { $0.readableBytes } == 0)
    try client.setOption(.autoRead, value: true).wait()
    try client.closeFuture.wait()
    #expect(counts.received.withLock { $0 } == data)
    let most = counts.most.withLock { $0 }
    // The high watermark of the channel, and the block that passed it with its records' 22 bytes each.
    #expect(most.sender <= (64 << 10) + Flood.block + 8 * 22)
    // What one batch of reads of the socket brings, and a part of a record.
    #expect(most.receiver <= TLSHandler.readBytes + (17 << 10))
    try server.close()
  }
}

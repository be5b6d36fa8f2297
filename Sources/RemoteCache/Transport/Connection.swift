import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import Skipping
import TLS

/// A connection to the server, which one thread uses for one request after another.
final class Connection {
  private enum Kind {
    case http1(ResponseReceiver)
    case http2(NIOHTTP2Handler.StreamMultiplexer)
  }

  private let address: CacheAddress
  private let channel: any Channel
  private let kind: Kind
  /// Whether a request was made on it before.
  private(set) var isUsed = false

  /// - Throws: why there is none.
  init(_ address: CacheAddress, _ group: any EventLoopGroup, _ tls: TLSContext?) throws(CacheFailure) {
    self.address = address
    let deadline = monotonicTime() + TimeLimits.connect
    let established = group.next().makePromise(of: Void.self)
    let isHTTP2 = address.isRemoteExecution
    let receiver = ResponseReceiver()
    let multiplexer = Monitor<NIOHTTP2Handler.StreamMultiplexer?>(nil)
    // What the closure below holds has to be Sendable.
    let host = address.host
    let bootstrap = ClientBootstrap(group: established.futureResult.eventLoop)
      .connectTimeout(.nanoseconds(TimeLimits.connect))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.autoRead, value: isHTTP2)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls {
            try pipeline.addHandler(
              TLSHandler.client(context: tls, serverName: host, protocols: [isHTTP2 ? "h2" : "http/1.1"]))
          }
          try pipeline.addHandler(Establishment(established, awaitsTLS: tls != nil))
          if isHTTP2 {
            let made = try pipeline.configureHTTP2Pipeline(
              mode: .client, connectionConfiguration: Self.connectionConfiguration,
              streamConfiguration: Self.streamConfiguration
            ) { $0.close() }
            multiplexer.withLock { $0 = made }
          } else {
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(receiver)
          }
        }
      }
    let connecting = bootstrap.connect(host: address.host, port: address.port)
    connecting.whenFailure { established.fail($0) }
    do throws(CacheFailure) {
      channel = try connecting.value(until: deadline)
    } catch {
      // One that comes too late.
      connecting.whenSuccess { $0.close(promise: nil) }
      throw CacheFailure("no connection: \(error.reason)", isFinal: error.isFinal)
    }
    if let multiplexer = multiplexer.withLock({ $0 }) { kind = .http2(multiplexer) } else { kind = .http1(receiver) }
    do throws(CacheFailure) { try established.futureResult.value(until: deadline) } catch {
      channel.close(promise: nil)
      throw CacheFailure("no connection: \(error.reason)", isFinal: error.isFinal)
    }
  }

  deinit { channel.close(promise: nil) }

  private static let connectionConfiguration: NIOHTTP2Handler.ConnectionConfiguration = {
    var configuration = NIOHTTP2Handler.ConnectionConfiguration()
    configuration.initialSettings = [
      HTTP2Setting(parameter: .enablePush, value: 0), HTTP2Setting(parameter: .maxConcurrentStreams, value: 0),
      HTTP2Setting(parameter: .initialWindowSize, value: window),
      HTTP2Setting(parameter: .maxHeaderListSize, value: 16 << 10),
    ]
    return configuration
  }()

  private static let streamConfiguration: NIOHTTP2Handler.StreamConfiguration = {
    var configuration = NIOHTTP2Handler.StreamConfiguration()
    configuration.targetWindowSize = window
    configuration.outboundBufferSizeHighWatermark = window
    configuration.outboundBufferSizeLowWatermark = window / 2
    return configuration
  }()

  private static let window = 1 << 20

  /// Whether another request can be made on it.
  var isUsable: Bool {
    guard channel.isActive else { return false }
    if case .http1(let receiver) = kind { return receiver.isIdle }
    return true
  }

  /// Waits until what has happened to it is known: that a write has failed is told before that the channel has ended, of which it comes.
  func settle() { try? channel.eventLoop.submit {}.wait() }

  func begin() throws(CacheFailure) -> Exchange {
    isUsed = true
    switch kind {
    case .http1(let receiver): return Exchange(channel, receiver)
    case .http2(let multiplexer):
      let receiver = ResponseReceiver()
      let isEncrypted = address.isEncrypted
      let stream = multiplexer.createStreamChannel { stream in
        stream.eventLoop.makeCompletedFuture {
          try stream.syncOptions?.setOption(.autoRead, value: false)
          try stream.pipeline.syncOperations.addHandlers(
            HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: isEncrypted ? .https : .http), receiver)
        }
      }
      return Exchange(try stream.value(until: monotonicTime() + TimeLimits.connect), receiver)
    }
  }

  /// What was begun is given up, and with it, of HTTP/1.1, the connection.
  func abandon(_ exchange: borrowing Exchange) { exchange.channel.close(promise: nil) }
}

/// Tells when requests can be made on a connection.
private final class Establishment: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  private let established: EventLoopPromise<Void>
  private let awaitsTLS: Bool

  init(_ established: EventLoopPromise<Void>, awaitsTLS: Bool) {
    self.established = established
    self.awaitsTLS = awaitsTLS
  }

  func channelActive(context: ChannelHandlerContext) {
    if !awaitsTLS { established.succeed() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event as? TLSEvent {
    case .established: established.succeed()
    case .failed(let reason, let verifyError):
      established.fail(CacheFailure("TLS: \(verifyError ?? reason)", isFinal: verifyError != nil))
    case .truncated, nil: break
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    established.fail(CacheFailure("the connection has ended"))
    context.fireChannelInactive()
  }
}

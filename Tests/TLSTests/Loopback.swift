import Foundation
import NIOCore
import NIOPosix
import RandomKit

@testable import TLS

/// What a handler above TLS saw, in order.
enum Seen: Sendable, Equatable {
  case tls(TLSEvent)
  case bytes(ByteBuffer)
  case inputClosed
  case inactive
  case error(String)
}

/// What a handler tells, for a test that waits: on its thread, for the pool of tasks has no more threads than the machine has processors, and other
/// tests keep them.
final class SeenQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var queue: [Seen] = []
  private var isFinished = false

  func yield(_ seen: Seen) {
    condition.withLock { queue.append(seen) }
    condition.broadcast()
  }

  func finish() {
    condition.withLock { isFinished = true }
    condition.broadcast()
  }

  /// Waits for the next; nil when there can be no more.
  func next() -> Seen? {
    condition.withLock {
      while queue.isEmpty, !isFinished { condition.wait() }
      return queue.isEmpty ? nil : queue.removeFirst()
    }
  }
}

/// Tells all that comes to a queue.
final class Recorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let seen: SeenQueue

  init(_ seen: SeenQueue) { self.seen = seen }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { seen.yield(.bytes(unwrapInboundIn(data))) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? TLSEvent { seen.yield(.tls(event)) }
    if case .inputClosed? = event as? ChannelEvent { seen.yield(.inputClosed) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { seen.yield(.error("\(error)")) }

  func channelInactive(context: ChannelHandlerContext) {
    seen.yield(.inactive)
    seen.finish()
  }
}

/// Sends back what comes, and closes its output after the peer's; reads no more than it can send.
final class Echo: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private var wantsRead = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func read(context: ChannelHandlerContext) {
    wantsRead = !context.channel.isWritable
    if !wantsRead { context.read() }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if wantsRead && context.channel.isWritable {
      wantsRead = false
      context.read()
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    context.fireUserInboundEventTriggered(event)
    if case .inputClosed? = event as? ChannelEvent { context.close(mode: .output, promise: nil) }
  }
}

/// A listener on loopback each of whose connections gets the handlers that `handlers` makes, and what they saw.
struct LoopbackServer {
  let channel: any Channel
  var port: Int { channel.localAddress!.port! }

  init(_ handlers: @escaping @Sendable () throws -> [any ChannelHandler]) throws {
    channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 64)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandlers(handlers()) }
      }.bind(host: "127.0.0.1", port: 0).wait()
  }

  /// An echo of TLS.
  static func echo(_ context: TLSContext, _ seen: SeenQueue) throws -> LoopbackServer {
    try LoopbackServer { [try TLSHandler.server(context: context), Echo(), Recorder(seen)] }
  }

  func close() throws { try channel.close().wait() }
}

/// A client's connection.
struct LoopbackClient {
  let channel: any Channel
  let seen: SeenQueue

  init(
    port: Int, _ context: TLSContext, serverName: String = "localhost", protocols: [String] = []
  ) throws {
    let seen = SeenQueue()
    channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers([
          try TLSHandler.client(context: context, serverName: serverName, protocols: protocols), Recorder(seen),
        ])
      }
    }.connect(host: "127.0.0.1", port: port).wait()
    self.seen = seen
  }

  func send(_ bytes: ByteBuffer) throws { try channel.writeAndFlush(bytes).wait() }
}

extension SeenQueue {
  /// All until the channel is inactive, with pieces of data put together.
  func collect(until isLast: (Seen) -> Bool = { _ in false }) -> [Seen] {
    var all: [Seen] = []
    var data = ByteBuffer()
    while let seen = next() {
      if case .bytes(let more) = seen { data.writeImmutableBuffer(more) }
      let isEnd = isLast(seen)
      if case .bytes = seen, !isEnd { continue }
      if data.readableBytes > 0 { all.append(.bytes(data)) }
      data = ByteBuffer()
      if case .bytes = seen { break }
      all.append(seen)
      if isEnd { break }
    }
    return all
  }
}

/// Bytes that are the same in each run; their period is no multiple of a record's size.
func pattern(_ count: Int) -> ByteBuffer {
  var random = SeededGenerator(seed: 1)
  let block = (0..<125_001).flatMap { _ in withUnsafeBytes(of: random.next(), Array.init) }.dropLast(5)
  var buffer = ByteBuffer()
  buffer.reserveCapacity(count)
  while buffer.readableBytes < count { buffer.writeBytes(block.prefix(count - buffer.readableBytes)) }
  return buffer
}

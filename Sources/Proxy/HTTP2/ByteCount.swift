import NIOCore

/// Counts the bytes that come on a channel.
final class ByteCount: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private(set) var bytes: UInt64 = 0

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes += UInt64(unwrapInboundIn(data).readableBytes)
    context.fireChannelRead(data)
  }
}

import NIOCore
import Network

/// Names asked for over TCP (RFC 7766): each message has its length before it; answers go in the order in which they are found.
final class NameConnections: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let server: NameServer
  private var bytes = ByteBuffer()

  init(_ server: NameServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var new = unwrapInboundIn(data)
    bytes.writeBuffer(&new)
    let channel = context.channel
    // Who asks and does not read what it is answered.
    guard channel.isWritable else { return context.close(promise: nil) }
    while let length = bytes.getInteger(at: bytes.readerIndex, as: UInt16.self), bytes.readableBytes >= 2 + Int(length)
    {
      bytes.moveReaderIndex(forwardBy: 2)
      let query = bytes.readBytes(length: Int(length)) ?? []
      server.answer(query, .tcp, of: 0) { answer in
        var out = channel.allocator.buffer(capacity: 2 + answer.count)
        out.writeInteger(UInt16(answer.count))
        out.writeBytes(answer)
        channel.writeAndFlush(out, promise: nil)
      }
    }
    bytes.discardReadBytes()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

import NIOCore
import NIOEmbedded
import NIOHTTP1

/// Requests as NIOHTTP1 reads them.
struct OtherParser {
  /// - Returns: how many fields each head has, and all content; nil if it refuses them.
  func parse(_ bytes: [UInt8]) -> (heads: [Int], content: [UInt8])? {
    let channel = EmbeddedChannel()
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    do {
      try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
      try channel.writeInbound(ByteBuffer(bytes: bytes))
      var result: (heads: [Int], content: [UInt8]) = ([], [])
      while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
        switch part {
        case .head(let head): result.heads.append(head.headers.count)
        case .body(let body): result.content += body.readableBytesView
        case .end: break
        }
      }
      return result
    } catch { return nil }
  }
}

import NIOHTTP2

extension HTTP2Frame.FramePayload {
  /// Bytes that count against windows (RFC 9113, 6.9.1).
  var flowControlled: Int {
    guard case .data(let data) = self else { return 0 }
    return data.data.readableBytes + (data.paddingBytes.map { $0 + 1 } ?? 0)
  }
}

import NIOCore

/// Takes the masking keys out of what a client of WebSocket sends (RFC 6455, 5.2 and 5.3): they are random, and nothing else of it need be.
///
/// What is left of a frame is its header as it came, but for the key, and its payload without mask. Frames stay what they are, fragments and
/// compressed ones, too. Any bytes are frames of some kind, so this cannot fail.
struct WebSocketUnmasking {
  private enum State {
    /// Bytes of the header that are to come before the length is known; the first two are counted from 2.
    case header(rest: Int)
    case longLength(rest: Int)
    case key(rest: Int)
    case payload
  }

  private var state = State.header(rest: 2)
  private var isMasked = false
  private var length: UInt64 = 0
  private var key: [UInt8] = []
  /// Of the next byte of the payload, in the key.
  private var place = 0

  mutating func unmasked(_ bytes: ByteBuffer) -> ByteBuffer {
    var rest = bytes
    var result = ByteBuffer()
    result.reserveCapacity(bytes.readableBytes)
    while rest.readableBytes > 0 {
      if case .payload = state {
        let count = Int(min(UInt64(rest.readableBytes), length))
        var part = rest.readBytes(length: count) ?? []
        if isMasked { for index in part.indices { part[index] ^= key[(place + index) & 3] } }
        place = (place + count) & 3
        length -= UInt64(count)
        result.writeBytes(part)
        if length == 0 { state = .header(rest: 2) }
      } else if let byte = rest.readInteger(as: UInt8.self), take(byte) {
        result.writeInteger(byte)
      }
    }
    return result
  }

  /// Takes a byte of a header.
  /// - Returns: whether it is none of a key.
  private mutating func take(_ byte: UInt8) -> Bool {
    switch state {
    case .header(rest: 2): state = .header(rest: 1)
    case .header:
      isMasked = byte & 0x80 != 0
      length = UInt64(byte & 0x7f)
      switch length {
      case 126, 127:
        state = .longLength(rest: length == 126 ? 2 : 8)
        length = 0
      default: lengthIsKnown()
      }
    case .longLength(let rest):
      length = length << 8 | UInt64(byte)
      if rest > 1 { state = .longLength(rest: rest - 1) } else { lengthIsKnown() }
    case .key(let rest):
      key.append(byte)
      if rest > 1 { state = .key(rest: rest - 1) } else { headerIsOver() }
      return false
    case .payload: break
    }
    return true
  }

  private mutating func lengthIsKnown() {
    key.removeAll(keepingCapacity: true)
    if isMasked { state = .key(rest: 4) } else { headerIsOver() }
  }

  private mutating func headerIsOver() {
    place = 0
    state = length == 0 ? .header(rest: 2) : .payload
  }
}

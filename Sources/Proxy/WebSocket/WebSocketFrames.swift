import NIOCore

/// What is kept of one side's frames of WebSocket, and compared in a replay (RFC 6455, 5.2, 5.3 and 5.5): what is random is left out.
///
/// A frame is kept as its header, but for the masking key, and its payload without mask. Frames stay what they are, fragments and compressed ones, too. Pings
/// of a client are not kept, nor are pongs of either side: programs send them when they like, with payloads of chance, and a replay answers its client's pings
/// itself. Any bytes are frames of some kind, so this cannot fail.
struct WebSocketFrames {
  enum Side {
    case client, server
  }

  private enum State {
    /// Bytes of the header that are to come before the length is known; the first two are counted from 2.
    case header(rest: Int)
    case longLength(rest: Int)
    case key(rest: Int)
    case payload
  }

  private enum Opcode {
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10
  }

  /// RFC 6455, 5.5: a control frame has no more.
  private static let longestPing = 125
  private static let mostPings = 16

  private let side: Side
  private var state = State.header(rest: 2)
  private var opcode: UInt8 = 0
  /// The payload of a client's ping as far as it has come.
  private var ping: [UInt8] = []
  /// Payloads of a client's pings that nobody has answered.
  private(set) var pings: [[UInt8]] = []
  private var isMasked = false
  private var length: UInt64 = 0
  private var key: [UInt8] = []
  /// Of the next byte of the payload, in the key.
  private var place = 0

  init(of side: Side) { self.side = side }

  /// Whether the frame that comes, or has come last, is none that is kept.
  private var isLeftOut: Bool { opcode == Opcode.pong || isPing }
  private var isPing: Bool { opcode == Opcode.ping && side == .client }

  /// Whether a frame has ended and no other begun.
  var isBetweenFrames: Bool { if case .header(rest: 2) = state { true } else { false } }

  /// Frames that answer the pings.
  mutating func takePongs() -> ByteBuffer {
    var pongs = ByteBuffer()
    for payload in pings { pongs.writeBytes([0x80 | Opcode.pong, UInt8(payload.count)] + payload) }
    pings = []
    return pongs
  }

  /// - Returns: what is kept of the bytes that have come.
  mutating func kept(_ bytes: ByteBuffer) -> ByteBuffer {
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
        if !isLeftOut { result.writeBytes(part) } else if isPing, ping.count < Self.longestPing { ping += part }
        if length == 0 { frameIsOver() }
      } else if let byte = rest.readInteger(as: UInt8.self), take(byte) {
        result.writeInteger(byte)
      }
    }
    return result
  }

  /// Takes a byte of a header.
  /// - Returns: whether it is none of a key.
  private mutating func take(_ byte: UInt8) -> Bool {
    // The last byte of a frame without a payload begins the next.
    defer { if case .payload = state, length == 0 { frameIsOver() } }
    switch state {
    case .header(rest: 2):
      opcode = byte & 0x0f
      state = .header(rest: 1)
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
    return !isLeftOut
  }

  private mutating func lengthIsKnown() {
    key.removeAll(keepingCapacity: true)
    if isMasked { state = .key(rest: 4) } else { headerIsOver() }
  }

  private mutating func headerIsOver() {
    place = 0
    state = .payload
  }

  private mutating func frameIsOver() {
    if isPing {
      // RFC 6455, 5.5.3: the last is to be answered.
      if pings.count == Self.mostPings { pings.removeFirst() }
      pings.append(Array(ping.prefix(Self.longestPing)))
    }
    ping = []
    state = .header(rest: 2)
  }
}

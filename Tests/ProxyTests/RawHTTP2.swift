import Glibc

/// Frames of HTTP/2 by hand (RFC 9113, 4.1), for what no client sends.
struct RawHTTP2 {
  struct Frame: Equatable {
    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9

    /// Of RST_STREAM, and of GOAWAY after the last stream.
    var code: UInt8? { type == Self.reset ? payload.last : type == Self.goAway ? payload[7] : nil }
  }

  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  static func frame(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    Array(number(UInt32(payload.count)).dropFirst()) + [type, flags] + number(stream) + payload
  }

  /// Literals that nobody remembers (RFC 7541, 6.2.2), of up to 126 bytes each.
  static func fields(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { name, value in
      [0] + string(Array(name.utf8)) + string(Array(value.utf8))
    }
  }

  static func string(_ bytes: [UInt8]) -> [UInt8] {
    if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
    var rest = bytes.count - 127
    var length: [UInt8] = [127]
    while rest >= 128 {
      length.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return length + [UInt8(rest)] + bytes
  }

  static func request(
    _ path: String = "/", method: String = "GET", authority: String? = "example.org", scheme: String = "http",
    adding more: [(String, String)] = []
  ) -> [UInt8] {
    fields(
      [(":method", method), (":scheme", scheme), (":path", path)] + (authority.map { [(":authority", $0)] } ?? [])
        + more)
  }

  let socket: RawSocket
  private var bytes: [UInt8] = []

  /// A client that has said its preface.
  init(port: Int, settings: [UInt8] = []) {
    socket = RawSocket(port: port)
    socket.send(Self.preface + Self.frame(Frame.settings, 0, 0, settings))
  }

  /// A server's side.
  init(_ socket: RawSocket) {
    self.socket = socket
    _ = socket.receive(exactly: Self.preface.count)
    socket.send(Self.frame(Frame.settings) + Self.frame(Frame.settings, 1))
  }

  func send(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) {
    socket.send(Self.frame(type, flags, stream, payload))
  }

  /// The next frame that is no SETTINGS, WINDOW_UPDATE or PING; nil at the end.
  mutating func next() -> Frame? {
    while let frame = any() {
      if ![Frame.settings, Frame.windowUpdate, Frame.ping].contains(frame.type) { return frame }
    }
    return nil
  }

  /// The same, if it comes in so many milliseconds.
  mutating func next(within milliseconds: Int32) -> Frame? {
    while true {
      if bytes.count < 9 || bytes.count < 9 + length {
        var ready = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, milliseconds) > 0 else { return nil }
      }
      guard let frame = any() else { return nil }
      if ![Frame.settings, Frame.windowUpdate, Frame.ping].contains(frame.type) { return frame }
    }
  }

  private mutating func any() -> Frame? {
    while bytes.count < 9 || bytes.count < 9 + length {
      let more = socket.receive()
      if more.isEmpty { return nil }
      bytes += more
    }
    let end = 9 + length
    defer { bytes.removeFirst(end) }
    return Frame(
      type: bytes[3], flags: bytes[4], stream: bytes[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff,
      payload: Array(bytes[9..<end]))
  }

  private var length: Int { bytes[..<3].reduce(0) { $0 << 8 | Int($1) } }

  /// All frames up to the one that ends the stream.
  mutating func answer(on stream: UInt32) -> [Frame] {
    var frames: [Frame] = []
    while let frame = next() {
      if frame.type == Frame.goAway || frame.stream == stream { frames.append(frame) }
      if frame.type == Frame.goAway || frame.stream == stream && (frame.type == Frame.reset || frame.flags & 1 == 1) {
        break
      }
    }
    return frames
  }
}

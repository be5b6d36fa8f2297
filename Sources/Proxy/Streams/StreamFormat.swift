/// A conversation that is no HTTP, as it is kept: `net/<domain>/streams/<n>`, n = 1, 2, … in the order in which the domain's streams began; `.<n>` until
/// its end.
///
/// First lines of a word, a tab and a number: `port`, `tls` (0 or 1), `connection` and `process`, then an empty line. Then pieces, in the order in which
/// they came: a letter, and for bytes their number (4 bytes, little-endian) and they.
///
/// What follows an exchange that is the beginning of another protocol is kept in the same format, as the exchange's `stream` (``ExchangeStore``). Of
/// WebSocket the frames are kept without their masking keys, and without pings and pongs that are random (``WebSocketFrames``).
enum StreamPiece: UInt8 {
  /// Bytes of the guest's, and of the upstream's.
  case sent = 0x3e
  case received = 0x3c
  /// One side sends nothing more.
  case guestEnded = 0x29
  case upstreamEnded = 0x28
  /// One side has reset the connection.
  case guestReset = 0x21
  case upstreamReset = 0x3f

  var hasBytes: Bool { self == .sent || self == .received }
}

/// What is known of a stream before its bytes.
struct StreamHeader: Equatable {
  var port: UInt16
  var isTLS: Bool
  var connection: UInt32
  var process: UInt32

  static let names = ["port", "tls", "connection", "process"]
  /// Bytes of the longest.
  static let longest = 128

  var bytes: [UInt8] {
    let values = [UInt32(port), isTLS ? 1 : 0, connection, process]
    return zip(Self.names, values).flatMap { Array("\($0)\t\($1)\n".utf8) } + [0x0a]
  }

  init(port: UInt16, isTLS: Bool, connection: UInt32, process: UInt32) {
    self.port = port
    self.isTLS = isTLS
    self.connection = connection
    self.process = process
  }

  /// - Returns: the header and how many bytes it takes; nil for anything but what `bytes` makes.
  static func parse(_ bytes: [UInt8]) -> (header: StreamHeader, length: Int)? {
    guard let end = bytes.indices.first(where: { $0 > 0 && bytes[$0] == 0x0a && bytes[$0 - 1] == 0x0a }) else {
      return nil
    }
    let lines = bytes[..<end].split(separator: 0x0a).map { $0.split(separator: 0x09) }
    guard lines.count == names.count, zip(lines, names).allSatisfy({ $0.count == 2 && $0[0].elementsEqual($1.utf8) })
    else { return nil }
    let values = lines.compactMap { UInt32(String(decoding: $0[1], as: UTF8.self)) }
    guard values.count == names.count, let port = UInt16(exactly: values[0]), values[1] < 2 else { return nil }
    let header = StreamHeader(port: port, isTLS: values[1] == 1, connection: values[2], process: values[3])
    return header.bytes.elementsEqual(bytes[...end]) ? (header, end + 1) : nil
  }
}

import Tracing

/// A head of a recorded exchange, and the fields after the body.
struct RecordedHead: Equatable, Sendable {
  /// Line feeds stand at the ends of its lines.
  let head: HTTPHead
  /// Lines as they are stored.
  let trailers: [UInt8]

  /// The most that a file with a head may take: digests are longer than what they stand for.
  static let longest = 1 << 20

  /// - Throws: what is wrong with a `request` or `response` file.
  init(parsing bytes: [UInt8], _ kind: HTTPHead.Kind) throws(ExchangeFormatError) {
    guard bytes.count <= Self.longest, bytes.last == 0x0a else { throw ExchangeFormatError("a head has no end") }
    var end = bytes.count
    var place = bytes.startIndex
    while let feed = bytes[place...].firstIndex(of: 0x0a) {
      if feed + 1 < bytes.count, bytes[feed + 1] == 0x0a {
        end = feed + 1
        break
      }
      place = feed + 1
    }
    trailers = Array(bytes[min(end + 1, bytes.count)...])
    do throws(HTTPFailure) {
      head = try HTTPHead(
        parsing: bytes[..<end] + [0x0a], kind, allowsBareLineFeeds: true, allowsHTTP2: true, longest: Self.longest)
      var lines = HTTPLines(trailers + [0x0a], allowsBareLineFeeds: true)
      _ = try lines.fields()
      guard lines.isAtEnd else { throw HTTPFailure(400, "lines follow the fields after the body") }
    } catch { throw ExchangeFormatError(error.reason) }
  }

  /// As it goes over a connection, with the empty line.
  var wire: [UInt8] { Self.wire(head.bytes) }

  /// Likewise, with another value of a field, whose name is in lower case.
  func wire(replacing name: String, with value: [UInt8]) -> [UInt8] {
    var bytes = head.bytes
    for field in head.fields.reversed() where HTTPToken.equals(head.bytes[field.name], name) {
      bytes.replaceSubrange(field.value, with: value)
    }
    return Self.wire(bytes)
  }

  /// Likewise, without the empty line.
  var wireTrailers: [UInt8] { Self.wire(trailers) }

  private static func wire(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + 64)
    var last: UInt8 = 0
    for byte in bytes {
      if byte == 0x0a, last != 0x0d { result.append(0x0d) }
      result.append(byte)
      last = byte
    }
    return result
  }
}

import NIOCore

/// Takes the messages of one direction apart as they come, and holds no more than a head of them.
struct HTTPMessageReader {
  enum Part {
    case head(HTTPHead, HTTPBodyLength)
    /// Bytes that stand around a body's parts; part of the message, not of its content.
    case framing(ByteBuffer)
    case content(ByteBuffer)
    /// The end of a message, with the fields after a chunked body as they came, the empty line too; without fields nothing, as that line was
    /// framing.
    case end(trailers: [UInt8])
  }

  private enum State {
    case head
    case length(Int)
    case chunkHead
    case chunk(Int)
    case chunkEnd
    case trailers
    case untilEnd
    case ended
    case upgraded
  }

  /// RFC 9112, 7.1.1: a recipient limits what stands after a chunk's size.
  private static let longestChunkHead = 4096

  private let kind: HTTPHead.Kind
  private var state = State.head
  /// Bytes of a head or trailers that were looked through before.
  private var scanned = 0

  init(_ kind: HTTPHead.Kind) { self.kind = kind }

  /// Between two messages: the connection may end here.
  var isBetweenMessages: Bool { if case .head = state { true } else { false } }

  /// - Parameters:
  ///   - buffer: what has come; what is understood is taken from it.
  ///   - method: of the request that a response answers.
  /// - Returns: nil if there must be more bytes.
  mutating func next(
    from buffer: inout ByteBuffer, answering method: ArraySlice<UInt8> = []
  ) throws(HTTPFailure) -> Part? {
    switch state {
    case .head: return try head(&buffer, method)
    case .length(let rest):
      guard let part = take(rest, &buffer) else { return nil }
      state = part.readableBytes == rest ? .ended : .length(rest - part.readableBytes)
      return .content(part)
    case .chunkHead: return try chunkHead(&buffer)
    case .chunk(let rest):
      guard let part = take(rest, &buffer) else { return nil }
      state = part.readableBytes == rest ? .chunkEnd : .chunk(rest - part.readableBytes)
      return .content(part)
    case .chunkEnd:
      guard let end = buffer.getBytes(at: buffer.readerIndex, length: min(2, buffer.readableBytes)) else { return nil }
      guard [0x0d, 0x0a].starts(with: end) else { throw HTTPFailure(400, "a chunk is longer than its size says") }
      guard end.count == 2, let part = buffer.readSlice(length: 2) else { return nil }
      state = .chunkHead
      return .framing(part)
    case .trailers: return try trailers(&buffer)
    case .untilEnd: return take(Int.max, &buffer).map { .content($0) }
    case .ended:
      state = .head
      return .end(trailers: [])
    case .upgraded: return nil
    }
  }

  /// The connection has ended.
  /// - Returns: whether that ends a message as it should.
  mutating func finish() -> Bool {
    guard case .untilEnd = state else { return false }
    state = .head
    return true
  }

  private func take(_ most: Int, _ buffer: inout ByteBuffer) -> ByteBuffer? {
    buffer.readableBytes == 0 ? nil : buffer.readSlice(length: min(most, buffer.readableBytes))
  }

  private mutating func head(_ buffer: inout ByteBuffer, _ method: ArraySlice<UInt8>) throws(HTTPFailure) -> Part? {
    // RFC 9112, 2.2: an empty line before a request counts for nothing.
    while kind == .request, buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0d0a {
      buffer.moveReaderIndex(forwardBy: 2)
      scanned = 0
    }
    guard let bytes = try lines(&buffer) else { return nil }
    let head = try HTTPHead(parsing: bytes, kind, allowsBareLineFeeds: kind == .response)
    let length =
      switch kind {
      case .request: try HTTPBodyLength(ofRequest: head)
      case .response: try HTTPBodyLength(ofResponse: head, to: method)
      }
    switch length {
    case .none, .bytes(0): state = .ended
    case .bytes(let count): state = .length(count)
    case .chunked: state = .chunkHead
    case .untilEnd: state = .untilEnd
    case .upgraded: state = .upgraded
    }
    return .head(head, length)
  }

  /// Lines up to an empty one, and that.
  private mutating func lines(_ buffer: inout ByteBuffer) throws(HTTPFailure) -> [UInt8]? {
    // The end may have begun in what was looked through.
    let start = max(0, scanned - 3)
    let length = buffer.withUnsafeReadableBytes { bytes -> Int? in
      var place = start
      while let feed = bytes[place...].firstIndex(of: 0x0a) {
        if feed + 1 < bytes.count, bytes[feed + 1] == 0x0a { return feed + 2 }
        if feed + 2 < bytes.count, bytes[feed + 1] == 0x0d, bytes[feed + 2] == 0x0a { return feed + 3 }
        place = feed + 1
      }
      return nil
    }
    guard length ?? buffer.readableBytes <= HTTPHead.longest else {
      throw HTTPFailure(431, "the head is longer than 64 KiB")
    }
    scanned = length == nil ? buffer.readableBytes : 0
    return length.flatMap { buffer.readBytes(length: $0) }
  }

  private mutating func chunkHead(_ buffer: inout ByteBuffer) throws(HTTPFailure) -> Part? {
    let most = min(buffer.readableBytes, Self.longestChunkHead)
    guard let feed = buffer.readableBytesView.prefix(most).firstIndex(of: 0x0a) else {
      if most == Self.longestChunkHead { throw HTTPFailure(400, "the size of a chunk has no end") }
      return nil
    }
    guard let part = buffer.readSlice(length: feed + 1 - buffer.readerIndex) else { return nil }
    let line = Array(part.readableBytesView.dropLast())
    guard line.last == 0x0d, !line.dropLast().contains(where: { $0 == 0 || $0 == 0x0d }) else {
      throw HTTPFailure(400, "the size of a chunk has no proper end")
    }
    var digits = line.dropLast()
    if let extensions = digits.firstIndex(of: UInt8(ascii: ";")) { digits = digits[..<extensions] }
    // Some servers fill up the line with spaces.
    if kind == .response { while let last = digits.last, HTTPToken.isSpace(last) { digits.removeLast() } }
    guard let size = HTTPToken.hexadecimal(digits) else {
      throw HTTPFailure(400, "the size of a chunk is not a hexadecimal number")
    }
    state = size == 0 ? .trailers : .chunk(size)
    return .framing(part)
  }

  private mutating func trailers(_ buffer: inout ByteBuffer) throws(HTTPFailure) -> Part? {
    if buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0d0a {
      state = .ended
      scanned = 0
      return buffer.readSlice(length: 2).map { .framing($0) }
    }
    guard let bytes = try lines(&buffer) else { return nil }
    var lines = HTTPLines(bytes, allowsBareLineFeeds: false)
    let fields = try lines.fields()
    // RFC 9110, 6.5.1: what says how to read a message, or where it goes, comes before it.
    let forbidden = ["transfer-encoding", "content-length", "host"]
    guard lines.isAtEnd,
      !fields.contains(where: { field in forbidden.contains { HTTPToken.equals(bytes[field.name], $0) } })
    else { throw HTTPFailure(400, "a field after the body is none that may stand there") }
    state = .head
    return .end(trailers: bytes)
  }
}

import SystemPackage

/// Reads a stream that was kept, piece by piece; of bytes, as many as are asked for.
final class StreamReader {
  let header: StreamHeader
  private let file: ReadableFile
  private var buffer: [UInt8]
  /// Of the piece that is being read.
  private(set) var piece: StreamPiece?
  private var rest = 0
  /// Whether the file is not what a recorder writes.
  private(set) var isDamaged = false

  /// - Returns: nil for what is no stream.
  init?(_ file: ReadableFile) {
    guard let start = try? file.read(StreamHeader.longest), let (header, length) = StreamHeader.parse(start) else {
      return nil
    }
    self.header = header
    self.file = file
    buffer = Array(start[length...])
    next()
  }

  private func take(_ count: Int) -> [UInt8] {
    var taken = Array(buffer.prefix(count))
    buffer.removeFirst(taken.count)
    if taken.count < count, let more = try? file.read(count - taken.count) { taken += more }
    return taken
  }

  /// Goes on to the next piece; there is none after the last.
  func next() {
    piece = nil
    guard let letter = take(1).first else { return }
    guard let next = StreamPiece(rawValue: letter) else { return isDamaged = true }
    if next.hasBytes {
      let count = take(4)
      guard count.count == 4 else { return isDamaged = true }
      rest = count.reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    piece = next
  }

  /// Of the piece's bytes, the next, at most so many; then the piece is over and the next begins.
  func bytes(_ most: Int) -> [UInt8] {
    guard piece?.hasBytes == true else { return [] }
    let wanted = min(most, rest)
    let bytes = take(wanted)
    rest -= bytes.count
    if bytes.count < wanted {
      isDamaged = true
      piece = nil
    } else if rest == 0 {
      next()
    }
    return bytes
  }
}

import Glibc
import SystemPackage
import Tracing

/// Bytes that are read from their beginning: of a file, or of a part of one.
final class ReadableFile {
  private enum Source {
    case file(OpenFile)
    case log(ExchangeLog, Range<Int>)
  }

  private let source: Source
  private var offset = 0

  init(descriptor: Int32) { source = .file(OpenFile(descriptor: descriptor)) }

  init(_ log: ExchangeLog, _ range: Range<Int>) { source = .log(log, range) }

  /// The next bytes; fewer at the end alone, and then none.
  func read(_ count: Int) throws(Errno) -> [UInt8] {
    let bytes: [UInt8]
    switch source {
    case .file(let file): bytes = try Self.read(file.descriptor, count, at: offset)
    case .log(let log, let range):
      let start = range.lowerBound + offset
      bytes = try log.bytes(start..<min(start + count, range.upperBound))
    }
    offset += bytes.count
    return bytes
  }

  private static func read(_ descriptor: Int32, _ count: Int, at offset: Int) throws(Errno) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let length = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
        if length < 0, errno == EINTR { continue }
        if length < 0 { code = errno }
        guard length > 0 else { return }
        filled += length
      }
    }
    if code != 0 { throw Errno(rawValue: code) }
    return bytes
  }
}

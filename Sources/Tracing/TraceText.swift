import Glibc
import SystemPackage

/// Reads a text file of a trace, which anybody may have made, line by line: in the memory of its longest line, and no further than where
/// it holds what uwrx does not write.
struct TraceText: ~Copyable {
  /// Names can be longer than PATH_MAX, since a directory can be moved into a deep one, and an escaped byte takes four.
  private static let maximumLine = 16 << 20

  private let file: FileDescriptor
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var start = 0
  private var end = 0
  private var line: [UInt8] = []
  /// Where the file holds what is no text, or a line that is longer than any.
  private(set) var isDamaged = false
  /// Whether the last line had an end.
  private(set) var isEnded = true

  init(_ path: String) throws(Errno) { file = try TraceDirectory.open(path) }

  deinit { close(file.rawValue) }

  /// - Returns: the next line without its end; nil at the end of the file, or if it is damaged.
  mutating func next() throws(Errno) -> [UInt8]? {
    line.removeAll(keepingCapacity: true)
    while !isDamaged {
      while start < end {
        let byte = buffer[start]
        start += 1
        if byte == UInt8(ascii: "\n") {
          isEnded = true
          return line
        }
        // A hole reads as zeros.
        isDamaged = byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7f || line.count == Self.maximumLine
        if isDamaged { return nil }
        line.append(byte)
      }
      guard try fill() else {
        if line.isEmpty { return nil }
        isEnded = false
        return line
      }
    }
    return nil
  }

  private mutating func fill() throws(Errno) -> Bool {
    start = 0
    end = 0
    while true {
      let count = buffer.withUnsafeMutableBytes { read(file.rawValue, $0.baseAddress!, $0.count) }
      if count >= 0 {
        end = count
        return count > 0
      }
      if errno != EINTR { throw Errno(rawValue: errno) }
    }
  }
}

import Glibc
import SystemPackage

/// Text for a file descriptor, gathered so that a million lines take few system calls.
public final class OutputBuffer {
  private let file: FileDescriptor
  private var bytes: [UInt8] = []
  private static let size = 1 << 16

  public init(_ file: FileDescriptor = .standardOutput) {
    self.file = file
    bytes.reserveCapacity(Self.size + 4096)
  }

  public func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }
  public func append(_ more: UnsafeBufferPointer<UInt8>) { bytes.append(contentsOf: more) }
  public func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
  public func append(_ byte: UInt8) { bytes.append(byte) }

  /// Changes what was gathered so far, its end for example.
  public func edit<Result>(_ body: (inout [UInt8]) -> Result) -> Result { body(&bytes) }

  /// Ends a line, or whatever may be followed by a wait. Writes if much was gathered.
  public func endLine() throws(Errno) {
    bytes.append(UInt8(ascii: "\n"))
    if bytes.count >= Self.size { try flush() }
  }

  /// Writes if much was gathered.
  public func drain() throws(Errno) { if bytes.count >= Self.size { try flush() } }

  /// Writes all that was gathered.
  public func flush() throws(Errno) {
    var done = 0
    defer { bytes.removeAll(keepingCapacity: true) }
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file.rawValue, $0.baseAddress! + done, bytes.count - done) }
      if count < 0 {
        let failure = errno
        if failure == EINTR { continue }
        if failure == EAGAIN {
          var waiting = pollfd(fd: file.rawValue, events: Int16(POLLOUT), revents: 0)
          poll(&waiting, 1, -1)
          continue
        }
        throw Errno(rawValue: failure)
      }
      done += count
    }
  }
}

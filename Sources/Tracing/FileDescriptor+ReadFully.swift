import Glibc
import SystemPackage

extension FileDescriptor {
  /// pread(2) until the buffer is full or the file ends.
  /// - Returns: how much there is.
  package func readFully(at offset: Int64, into buffer: inout [UInt8]) throws(Errno) -> Int {
    var done = 0
    while done < buffer.count {
      let count = buffer.withUnsafeMutableBytes {
        Glibc.pread(rawValue, $0.baseAddress! + done, $0.count - done, off_t(offset) + off_t(done))
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Errno(rawValue: errno) }
      if count == 0 { break }
      done += count
    }
    return done
  }
}

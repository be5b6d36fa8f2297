import Glibc
import SystemPackage

/// A file that is read from its beginning.
final class ReadableFile {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// The next bytes; fewer at the end alone, and then none.
  func read(_ count: Int) throws(Errno) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let length = Glibc.read(descriptor, buffer.baseAddress! + filled, count - filled)
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

import CLinux
import Glibc
import NIOCore
import SystemPackage

/// A new file that grows.
final class WritableFile: Sendable {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Errno(rawValue: errno) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  /// Takes away what follows so many bytes.
  func cut(at size: Int) throws(Errno) {
    while ftruncate(descriptor, off_t(size)) < 0 { if errno != EINTR { throw Errno(rawValue: errno) } }
  }

  /// Copies from another file, without the bytes' coming here (copy_file_range(2)).
  /// - Returns: whether there were as many, and room for them.
  func copy(from source: Int32, at start: Int, count: UInt64, to offset: UInt64) -> Bool {
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0, lseek(source, off_t(start), SEEK_SET) >= 0 else {
      return false
    }
    var rest = Int(count)
    while rest > 0 {
      let copied = uwrx_copy_file_range(source, descriptor, rest)
      if copied == -Int(EINTR) { continue }
      guard copied > 0 else { return false }
      rest -= copied
    }
    return true
  }

  /// As few calls as it takes.
  func write(_ parts: [ByteBuffer]) throws(Errno) {
    var vectors: [iovec] = []
    func add(_ parts: ArraySlice<ByteBuffer>) throws(Errno) {
      guard let first = parts.first else { return try write(&vectors) }
      let result: Result<Void, Errno> = first.withUnsafeReadableBytes { bytes in
        vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
        return Result { () throws(Errno) in try add(parts.dropFirst()) }
      }
      try result.get()
    }
    try add(parts[...])
  }

  private func write(_ vectors: inout [iovec]) throws(Errno) {
    var next = 0
    while next < vectors.count {
      var count = writev(descriptor, Array(vectors[next...]), Int32(vectors.count - next))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Errno(rawValue: errno) }
      while next < vectors.count, count >= vectors[next].iov_len {
        count -= vectors[next].iov_len
        next += 1
      }
      if next < vectors.count {
        vectors[next].iov_base += count
        vectors[next].iov_len -= count
      }
    }
  }

  func write(_ bytes: [UInt8]) throws(Errno) {
    // A closure's typed error is not passed on by `withUnsafeBytes`.
    let result: Result<Void, Errno> = bytes.withUnsafeBytes { bytes in Result { () throws(Errno) in try write(bytes) } }
    try result.get()
  }

  func write(_ bytes: ByteBuffer) throws(Errno) {
    let result: Result<Void, Errno> = bytes.withUnsafeReadableBytes { bytes in
      Result { () throws(Errno) in try write(bytes) }
    }
    try result.get()
  }
}

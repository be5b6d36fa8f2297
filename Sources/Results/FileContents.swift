import CLinux
import Glibc
import SystemPackage

/// Contents of regular files.
enum FileContents {
  private static let blockSize = 1 << 17

  /// Of two files of one size.
  static func areEqual(_ one: FileDescriptor, _ other: FileDescriptor) throws(Errno) -> Bool {
    var (left, right) = ([UInt8](repeating: 0, count: blockSize), [UInt8](repeating: 0, count: blockSize))
    var offset: Int64 = 0
    while true {
      // Where both are hole there is nothing to compare.
      let data = min(nextData(one, offset), nextData(other, offset))
      if data == .max { return true }
      offset = data
      let count = try read(one, at: offset, into: &left)
      guard try read(other, at: offset, into: &right) == count else { return false }
      if count == 0 { return true }
      if memcmp(left, right, count) != 0 { return false }
      offset += Int64(count)
    }
  }

  /// Where the next data is; `.max` if only a hole follows.
  static func nextData(_ file: FileDescriptor, _ offset: Int64) -> Int64 {
    let data = lseek(file.rawValue, off_t(offset), 3)  // SEEK_DATA
    if data >= 0 { return Int64(data) }
    // A file system that knows of no holes has none.
    return errno == ENXIO ? .max : offset
  }

  /// Reads until the buffer is full or the file ends.
  static func read(_ file: FileDescriptor, at offset: Int64, into buffer: inout [UInt8]) throws(Errno) -> Int {
    var done = 0
    while done < buffer.count {
      let count = buffer.withUnsafeMutableBytes {
        pread(file.rawValue, $0.baseAddress! + done, $0.count - done, off_t(offset) + off_t(done))
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Errno(rawValue: errno) }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// All of a file.
  /// - Returns: nil if it is larger than `limit`.
  static func all(_ file: FileDescriptor, limit: Int) throws(Errno) -> [UInt8]? {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    guard Int64(status.st_size) <= Int64(limit) else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = try read(file, at: 0, into: &bytes)
    return Array(bytes.prefix(count))
  }

  /// Copies all, holes as holes, and without taking space where the file system can share it.
  static func copy(from source: FileDescriptor, to copy: FileDescriptor) throws(Errno) {
    if uwrx_clone_contents(copy.rawValue, source.rawValue) == 0 { return }
    var status = stat()
    guard fstat(source.rawValue, &status) == 0, ftruncate(copy.rawValue, status.st_size) == 0 else {
      throw Errno(rawValue: errno)
    }
    var buffer = [UInt8](repeating: 0, count: blockSize)
    var offset: Int64 = 0
    while true {
      offset = nextData(source, offset)
      if offset == .max { return }
      let count = try read(source, at: offset, into: &buffer)
      if count == 0 { return }
      var done = 0
      while done < count {
        let written = buffer.withUnsafeBytes {
          pwrite(copy.rawValue, $0.baseAddress! + done, count - done, off_t(offset) + off_t(done))
        }
        if written < 0, errno == EINTR { continue }
        if written < 0 { throw Errno(rawValue: errno) }
        done += written
      }
      offset += Int64(count)
    }
  }
}

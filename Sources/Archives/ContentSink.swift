import CLinux
import Glibc
import SystemPackage

/// What takes the contents of a file as they come out of an archive, from the beginning to the end.
protocol ContentSink: AnyObject {
  /// - Parameter offset: not below the end of the piece before it; between them are zeros.
  func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno)
  /// After the last piece: the contents end here.
  func finish(size: Int64) throws(Errno)
}

/// What becomes of the contents of a file as they come out of an archive, from the beginning to the end: they are written to a new
/// file, or compared with one that was kept.
///
/// What was kept is believed only after it was compared: a directory of a cache may have been filled by somebody else.
final class FileSink: ContentSink {
  private let file: FileDescriptor
  private let isComparing: Bool
  /// Of what was not zero so far.
  private var end: Int64 = 0
  private lazy var kept = [UInt8](repeating: 0, count: 1 << 16)

  /// The archive's contents are others: no error of the archive's.
  static let difference = Errno(rawValue: EBADE)

  init(writing file: FileDescriptor) {
    self.file = file
    isComparing = false
  }

  init(comparing file: FileDescriptor) {
    self.file = file
    isComparing = true
  }

  func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    let (next, overflow) = offset.addingReportingOverflow(Int64(bytes.count))
    guard offset >= end, !overflow else { throw .ioError }
    if isComparing {
      try requireZeros(until: offset)
      try compare(bytes, at: offset)
    } else {
      try writeSparsely(bytes, to: file, at: offset)
    }
    end = next
  }

  func finish(size: Int64) throws(Errno) {
    guard size >= end else { throw .ioError }
    if isComparing { return try requireZeros(until: size) }
    guard ftruncate(file.rawValue, off_t(size)) == 0 else { throw Errno(rawValue: uwrx_errno()) }
  }

  private func read(at offset: Int64, limit: Int) throws(Errno) -> Int {
    let count = kept.withUnsafeMutableBytes {
      pread(file.rawValue, $0.baseAddress, min($0.count, limit), off_t(offset))
    }
    guard count > 0 else { throw count == 0 ? Self.difference : Errno(rawValue: uwrx_errno()) }
    return count
  }

  private func compare(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = try read(at: offset + Int64(done), limit: bytes.count - done)
      guard memcmp(kept, bytes.baseAddress! + done, count) == 0 else { throw Self.difference }
      done += count
    }
  }

  private func requireZeros(until limit: Int64) throws(Errno) {
    var position = end
    while position < limit {
      let data = Int64(lseek(file.rawValue, off_t(position), 3))  // SEEK_DATA
      if data < position || data >= limit { return }
      let count = try read(at: data, limit: Int(clamping: limit - data))
      guard kept.prefix(count).allSatisfy({ $0 == 0 }) else { throw Self.difference }
      position = data + Int64(count)
    }
  }
}

import CLinux
import Glibc
import SystemPackage

/// Decompresses what is in memory, by the child that reads archives: libarchive gets what strangers made.
public enum Decompression {
  /// - Parameter bytes: gzip, bzip2, xz or zstd, told apart by how they begin.
  /// - Returns: nil if it would be more than `limit` bytes.
  /// - Throws: a message that begins with "it".
  public static func decompress(_ bytes: ArraySlice<UInt8>, limit: Int) throws(ArchiveError) -> [UInt8]? {
    let descriptor = uwrx_memfd_create("uwrx")
    guard descriptor >= 0 else { throw .system("make", "a file in memory") }
    let file = FileDescriptor(rawValue: Int32(descriptor))
    do { try file.writeAll(bytes) } catch {
      close(file.rawValue)
      throw ArchiveError("it cannot be handed to its reader: \(error)")
    }
    let sink = MemorySink(limit: limit)
    do throws(ArchiveError) {
      try ArchiveReader(.tar, ArchiveFile(file, "it")).unpack(to: sink, limit: .max)
    } catch {
      if sink.isFull { return nil }
      throw error
    }
    return sink.bytes
  }
}

/// Contents that are kept in memory.
private final class MemorySink: ContentSink {
  private let limit: Int
  private(set) var bytes: [UInt8] = []
  private(set) var isFull = false

  init(limit: Int) { self.limit = limit }

  func put(_ piece: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    try fill(to: offset)
    try require(Int64(bytes.count) + Int64(piece.count))
    bytes += piece
  }

  func finish(size: Int64) throws(Errno) { try fill(to: size) }

  private func fill(to end: Int64) throws(Errno) {
    guard end >= Int64(bytes.count) else { throw .ioError }
    try require(end)
    bytes += [UInt8](repeating: 0, count: Int(end) - bytes.count)
  }

  private func require(_ size: Int64) throws(Errno) {
    guard size > Int64(limit) else { return }
    isFull = true
    throw .fileTooLarge
  }
}

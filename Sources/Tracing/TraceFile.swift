import CZlib
import Glibc
import SystemPackage

/// Appends packets to a trace's `perfetto` file: compressed, some thousand together.
final class TraceFile {
  /// Perfetto wants less than 512 KiB of packets together.
  static let maximumBatch = 500_000
  static let compressedPackets: UInt32 = 50
  private static let level: Int32 = 6

  private let file: FileDescriptor
  private var stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var compressed: [UInt8]
  /// Of the packets that are ready: those of the last event may be more than a batch can hold.
  private var ready = 0
  private(set) var length: UInt64

  convenience init(creating path: String) throws(Errno) {
    try self.init(path, O_CREAT | O_EXCL, length: 0)
  }

  /// - Parameter length: what of the file is to stay.
  convenience init(continuing path: String, length: UInt64) throws(Errno) {
    try self.init(path, O_NOFOLLOW, length: length)
    if ftruncate(file.rawValue, off_t(length)) < 0 { throw Errno(rawValue: errno) }
    lseek(file.rawValue, off_t(length), SEEK_SET)
  }

  private init(_ path: String, _ flags: Int32, length: UInt64) throws(Errno) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CLOEXEC | flags, 0o644)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    file = FileDescriptor(rawValue: descriptor)
    self.length = length
    stream.initialize(to: z_stream())
    guard deflateInit_(stream, Self.level, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .noMemory
    }
    compressed = [UInt8](repeating: 0, count: Int(deflateBound(stream, uLong(1 << 20))))
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    close(file.rawValue)
  }

  /// Takes packets from the front as soon as there are enough of them. To be called after each event.
  func take(_ packets: inout PacketWriter) throws(Errno) {
    if packets.count > Self.maximumBatch {
      if ready > 0 {
        try append(UnsafeBufferPointer(start: packets.base, count: ready))
        packets.removeFirst(ready)
      }
    }
    ready = packets.count
  }

  /// Takes all packets.
  func flush(_ packets: inout PacketWriter) throws(Errno) {
    if packets.count > 0 { try append(UnsafeBufferPointer(start: packets.base, count: packets.count)) }
    packets.removeFirst(packets.count)
    ready = 0
  }

  private func append(_ packets: UnsafeBufferPointer<UInt8>) throws(Errno) {
    let bound = Int(deflateBound(stream, uLong(packets.count)))
    if compressed.count < bound { compressed = [UInt8](repeating: 0, count: bound) }
    let size = compressed.withUnsafeMutableBufferPointer { output in
      deflateReset(stream)
      stream.pointee.next_in = UnsafeMutablePointer(mutating: packets.baseAddress)
      stream.pointee.avail_in = UInt32(packets.count)
      stream.pointee.next_out = output.baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      deflate(stream, Z_FINISH)
      return output.count - Int(stream.pointee.avail_out)
    }
    var packet = PacketWriter(capacity: size + 32)
    let start = packet.open(1)
    compressed.withUnsafeBufferPointer {
      packet.bytes(Self.compressedPackets, UnsafeBufferPointer(rebasing: $0[..<size]))
    }
    packet.close(start)
    var done = 0
    while done < packet.count {
      let count = write(file.rawValue, packet.base + done, packet.count - done)
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      done += count
    }
    length += UInt64(packet.count)
  }

  /// Removes what was appended since the file was so long.
  func cut(to length: UInt64) { ftruncate(file.rawValue, off_t(length)) }
}

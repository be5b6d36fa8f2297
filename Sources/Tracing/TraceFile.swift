import CZlib
import Glibc
import SystemPackage

/// Appends packets to a trace's `perfetto` file: compressed, some thousand together.
final class TraceFile {
  /// Perfetto wants less than 512 KiB of packets together.
  static let maximumBatch = 500_000
  static let compressedPackets: UInt32 = 50
  private static let level: Int32 = 6
  /// Even the fastest level takes 12 to 40 ms of processor time for a MiB, storing it less than one.
  private static let levelOfOutput: Int32 = 0

  private let file: FileDescriptor
  private var stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var compressed: [UInt8] = []
  /// Of the packets that are ready: those of the last event may be more than a batch can hold.
  private var ready = 0
  private(set) var length: UInt64

  /// - Parameter path: of a file that does not exist.
  init(creating path: String) throws(Errno) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CLOEXEC | O_CREAT | O_EXCL, 0o644)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    file = FileDescriptor(rawValue: descriptor)
    length = 0
    stream.initialize(to: z_stream())
    guard deflateInit_(stream, Self.level, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .noMemory
    }
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
        try append(UnsafeBufferPointer(start: packets.base, count: ready), packets.isMostlyOutput)
        packets.removeFirst(ready)
      }
    }
    ready = packets.count
  }

  /// Takes all packets.
  func flush(_ packets: inout PacketWriter) throws(Errno) {
    if packets.count > 0 {
      try append(UnsafeBufferPointer(start: packets.base, count: packets.count), packets.isMostlyOutput)
    }
    packets.removeFirst(packets.count)
    ready = 0
  }

  private func append(_ packets: UnsafeBufferPointer<UInt8>, _ isMostlyOutput: Bool) throws(Errno) {
    let bound = Int(deflateBound(stream, uLong(packets.count)))
    if compressed.count < bound { compressed = [UInt8](repeating: 0, count: bound) }
    let size = compressed.withUnsafeMutableBufferPointer { output in
      deflateReset(stream)
      deflateParams(stream, isMostlyOutput ? Self.levelOfOutput : Self.level, Z_DEFAULT_STRATEGY)
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
    try write(UnsafeRawBufferPointer(start: packet.base, count: packet.count))
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(file.rawValue, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      done += count
    }
    length += UInt64(bytes.count)
  }

  /// Begins with what another such file begins with.
  /// - Throws: `invalidArgument` if that is not so long.
  func copy(_ count: UInt64, of path: String) throws(Errno) {
    let source = try TraceDirectory.open(path)
    defer { close(source.rawValue) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while length < count {
      let wanted = Int(min(UInt64(buffer.count), count - length))
      let got = buffer.withUnsafeMutableBytes { read(source.rawValue, $0.baseAddress!, wanted) }
      if got < 0, errno == EINTR { continue }
      if got < 0 { throw Errno(rawValue: errno) }
      if got == 0 { throw .invalidArgument }
      let result: Result<Void, Errno> = buffer.withUnsafeBytes { bytes in
        do throws(Errno) { return .success(try write(UnsafeRawBufferPointer(rebasing: bytes[..<got]))) } catch {
          return .failure(error)
        }
      }
      try result.get()
    }
  }

  /// Removes what was appended since the file was so long.
  func cut(to length: UInt64) { ftruncate(file.rawValue, off_t(length)) }
}

extension PacketWriter {
  fileprivate var isMostlyOutput: Bool { outputCount > count / 2 }
}

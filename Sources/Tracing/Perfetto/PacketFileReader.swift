import CZlib
import Glibc
import SystemPackage

/// Streams the packets of a `perfetto` file that `TraceFile` has written.
final class PacketFileReader {
  /// More is no batch of ours, compressed or not.
  private static let maximumSize = 1 << 20

  private let file: FileDescriptor
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: maximumSize)
  private var start = 0
  private var end = 0
  private let batch = UnsafeMutablePointer<UInt8>.allocate(capacity: maximumSize)
  private var packets = PacketReader(UnsafeBufferPointer(start: nil, count: 0))
  /// Where the next batch is in the file.
  private(set) var offset: UInt64 = 0
  private(set) var isDamaged = false

  /// - Throws: what open(2) failed with.
  init(path: String) throws(Errno) {
    file = try TraceDirectory.open(path)
  }

  deinit {
    buffer.deallocate()
    batch.deallocate()
    close(file.rawValue)
  }

  /// The next packet of those in the first `limit` bytes of the file; it is valid until the next call.
  /// - Returns: nil if there is none, or if the file is damaged.
  func next(limit: UInt64) throws(Errno) -> UnsafeBufferPointer<UInt8>? {
    while !isDamaged {
      if let (number, value) = packets.field() {
        if number == 1, case .bytes(let packet) = value { return packet }
        isDamaged = true
      } else if packets.isDamaged {
        isDamaged = true
      } else if try !nextBatch(limit) {
        return nil
      }
    }
    return nil
  }

  private func nextBatch(_ limit: UInt64) throws(Errno) -> Bool {
    // A tag and a length for the packet, and for its only field.
    let head = try fill(16, limit)
    if head == 0 { return false }
    var position = start
    guard let size = length(after: [0x0a], &position) else { return damaged() }
    let packet = position
    guard let count = length(after: [0x92, 0x03], &position), position - packet + count == size else {
      return damaged()
    }
    let whole = position - start + count
    let skipped = position - start
    guard whole <= Self.maximumSize, try fill(whole, limit) >= whole else { return damaged() }
    var inflated = uLong(Self.maximumSize)
    var consumed = uLong(count)
    guard uncompress2(batch, &inflated, buffer + start + skipped, &consumed) == Z_OK, consumed == uLong(count) else {
      return damaged()
    }
    start += whole
    offset += UInt64(whole)
    packets = PacketReader(UnsafeBufferPointer(start: batch, count: Int(inflated)))
    return true
  }

  private func damaged() -> Bool {
    isDamaged = true
    return false
  }

  private func length(after tag: [UInt8], _ position: inout Int) -> Int? {
    for byte in tag {
      guard position < end, buffer[position] == byte else { return nil }
      position += 1
    }
    var value = 0
    for shift in stride(from: 0, through: 21, by: 7) {
      guard position < end else { return nil }
      let byte = buffer[position]
      position += 1
      value |= Int(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  /// - Returns: how many of the bytes there are.
  private func fill(_ count: Int, _ limit: UInt64) throws(Errno) -> Int {
    if end - start < count {
      memmove(buffer, buffer + start, end - start)
      end -= start
      start = 0
    }
    while end < count {
      let allowed = limit - min(limit, offset + UInt64(end))
      let wanted = Int(min(UInt64(Self.maximumSize - end), allowed))
      if wanted == 0 { break }
      let got = read(file.rawValue, buffer + end, wanted)
      if got < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if got == 0 { break }
      end += got
    }
    return min(end - start, count)
  }
}

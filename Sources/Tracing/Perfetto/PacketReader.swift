/// Reads the fields of a protobuf message in memory, whatever that holds.
struct PacketReader {
  enum Value {
    case integer(UInt64)
    case bytes(UnsafeBufferPointer<UInt8>)
  }

  private var next: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>
  /// Whether the message makes no sense.
  private(set) var isDamaged = false

  init(_ message: UnsafeBufferPointer<UInt8>) {
    // An empty message has no address.
    next = message.baseAddress ?? UnsafePointer(bitPattern: 1)!
    end = next + message.count
  }

  /// - Returns: nil at the end, and where the message makes no sense.
  mutating func field() -> (number: UInt32, value: Value)? {
    guard next < end, let tag = varint(), tag >> 3 > 0, tag >> 3 < 1 << 29 else {
      isDamaged = isDamaged || next < end
      return nil
    }
    let number = UInt32(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0:
      if let value = varint() { return (number, .integer(value)) }
    case 1:
      if let bytes = take(8) {
        return (number, .integer(UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(as: UInt64.self)))
      }
    case 2:
      if let length = varint(), length <= UInt64(end - next), let bytes = take(Int(length)) {
        return (number, .bytes(bytes))
      }
    case 5:
      if let bytes = take(4) {
        return (number, .integer(UInt64(UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(as: UInt32.self))))
      }
    default: break
    }
    isDamaged = true
    return nil
  }

  private mutating func take(_ length: Int) -> UnsafeBufferPointer<UInt8>? {
    guard end - next >= length else { return nil }
    defer { next += length }
    return UnsafeBufferPointer(start: next, count: length)
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while next < end, shift < 64 {
      let byte = next.pointee
      next += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    isDamaged = true
    return nil
  }
}

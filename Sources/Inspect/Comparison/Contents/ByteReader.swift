/// Reads contents from the front; nothing that they say takes it beyond their end.
struct ByteReader {
  let bytes: ArraySlice<UInt8>
  private(set) var position: Int
  var isBigEndian = false

  /// - Parameter offset: from the first byte of `bytes`; beyond its end, nothing is there.
  init(_ bytes: ArraySlice<UInt8>, at offset: Int = 0, isBigEndian: Bool = false) {
    self.bytes = bytes
    self.isBigEndian = isBigEndian
    position = min(max(0, offset), bytes.count)
  }

  var isAtEnd: Bool { position == bytes.count }
  /// What is left.
  var rest: ArraySlice<UInt8> { bytes.dropFirst(position) }

  /// The next bytes, all of them or none.
  mutating func take(_ count: Int) throws(ContentLimit) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else { throw ContentLimit("it ends too early") }
    defer { position += count }
    let start = bytes.startIndex + position
    return bytes[start..<start + count]
  }

  mutating func take(_ count: UInt64) throws(ContentLimit) -> ArraySlice<UInt8> { try take(Int(clamping: count)) }

  mutating func skip(_ count: Int) throws(ContentLimit) { _ = try take(count) }

  mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type
  ) throws(ContentLimit) -> Value {
    let part = try take(MemoryLayout<Value>.size)
    return isBigEndian
      ? part.reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
      : part.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
  }

  /// Up to a byte, which is not part of it.
  mutating func take(until end: UInt8) throws(ContentLimit) -> ArraySlice<UInt8> {
    guard let index = rest.firstIndex(of: end) else { throw ContentLimit("it ends too early") }
    let part = try take(index - rest.startIndex)
    try skip(1)
    return part
  }
}

extension ArraySlice<UInt8> {
  /// Up to a NUL, if there is one.
  var untilNUL: [UInt8] { Array(prefix { $0 != 0 }) }

  /// A part, as far as it is there.
  func piece(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> {
    dropFirst(Swift.max(0, offset)).prefix(Swift.max(0, count))
  }

  /// A number in digits, among spaces.
  func number(radix: Int) -> Int? {
    let digits = drop { $0 == 0x20 || $0 == 0 }.prefix { $0 != 0x20 && $0 != 0 }
    return digits.isEmpty ? nil : Int(String(decoding: digits, as: UTF8.self), radix: radix)
  }
}

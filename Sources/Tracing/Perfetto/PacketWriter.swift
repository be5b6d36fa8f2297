import Glibc

/// Writes protobuf messages to memory that grows: SwiftProtobuf is too slow for a packet for each event, and brings 1.5 MB and 2 % of what a
/// run's start and end take.
struct PacketWriter: ~Copyable {
  private(set) var base: UnsafeMutablePointer<UInt8>
  private(set) var count = 0
  /// How many of the bytes are what processes have said, about.
  var outputCount = 0
  private var capacity: Int

  init(capacity: Int = 1 << 16) {
    base = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit { base.deallocate() }

  private mutating func reserve(_ extra: Int) {
    guard count + extra > capacity else { return }
    let larger = max(capacity * 2, count + extra)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    memcpy(moved, base, count)
    base.deallocate()
    (base, capacity) = (moved, larger)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      base[count] = UInt8(truncatingIfNeeded: rest) | 0x80
      count += 1
      rest >>= 7
    }
    base[count] = UInt8(truncatingIfNeeded: rest)
    count += 1
  }

  mutating func integer(_ field: UInt32, _ value: UInt64) {
    reserve(16)
    varint(UInt64(field << 3))
    varint(value)
  }

  /// An `int32`, of which protobuf writes 64 bits.
  mutating func signed(_ field: UInt32, _ value: Int32) { integer(field, UInt64(bitPattern: Int64(value))) }

  mutating func fixed64(_ field: UInt32, _ value: UInt64) {
    reserve(16)
    varint(UInt64(field << 3 | 1))
    UnsafeMutableRawPointer(base + count).storeBytes(of: value.littleEndian, as: UInt64.self)
    count += 8
  }

  mutating func bytes(_ field: UInt32, _ bytes: UnsafeBufferPointer<UInt8>) {
    reserve(16 + bytes.count)
    varint(UInt64(field << 3 | 2))
    varint(UInt64(bytes.count))
    if let source = bytes.baseAddress { memcpy(base + count, source, bytes.count) }
    count += bytes.count
  }

  mutating func bytes(_ field: UInt32, _ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { self.bytes(field, $0) } }

  mutating func text(_ field: UInt32, _ text: String) {
    var text = text
    text.withUTF8 { bytes(field, $0) }
  }

  /// Messages that are encoded already.
  mutating func raw(_ bytes: [UInt8]) {
    reserve(bytes.count)
    memcpy(base + count, bytes, bytes.count)
    count += bytes.count
  }

  /// Begins a message inside the one that is being written.
  /// - Returns: what `close` needs.
  mutating func open(_ field: UInt32) -> Int {
    reserve(16)
    varint(UInt64(field << 3 | 2))
    // Nearly always shorter than 128 bytes.
    count += 1
    return count
  }

  mutating func close(_ start: Int) {
    let length = count - start
    if length < 0x80 {
      base[start - 1] = UInt8(length)
      return
    }
    let size = (UInt64(length).bitWidth - length.leadingZeroBitCount + 6) / 7
    reserve(size)
    memmove(base + start + size - 1, base + start, length)
    let end = count + size - 1
    count = start - 1
    varint(UInt64(length))
    count = end
  }

  /// Removes the first bytes.
  mutating func removeFirst(_ length: Int) {
    memmove(base, base + length, count - length)
    count -= length
    outputCount = 0
  }
}

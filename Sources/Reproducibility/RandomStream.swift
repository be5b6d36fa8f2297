/// The key stream of ChaCha20 (RFC 8439, section 2.4, with a nonce of zeros and 64 bits of the counter): as many bytes as are asked for.
///
/// How the bytes are asked for makes no difference: 1 and then 3 are the same as 4.
public struct RandomStream: Sendable {
  private let key: SIMD8<UInt32>
  private var counter: UInt64 = 0
  private var block = SIMD16<UInt32>()
  /// Bytes of `block` that were given out.
  private var used = 64

  init(_ key: Key) { self.key = key.words }

  public mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    var filled = 0
    while filled < bytes.count {
      if used == 64 {
        block = Self.block(key, counter)
        counter &+= 1
        used = 0
      }
      let count = min(64 - used, bytes.count - filled)
      withUnsafeBytes(of: block) {
        UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<filled + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[used..<used + count]))
      }
      used += count
      filled += count
    }
  }

  /// RFC 8439, section 2.3.
  static func block(_ key: SIMD8<UInt32>, _ counter: UInt64, nonce: SIMD2<UInt32> = SIMD2()) -> SIMD16<UInt32> {
    let constants = SIMD4<UInt32>(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
    let last = SIMD4(
      UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), nonce.x, nonce.y)
    var (a, b, c, d) = (constants, key.lowHalf, key.highHalf, last)
    for _ in 0..<10 {
      quarter(&a, &b, &c, &d)
      // The diagonals, as columns.
      b = SIMD4(b[1], b[2], b[3], b[0])
      c = SIMD4(c[2], c[3], c[0], c[1])
      d = SIMD4(d[3], d[0], d[1], d[2])
      quarter(&a, &b, &c, &d)
      b = SIMD4(b[3], b[0], b[1], b[2])
      c = SIMD4(c[2], c[3], c[0], c[1])
      d = SIMD4(d[1], d[2], d[3], d[0])
    }
    return SIMD16(
      lowHalf: SIMD8(lowHalf: a &+ constants, highHalf: b &+ key.lowHalf),
      highHalf: SIMD8(lowHalf: c &+ key.highHalf, highHalf: d &+ last))
  }

  @inline(__always)
  private static func quarter(
    _ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>, _ d: inout SIMD4<UInt32>
  ) {
    a &+= b
    d = rotated(d ^ a, 16)
    c &+= d
    b = rotated(b ^ c, 12)
    a &+= b
    d = rotated(d ^ a, 8)
    c &+= d
    b = rotated(b ^ c, 7)
  }

  @inline(__always)
  private static func rotated(_ words: SIMD4<UInt32>, _ count: UInt32) -> SIMD4<UInt32> {
    (words &<< SIMD4(repeating: count)) | (words &>> SIMD4(repeating: 32 - count))
  }
}

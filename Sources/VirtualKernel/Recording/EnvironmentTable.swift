/// The environments of a run, each numbered once: most programs get one that another has had.
struct EnvironmentTable {
  private struct Digest: Hashable {
    var first: UInt64
    var second: UInt64
  }

  private var numbers: [Digest: UInt32] = [:]
  /// Not known to the guest, which could else make two environments with one digest.
  private let seed = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))

  /// - Returns: the number, and whether it is a new one.
  mutating func number(_ bytes: UnsafeRawBufferPointer) -> (number: UInt32, isNew: Bool) {
    let digest = digest(bytes)
    if let known = numbers[digest] { return (known, false) }
    let number = UInt32(truncatingIfNeeded: numbers.count + 1)
    numbers[digest] = number
    return (number, true)
  }

  /// 128 bits, of which 64-bit multiplications mix every word into both halves.
  private func digest(_ bytes: UnsafeRawBufferPointer) -> Digest {
    var first = seed.0 ^ UInt64(bytes.count)
    var second = seed.1
    func mix(_ word: UInt64) {
      let product = (first ^ word).multipliedFullWidth(by: second | 1)
      first = product.low ^ (second << 23 | second >> 41)
      second = product.high &+ (word ^ 0x9e37_79b9_7f4a_7c15)
    }
    var offset = 0
    while offset + 8 <= bytes.count {
      mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var last: UInt64 = 0
    for index in offset..<bytes.count { last = last << 8 | UInt64(bytes[index]) }
    mix(last)
    mix(seed.1)
    mix(seed.0)
    return Digest(first: first, second: second)
  }
}

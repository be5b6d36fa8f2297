/// Runs a classic BPF program of a seccomp filter on one call (include/uapi/linux/bpf_common.h).
struct FilterInterpreter {
  let program: [UInt64]

  struct CallData {
    var number: Int32
    var architecture: UInt32
    var arguments: [UInt64]

    /// A 32-bit word of `struct seccomp_data`.
    func word(at offset: UInt32) -> UInt32? {
      switch offset {
      case 0: return UInt32(bitPattern: number)
      case 4: return architecture
      case 8, 12: return 0
      case 16..<64 where offset % 4 == 0:
        let value = arguments[Int(offset - 16) / 8]
        return UInt32(truncatingIfNeeded: offset % 8 == 0 ? value : value >> 32)
      default: return nil
      }
    }
  }

  /// The filter's result, or nil if the program is not valid.
  func run(_ data: CallData) -> UInt32? {
    var accumulator: UInt32 = 0
    var position = 0
    while position < program.count {
      let instruction = program[position]
      let code = UInt16(truncatingIfNeeded: instruction)
      let k = UInt32(truncatingIfNeeded: instruction >> 32)
      let jumpTrue = Int(UInt8(truncatingIfNeeded: instruction >> 16))
      let jumpFalse = Int(UInt8(truncatingIfNeeded: instruction >> 24))
      position += 1
      switch code {
      case 0x20:
        guard let word = data.word(at: k) else { return nil }
        accumulator = word
      case 0x54: accumulator &= k
      case 0x05: position += Int(k)
      case 0x15: position += accumulator == k ? jumpTrue : jumpFalse
      case 0x25: position += accumulator > k ? jumpTrue : jumpFalse
      case 0x35: position += accumulator >= k ? jumpTrue : jumpFalse
      case 0x06: return k
      default: return nil
      }
    }
    return nil
  }
}

/// Programs as execve(2) reads them.
enum Elf {
  /// The header of a 64-bit program, with one PT_LOAD and, if it is dynamic, one PT_INTERP.
  static func bytes(interpreter: String?) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64)
    bytes.replaceSubrange(0..<8, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])
    func put(_ value: UInt64, _ size: Int, at offset: Int) {
      for index in 0..<size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    }
    put(64, 8, at: 32)
    put(56, 2, at: 54)
    put(interpreter == nil ? 1 : 2, 2, at: 56)
    bytes += [UInt8](repeating: 0, count: interpreter == nil ? 56 : 112)
    put(1, 4, at: 64)
    if let interpreter {
      put(3, 4, at: 120)
      put(UInt64(bytes.count), 8, at: 128)
      put(UInt64(interpreter.utf8.count + 1), 8, at: 152)
      bytes += Array(interpreter.utf8) + [0]
    }
    return bytes
  }
}

import Tracing

/// Tells what a process has written apart from what another has, of many that go on at a time.
///
/// A number that is given to a process by name stands for that process: the kernel gives others in another run.
final class OutputDigest {
  private let names: [UInt32: UInt32]
  private var state: SHA256? = SHA256()
  /// The number that has begun.
  private var digits: [UInt8] = []
  /// Longer ones are no process's.
  private static let mostDigits = 7

  /// - Parameter names: by the number that the guest's kernel has given.
  init(_ names: [UInt32: UInt32] = [:]) { self.names = names }

  func add(_ bytes: UnsafeRawBufferPointer) {
    guard !names.isEmpty else {
      state?.add(bytes)
      return
    }
    var plain: [UInt8] = []
    for byte in bytes {
      if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        digits.append(byte)
      } else {
        plain += takeNumber() + [byte]
      }
    }
    state?.add(plain)
  }

  func finish() -> [UInt8] {
    state?.add(takeNumber())
    return state.take()?.finish() ?? []
  }

  private func takeNumber() -> [UInt8] {
    defer { digits.removeAll(keepingCapacity: true) }
    guard digits.count <= Self.mostDigits, digits.first != UInt8(ascii: "0"),
      let name = UInt32(String(decoding: digits, as: UTF8.self)).flatMap({ names[$0] })
    else { return digits }
    return Array("\0process \(name)\0".utf8)
  }
}

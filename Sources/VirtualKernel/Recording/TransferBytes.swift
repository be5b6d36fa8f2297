import Glibc
import SystemPackage

/// Where a call that moves bytes has them: its second and third arguments, as Linux orders them in nearly all of these calls.
enum TransferBytes {
  /// An address and a length.
  case range
  /// An array of `iovec` and its length.
  case vector
  /// A `msghdr`.
  case message
  /// An array of `mmsghdr` and its length.
  case messages
  /// The same as `range` and `vector` of two numbers that are no arguments.
  case rangeAt(UInt64, UInt64)
  case vectorAt(UInt64, UInt64)
  /// Some, and nobody knows where.
  case unknown
  /// Bytes that are never in the caller's memory, and the index of the argument that counts them.
  case count(Int)

  /// IOV_MAX.
  private static let longestVector: UInt64 = 1024

  /// Calls `body` with an address and a length for each part until it returns false. What cannot be read is left out: the kernel says
  /// so itself.
  func forEachRange(_ call: Call, _ body: (UInt64, Int) -> Bool) {
    switch self {
    case .count, .unknown: return
    case .rangeAt(let address, let count): _ = body(address, Int(clamping: count))
    case .vectorAt(let address, let count): _ = Self.forEach(call, address, count, body)
    case .range: _ = body(call.arguments.1, Int(clamping: call.arguments.2))
    case .vector: _ = Self.forEach(call, call.arguments.1, call.arguments.2, body)
    case .message:
      // msg_iov and msg_iovlen follow the name, its length and padding.
      guard let vector = try? call.read((UInt64, UInt64).self, at: call.arguments.1 &+ 16) else { return }
      _ = Self.forEach(call, vector.0, vector.1, body)
    case .messages:
      for index in 0..<min(call.arguments.2 & 0xffff_ffff, Self.longestVector) {
        guard let vector = try? call.read((UInt64, UInt64).self, at: call.arguments.1 &+ 64 &* index &+ 16),
          Self.forEach(call, vector.0, vector.1, body)
        else { return }
      }
    }
  }

  /// - Returns: whether `body` always returned true.
  private static func forEach(
    _ call: Call, _ address: UInt64, _ count: UInt64, _ body: (UInt64, Int) -> Bool
  ) -> Bool {
    guard count <= longestVector,
      let vector = try? call.readBytes(at: address, count: Int(count) * MemoryLayout<iovec>.size)
    else { return false }
    return vector.withUnsafeBytes { bytes in
      for offset in stride(from: 0, to: bytes.count, by: 16) {
        let start = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let length = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
        if length > 0, !body(start, Int(clamping: length)) { return false }
      }
      return true
    }
  }

  /// Whether the bytes are nowhere in the caller's memory.
  var areElsewhere: Bool {
    switch self {
    case .count, .unknown: true
    default: false
    }
  }

  /// How many bytes the call asks for.
  func total(_ call: Call) -> UInt64 {
    if case .count(let index) = self {
      let all = call.arguments
      return [all.0, all.1, all.2, all.3, all.4, all.5][index]
    }
    if case .unknown = self { return 1 }
    var total: UInt64 = 0
    forEachRange(call) { _, length in
      total = total &+ UInt64(length)
      return true
    }
    return total
  }
}

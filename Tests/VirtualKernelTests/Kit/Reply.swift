import SystemPackage

@testable import VirtualKernel

/// What the guest sees of a call: an `Outcome` that can be compared, or the errno.
enum Reply: Equatable {
  case value(Int64)
  /// The number of the descriptor in the guest.
  case descriptor(Int32)
  /// The kernel runs the caller's own call.
  case continued
  /// The caller makes the call again with these arguments, without zeros at the end.
  case repeated([UInt64])
  case error(Errno)

  static let done = Reply.value(0)
}

/// What a test can give as an argument of a call.
protocol GuestArgument {
  func register(in memory: MockMemory) -> UInt64
}

extension FixedWidthInteger where Self: SignedInteger {
  func register(in memory: MockMemory) -> UInt64 { UInt64(bitPattern: Int64(self)) }
}

extension Int: GuestArgument {}
extension Int32: GuestArgument {}
extension Int64: GuestArgument {}

extension UInt32: GuestArgument {
  func register(in memory: MockMemory) -> UInt64 { UInt64(self) }
}

extension UInt64: GuestArgument {
  func register(in memory: MockMemory) -> UInt64 { self }
}

/// A path, NUL-terminated in guest memory, right before a page that is not mapped.
extension String: GuestArgument {
  func register(in memory: MockMemory) -> UInt64 { memory.place(self) }
}

/// Bytes of guest memory.
extension [UInt8]: GuestArgument {
  func register(in memory: MockMemory) -> UInt64 { memory.place(self) }
}

extension Errno {
  static let crossDevice = Errno(rawValue: 18)
  static let noDevice = Errno(rawValue: 6)
  static let tooBig = Errno(rawValue: 7)
}

import SystemPackage

/// Who runs a system call. Every number has exactly one disposition; a number that is not in the
/// registry is answered with ENOSYS.
public enum Disposition: Sendable, Equatable {
  /// The kernel runs the call unseen: it only touches the caller's own memory, or descriptors that
  /// are safe by construction.
  case native
  /// The supervisor answers; the kernel never runs the call.
  case emulate
  /// The supervisor prepares, then the kernel runs the caller's own call. Whatever a racing thread
  /// writes into the arguments afterwards must stay harmless.
  case gate
  /// Nobody runs the call.
  case deny(Errno)
}

/// A condition on one register argument under which the kernel runs a call unseen although its
/// entry says otherwise. The filter compares `argument & mask` with `value`.
public struct ArgumentCondition: Sendable, Equatable {
  /// How the masked argument is compared with `value`.
  public enum Comparison: Sendable, Equatable { case equal, notEqual }

  /// Index of the argument register, 0 to 5.
  public let argument: UInt32
  public let mask: UInt64
  public let comparison: Comparison
  public let value: UInt64

  /// The low 32 bits equal `value`: the kernel takes `int`, `unsigned int` and `mode_t` arguments from the
  /// low half of the register, so a filter that compared all 64 bits could be passed by garbage in the high half.
  public static func low32(_ argument: UInt32, equals value: UInt32) -> ArgumentCondition {
    ArgumentCondition(argument: argument, mask: 0xffff_ffff, comparison: .equal, value: UInt64(value))
  }

  /// The low 32 bits differ from `value`. libseccomp has no masked "not equal", so this holds when all 64
  /// bits differ; garbage in the high half then makes the condition true, which the user of it must allow for.
  public static func differs(_ argument: UInt32, from value: UInt64) -> ArgumentCondition {
    ArgumentCondition(argument: argument, mask: .max, comparison: .notEqual, value: value)
  }

  /// The low 32 bits differ from `value`. libseccomp has no such comparison, so no condition of `nativeWhen` is one.
  public static func low32(_ argument: UInt32, differsFrom value: UInt32) -> ArgumentCondition {
    ArgumentCondition(argument: argument, mask: 0xffff_ffff, comparison: .notEqual, value: UInt64(value))
  }

  /// Of the bits `mask`, exactly those of `value` are set.
  public static func bits(_ argument: UInt32, of mask: UInt64, equal value: UInt64) -> ArgumentCondition {
    ArgumentCondition(argument: argument, mask: mask, comparison: .equal, value: value)
  }

  /// No bit of `bits` is set.
  public static func clear(_ argument: UInt32, bits: UInt64) -> ArgumentCondition {
    ArgumentCondition(argument: argument, mask: bits, comparison: .equal, value: 0)
  }
}

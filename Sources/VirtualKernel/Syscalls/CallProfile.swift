import SystemPackage

/// Which calls a guest has.
public enum CallProfile: String, Sendable, CaseIterable {
  /// What programs on Linux use.
  case standard
  /// Without what few programs need (`--strict-calls`): less of the kernel can be reached.
  case strict
}

/// What the strict profile makes of a call.
public struct StrictRule: Sendable {
  public let errno: Errno
  /// Alternatives: the call is as ever when all conditions of any of them hold.
  public let nativeWhen: [[ArgumentCondition]]
}

extension SyscallEntry {
  /// The strict profile refuses the call, unless an alternative of `nativeWhen` holds.
  func strict(_ errno: Errno, nativeWhen: [[ArgumentCondition]] = []) -> SyscallEntry {
    var entry = self
    entry.strictRule = StrictRule(errno: errno, nativeWhen: nativeWhen)
    return entry
  }

  /// The entry that holds under a profile.
  public func under(_ profile: CallProfile) -> SyscallEntry {
    guard profile == .strict, let strictRule else { return self }
    return .deny(number, strictRule.errno, reason, missing: missing, nativeWhen: strictRule.nativeWhen)
  }
}

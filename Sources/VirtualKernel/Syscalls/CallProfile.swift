import SystemPackage

/// Which calls a guest has.
public enum CallProfile: String, Sendable, CaseIterable {
  /// What programs on Linux use.
  case standard
  /// Without what few programs need (`--strict-calls`): less of the kernel can be reached.
  case strict
}

/// What decides which entry of the registry holds in a run.
public struct CallRules: Sendable, Equatable {
  public var profile: CallProfile
  /// The guest's random numbers come from the run's seed.
  public var isSeeded: Bool

  public init(_ profile: CallProfile = .standard, isSeeded: Bool = false) {
    self.profile = profile
    self.isSeeded = isSeeded
  }
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

  /// The supervisor answers where the run has a seed; a strict profile has no say then.
  func seeded(_ handler: @escaping Handler) -> SyscallEntry {
    var entry = self
    entry.seededHandler = handler
    return entry
  }

  /// The entry that holds in a run.
  public func under(_ rules: CallRules) -> SyscallEntry {
    if rules.isSeeded, let seededHandler { return .emulate(number, seededHandler, reason, missing: missing) }
    guard rules.profile == .strict, let strictRule else { return self }
    return .deny(number, strictRule.errno, reason, missing: missing, nativeWhen: strictRule.nativeWhen)
  }
}

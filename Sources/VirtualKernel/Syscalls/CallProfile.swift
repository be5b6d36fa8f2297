import SystemPackage

/// Which calls a guest has.
public enum CallProfile: String, Sendable, CaseIterable {
  /// What programs on Linux use.
  case standard
  /// Without what few programs need (`--strict-calls`): less of the kernel can be reached.
  case strict
}

/// What the user has asked for that changes who answers a call.
public struct CallVariants: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The guest's random numbers come from the run's seed.
  public static let seeded = CallVariants(rawValue: 1)
  /// The guest's clocks are virtual.
  public static let timed = CallVariants(rawValue: 2)
  /// The numbers of processes are made of who they are.
  public static let numbered = CallVariants(rawValue: 4)
  /// What is asked of the machine is the same on every machine.
  public static let uniform = CallVariants(rawValue: 8)
  /// Instructions that ask the processor are answered as calls are.
  public static let answered = CallVariants(rawValue: 16)

  /// What was done before is not done again.
  public static let skipping = CallVariants(rawValue: 32)

  /// By the name of the option that turns it on.
  static let names: [(name: String, variant: CallVariants)] = [
    ("seed", .seeded), ("time", .timed), ("process-numbers", .numbered), ("machine", .uniform),
    ("instructions", .answered), ("cache", .skipping),
  ]
}

/// What decides which entry of the registry holds in a run.
public struct CallRules: Sendable, Equatable {
  public var profile: CallProfile
  public var variants: CallVariants

  public init(_ profile: CallProfile = .standard, _ variants: CallVariants = []) {
    self.profile = profile
    self.variants = variants
  }
}

/// Who answers a call where the user has asked for one of `CallVariants`.
struct VariantRule: Sendable {
  let variant: CallVariants
  let disposition: Disposition
  let handler: Handler
  let nativeWhen: [[ArgumentCondition]]
  /// A strict profile that refuses the call still does.
  var isBelowStrict = false
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

  /// The supervisor answers in a run with this variant; a strict profile has no say then. Of two that hold the one that was said first wins.
  func emulated(
    _ variant: CallVariants, _ handler: @escaping Handler, nativeWhen: [[ArgumentCondition]] = []
  ) -> SyscallEntry {
    adding(VariantRule(variant: variant, disposition: .emulate, handler: handler, nativeWhen: nativeWhen))
  }

  /// The same for a call that the kernel still runs.
  func gated(
    _ variant: CallVariants, _ handler: @escaping Handler, nativeWhen: [[ArgumentCondition]] = []
  ) -> SyscallEntry {
    adding(VariantRule(variant: variant, disposition: .gate, handler: handler, nativeWhen: nativeWhen))
  }

  /// The same for a call that the strict profile, where it has a say, refuses as ever.
  func gatedBelowStrict(
    _ variant: CallVariants, _ handler: @escaping Handler, nativeWhen: [[ArgumentCondition]] = []
  ) -> SyscallEntry {
    adding(
      VariantRule(
        variant: variant, disposition: .gate, handler: handler, nativeWhen: nativeWhen, isBelowStrict: true))
  }

  private func adding(_ rule: VariantRule) -> SyscallEntry {
    var entry = self
    entry.variantRules.append(rule)
    return entry
  }

  /// The entry that holds in a run.
  public func under(_ rules: CallRules) -> SyscallEntry {
    let isRefused = rules.profile == .strict && strictRule != nil
    if let rule = variantRules.first(where: {
      !$0.variant.isDisjoint(with: rules.variants) && !($0.isBelowStrict && isRefused)
    }) {
      return SyscallEntry(
        number: number, disposition: rule.disposition, reason: reason, missing: missing, nativeWhen: rule.nativeWhen,
        observation: nil, handler: rule.handler)
    }
    guard rules.profile == .strict, let strictRule else { return self }
    return .deny(number, strictRule.errno, reason, missing: missing, nativeWhen: strictRule.nativeWhen)
  }
}

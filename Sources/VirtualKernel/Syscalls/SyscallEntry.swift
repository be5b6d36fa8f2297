import SystemPackage

/// Decides one notification. Runs under the virtual kernel's lock and must not block.
/// A thrown errno is the guest's result.
typealias Handler = @Sendable (_ call: Call) throws(Errno) -> Outcome

/// One line of the registry.
public struct SyscallEntry: Sendable {
  public let number: SyscallNumber
  public let disposition: Disposition
  /// Why this disposition is the right one, in one line for `uwrx syscalls`.
  public let reason: StaticString
  /// What a program would miss, or nil where support is full.
  public let missing: StaticString?
  /// Alternatives: the call is `native` when all conditions of any of them hold.
  public let nativeWhen: [[ArgumentCondition]]
  /// What the supervisor takes note of in a `native` call; nil for nothing.
  public let observation: Observation?
  let handler: Handler?
  /// What `CallProfile.strict` makes of the call; nil for no difference.
  public internal(set) var strictRule: StrictRule?
  /// What options for reproducible runs make of the call; the first that holds counts.
  var variantRules: [VariantRule] = []

  public var name: String { number.name }

  static func native(
    _ number: SyscallNumber, _ reason: StaticString, missing: StaticString? = nil, observed: Observation? = nil
  ) -> SyscallEntry {
    SyscallEntry(
      number: number, disposition: .native, reason: reason, missing: missing, nativeWhen: [], observation: observed,
      handler: nil)
  }

  static func emulate(
    _ number: SyscallNumber, _ handler: @escaping Handler, _ reason: StaticString,
    missing: StaticString? = nil, nativeWhen: [[ArgumentCondition]] = []
  ) -> SyscallEntry {
    SyscallEntry(
      number: number, disposition: .emulate, reason: reason, missing: missing, nativeWhen: nativeWhen,
      observation: nil, handler: handler)
  }

  static func gate(
    _ number: SyscallNumber, _ handler: @escaping Handler, _ reason: StaticString,
    missing: StaticString? = nil, nativeWhen: [[ArgumentCondition]] = []
  ) -> SyscallEntry {
    SyscallEntry(
      number: number, disposition: .gate, reason: reason, missing: missing, nativeWhen: nativeWhen,
      observation: nil, handler: handler)
  }

  /// - Parameter before: throws what Linux complains of earlier; the errno of the disposition if there is no such thing.
  static func deny(
    _ number: SyscallNumber, _ errno: Errno, _ reason: StaticString,
    missing: StaticString? = nil, nativeWhen: [[ArgumentCondition]] = [],
    before: (@Sendable (_ call: Call) throws(Errno) -> Void)? = nil
  ) -> SyscallEntry {
    var handler: Handler?
    if let before {
      handler = { call throws(Errno) in
        try before(call)
        throw errno
      }
    }
    return SyscallEntry(
      number: number, disposition: .deny(errno), reason: reason, missing: missing, nativeWhen: nativeWhen,
      observation: nil, handler: handler)
  }
}

extension [[ArgumentCondition]] {
  /// One alternative: all of `conditions` hold.
  static func all(_ conditions: ArgumentCondition...) -> Self { [conditions] }

  /// The low 32 bits of an argument are one of `values`: an alternative per value.
  static func low32(_ argument: UInt32, isOneOf values: [UInt32]) -> Self {
    values.map { value in [ArgumentCondition.low32(argument, equals: value)] }
  }
}

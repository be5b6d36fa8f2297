import CLinux
import CSeccomp
import Glibc
import SystemPackage
import VirtualKernel

/// The guest's filter as libseccomp makes it from the same registry: the oracle for the one that uwrx assembles itself,
/// because libseccomp takes milliseconds for a table of this size.
enum LibseccompFilter {
  struct Failure: Error { let step: String }

  private static let allow: UInt32 = 0x7fff_0000
  private static let notify: UInt32 = 0x7fc0_0000
  private static let noSuchCall: UInt32 = 0x0005_0000 | 38

  static func program(_ level: TraceLevel, _ calls: CallRules) throws -> [UInt64] {
    guard let context = seccomp_init(notify) else { throw Failure(step: "init") }
    defer { seccomp_release(context) }
    try check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, noSuchCall), "bad architecture")
    // A number of -1 is how a tracer skips a call.
    try check(seccomp_attr_set(context, SCMP_FLTATR_API_TSKIP, 1), "skipped calls")
    try check(seccomp_rule_add_exact_array(context, allow, -1, 0, nil), "skipped calls")
    for entry in Registry.entries { try add(entry.under(calls), level, to: context) }
    return try export(context)
  }

  private static func add(_ entry: SyscallEntry, _ level: TraceLevel, to context: scmp_filter_ctx) throws {
    switch entry.filtering(at: level) {
    case .allow: try add(entry.number, allow, when: [], to: context)
    case .fail(let errno): try add(entry.number, 0x0005_0000 | UInt32(errno), when: [], to: context)
    case .notify: break
    case .allowWhen(let alternatives):
      for alternative in alternatives.flatMap(withoutInequality) {
        try add(entry.number, allow, when: alternative, to: context)
      }
    }
  }

  /// libseccomp compares low halves only for equality. To differ from some numbers is to have a bit that none of them has, or to be
  /// another number of the bits that they have.
  private static func withoutInequality(_ alternative: [ArgumentCondition]) -> [[ArgumentCondition]] {
    let values = alternative.filter { $0.comparison == .notEqual && $0.mask == 0xffff_ffff }.map { UInt32($0.value) }
    guard !values.isEmpty else { return [alternative] }
    precondition(values.count == alternative.count, "inequalities beside others")
    let used = values.reduce(0, |)
    let bits = (0..<32 as Range<UInt32>).map { 1 << $0 as UInt32 }.filter { $0 & used == 0 }
    let others = (0...used).filter { $0 & ~used == 0 && !values.contains($0) }
    let argument = alternative[0].argument
    return bits.map { [.bits(argument, of: UInt64($0), equal: UInt64($0))] }
      + others.map { [.low32(argument, equals: $0)] }
  }

  private static func add(
    _ number: SyscallNumber, _ action: UInt32, when conditions: [ArgumentCondition], to context: scmp_filter_ctx
  ) throws {
    let comparisons = conditions.map { condition in
      condition.comparison == .equal
        ? scmp_arg_cmp(
          arg: condition.argument, op: SCMP_CMP_MASKED_EQ, datum_a: condition.mask, datum_b: condition.value)
        : scmp_arg_cmp(arg: condition.argument, op: SCMP_CMP_NE, datum_a: condition.value, datum_b: 0)
    }
    try check(
      seccomp_rule_add_exact_array(context, action, number.rawValue, UInt32(comparisons.count), comparisons),
      number.name)
  }

  private static func export(_ context: scmp_filter_ctx) throws -> [UInt64] {
    let file = Int32(uwrx_memfd_create("filter"))
    guard file >= 0 else { throw Failure(step: "memory file") }
    defer { close(file) }
    try check(seccomp_export_bpf(context, file), "export")
    var program = [UInt64](repeating: 0, count: 8192)
    let size = pread(file, &program, program.count * 8, 0)
    guard size > 0, size % 8 == 0 else { throw Failure(step: "read back") }
    return Array(program.prefix(size / 8))
  }

  private static func check(_ result: Int32, _ step: String) throws {
    if result < 0 { throw Failure(step: "\(step): \(Errno(rawValue: -result))") }
  }
}

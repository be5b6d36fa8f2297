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
  private static let killProcess: UInt32 = 0x8000_0000

  static func program() throws -> [UInt64] {
    guard let context = seccomp_init(notify) else { throw Failure(step: "init") }
    defer { seccomp_release(context) }
    try check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, killProcess), "bad architecture")
    // A number of -1 is how a tracer skips a call.
    try check(seccomp_attr_set(context, SCMP_FLTATR_API_TSKIP, 1), "skipped calls")
    try check(seccomp_rule_add_exact_array(context, allow, -1, 0, nil), "skipped calls")
    for entry in Registry.entries { try add(entry, to: context) }
    return try export(context)
  }

  private static func add(_ entry: SyscallEntry, to context: scmp_filter_ctx) throws {
    if !entry.nativeWhen.isEmpty {
      for alternative in entry.nativeWhen { try add(entry.number, allow, when: alternative, to: context) }
      return
    }
    switch entry.disposition {
    case .native: try add(entry.number, allow, when: [], to: context)
    case .deny(let errno): try add(entry.number, 0x0005_0000 | UInt32(errno.rawValue), when: [], to: context)
    case .emulate, .gate: break
    }
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

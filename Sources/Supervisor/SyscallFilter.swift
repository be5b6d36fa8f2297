import Glibc
import SystemPackage
import VirtualKernel

/// The seccomp filter of a guest, made from the registry: what is native is allowed, what is denied without conditions
/// is answered by the filter, and every other call, known or not, is a notification. Calls of a foreign architecture (32-bit entry
/// by int 0x80) and of the x32 ABI of x86-64 are answered with ENOSYS, as by a kernel that was built without them.
///
/// The program is assembled here and not by libseccomp, which takes milliseconds for a table of this size, as long as
/// all the rest of a start; a test compares the two. It is only built here: the guest installs it itself, in C,
/// after its last privileged step.
public struct SyscallFilter: Sendable {
  /// The instructions, each with the layout of `struct sock_filter` (include/uapi/linux/filter.h).
  public let program: [UInt64]

  /// - Parameters:
  ///   - level: calls that are only recorded are seen where they are.
  ///   - calls: which calls the guest has.
  public init(level: TraceLevel = .standard, calls: CallRules = CallRules()) {
    let actions = Registry.entries.map {
      (UInt32($0.number.rawValue), Self.action($0.under(calls).filtering(at: level)))
    }
    self.init(Self.ranges(of: actions, otherwise: .answer(Answer.notify)))
  }

  /// A filter of the other kind: every call is native but these, which answer with an errno, and a clone that makes no thread.
  /// - Parameter allowed: of those, what is native if any of the alternatives holds.
  init(refusing errnos: [SyscallNumber: Errno], but allowed: [SyscallNumber: [[ArgumentCondition]]] = [:]) {
    var actions = errnos.map { call, errno in
      let refusal = Answer.errno | UInt32(errno.rawValue)
      let action = allowed[call].map { Action.allowWhen($0, otherwise: refusal) } ?? .answer(refusal)
      return (UInt32(call.rawValue), action)
    }
    let isThread = ArgumentCondition.bits(0, of: 0x1_0000, equal: 0x1_0000)  // CLONE_THREAD
    let clone = UInt32(SyscallNumber.clone.rawValue)
    actions.append((clone, .allowWhen([[isThread]], otherwise: Answer.errno | UInt32(EPERM))))
    self.init(Self.ranges(of: actions.sorted { $0.0 < $1.0 }, otherwise: .answer(Answer.allow)))
  }

  private init(_ ranges: [Range]) {
    var assembler = Assembler()
    assembler.search(ranges[...])
    assembler.prologue()
    program = assembler.instructions.reversed()
  }

  /// What the filter does with the numbers from `first` up to the next range's.
  fileprivate struct Range {
    let first: UInt32
    let action: Action
  }

  fileprivate enum Action {
    case answer(UInt32)
    /// Allowed if any of the alternatives holds.
    case allowWhen([[ArgumentCondition]], otherwise: UInt32)
  }

  /// All numbers in ascending ranges of one action: neighbours mostly share theirs, so a search is short.
  /// - Parameter actions: by ascending number.
  private static func ranges(of actions: [(number: UInt32, action: Action)], otherwise: Action) -> [Range] {
    var ranges: [Range] = []
    var next: UInt32 = 0
    func append(_ first: UInt32, _ action: Action) {
      if case .answer(let value) = action, case .answer(let last)? = ranges.last?.action, last == value { return }
      ranges.append(Range(first: first, action: action))
    }
    for (number, action) in actions {
      if number > next { append(next, otherwise) }
      append(number, action)
      next = number + 1
    }
    append(next, otherwise)
    return ranges
  }

  private static func action(_ filtering: Filtering) -> Action {
    switch filtering {
    case .allow: .answer(Answer.allow)
    case .notify: .answer(Answer.notify)
    case .fail(let errno): .answer(Answer.errno | UInt32(errno))
    case .allowWhen(let alternatives): .allowWhen(alternatives, otherwise: Answer.notify)
    }
  }
}

/// The filter's results (include/uapi/linux/seccomp.h).
private enum Answer {
  static let errno: UInt32 = 0x0005_0000
  static let notify: UInt32 = 0x7fc0_0000
  static let allow: UInt32 = 0x7fff_0000
}

/// Writes a BPF program from its end to its start: jumps go forward only, so every target is then known.
private struct Assembler {
  /// In reverse order.
  var instructions: [UInt64] = []

  /// The instruction written last, as a target of jumps.
  private typealias Label = Int
  private var here: Label { instructions.count - 1 }

  /// Offsets in `struct seccomp_data` of the number, the architecture and the first argument's low half.
  private enum Field {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4
    static func low(_ argument: UInt32) -> UInt32 { 16 + 8 * argument }
    static func high(_ argument: UInt32) -> UInt32 { 20 + 8 * argument }
  }

  // MARK: - Instructions (include/uapi/linux/bpf_common.h)

  private mutating func emit(_ code: UInt16, _ k: UInt32, jumpTrue: Int = 0, jumpFalse: Int = 0) {
    precondition((0...255).contains(jumpTrue) && (0...255).contains(jumpFalse), "a conditional jump is too long")
    instructions.append(UInt64(code) | UInt64(jumpTrue) << 16 | UInt64(jumpFalse) << 24 | UInt64(k) << 32)
  }

  private mutating func answer(_ value: UInt32) { emit(0x06, value) }
  private mutating func load(_ field: UInt32) { emit(0x20, field) }
  private mutating func and(_ mask: UInt32) { emit(0x54, mask) }
  private mutating func jump(to target: Label) { emit(0x05, UInt32(here - target)) }

  /// Jumps on equality, or on greater or equal. nil is the instruction that follows.
  private mutating func jumpEqual(_ value: UInt32, then: Label?, else: Label?) {
    emit(0x15, value, jumpTrue: distance(then), jumpFalse: distance(`else`))
  }

  private mutating func jumpAtLeast(_ value: UInt32, then: Label?, else: Label?) {
    emit(0x35, value, jumpTrue: distance(then), jumpFalse: distance(`else`))
  }

  private func distance(_ target: Label?) -> Int { target.map { here - $0 } ?? 0 }

  // MARK: - The program

  /// Runs before the search: refuses foreign architectures and x32, and leaves the number in the accumulator.
  mutating func prologue() {
    #if arch(x86_64)
      let architecture: UInt32 = 0xc000_003e  // AUDIT_ARCH_X86_64
      let firstForeign: UInt32 = 0x4000_0000  // __X32_SYSCALL_BIT
    #elseif arch(arm64)
      let architecture: UInt32 = 0xc000_00b7  // AUDIT_ARCH_AARCH64
      let firstForeign: UInt32 = 0x8000_0000  // there is no second ABI, and no call has a negative number
    #endif
    let search = here
    let noSuchCall = Answer.errno | UInt32(ENOSYS)
    answer(noSuchCall)
    let refuse = here
    // A number of -1 is how a tracer skips a call of its tracee (ptrace(2)); the kernel runs nothing for it.
    answer(Answer.allow)
    jumpEqual(.max, then: nil, else: refuse)
    jumpAtLeast(firstForeign, then: nil, else: search)
    load(Field.number)
    let start = here
    answer(noSuchCall)
    jumpEqual(architecture, then: start, else: nil)
    load(Field.architecture)
  }

  /// A binary search of the accumulator among ranges.
  mutating func search(_ ranges: ArraySlice<SyscallFilter.Range>) {
    guard ranges.count > 1 else {
      switch ranges[ranges.startIndex].action {
      case .answer(let value): answer(value)
      case .allowWhen(let alternatives, let otherwise): allow(when: alternatives, otherwise: otherwise)
      }
      return
    }
    let middle = ranges.startIndex + ranges.count / 2
    search(ranges[middle...])
    let upper = here
    search(ranges[..<middle])
    let lower = here
    if here - upper <= 255 {
      jumpAtLeast(ranges[middle].first, then: upper, else: nil)
    } else {
      jump(to: upper)
      jumpAtLeast(ranges[middle].first, then: nil, else: lower)
    }
  }

  // MARK: - Conditions

  /// Answers with allow if all conditions of any alternative hold.
  private mutating func allow(when alternatives: [[ArgumentCondition]], otherwise result: UInt32) {
    answer(result)
    var otherwise = here
    var rest = alternatives[...]
    while let last = rest.last {
      let values = Self.valuesAtEnd(of: rest)
      answer(Answer.allow)
      let allow = here
      if let argument = last.first?.argument, values.count > 1 {
        // Many values of one argument: load it once.
        rest.removeLast(values.count)
        jumpEqual(values[0], then: allow, else: otherwise)
        for value in values.dropFirst() { jumpEqual(value, then: allow, else: nil) }
        load(Field.low(argument))
      } else {
        rest.removeLast()
        for condition in last.reversed() { test(condition, else: otherwise) }
      }
      otherwise = here
    }
  }

  /// The values of the last alternatives that compare the low half of one argument, from the last on.
  private static func valuesAtEnd(of alternatives: ArraySlice<[ArgumentCondition]>) -> [UInt32] {
    var values: [UInt32] = []
    // Half of what a conditional jump can pass over.
    for alternative in alternatives.reversed().prefix(128) {
      let condition = alternative[0]
      let value = UInt32(truncatingIfNeeded: condition.value)
      guard alternative.count == 1, condition.argument == alternatives.last?.first?.argument,
        condition == .low32(condition.argument, equals: value)
      else { break }
      values.append(value)
    }
    return values
  }

  /// Goes on with the instruction that follows if the condition holds.
  private mutating func test(_ condition: ArgumentCondition, else otherwise: Label) {
    let next = here
    let low = UInt32(truncatingIfNeeded: condition.value)
    let high = UInt32(truncatingIfNeeded: condition.value >> 32)
    switch condition.comparison {
    case .equal:
      compare(Field.low(condition.argument), UInt32(truncatingIfNeeded: condition.mask), low, else: otherwise)
      compare(Field.high(condition.argument), UInt32(truncatingIfNeeded: condition.mask >> 32), high, else: otherwise)
    case .notEqual where condition.mask == 0xffff_ffff:
      jumpEqual(low, then: otherwise, else: next)
      load(Field.low(condition.argument))
    case .notEqual:
      precondition(condition.mask == .max, "a masked inequality")
      jumpEqual(low, then: otherwise, else: next)
      load(Field.low(condition.argument))
      jumpEqual(high, then: nil, else: next)
      load(Field.high(condition.argument))
    }
  }

  private mutating func compare(_ field: UInt32, _ mask: UInt32, _ value: UInt32, else otherwise: Label) {
    guard mask != 0 else { return }
    jumpEqual(value, then: nil, else: otherwise)
    if mask != .max { and(mask) }
    load(field)
  }
}

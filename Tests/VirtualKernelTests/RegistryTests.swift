import SystemPackage
import Testing

@testable import VirtualKernel

/// The registry is the only source of what happens to a call.
struct RegistryTests {
  @Test func everyNumberHasExactlyOneEntry() {
    let numbers = Registry.entries.map(\.number)
    #expect(Set(numbers) == Set(SyscallNumber.allCases))
    #expect(numbers.count == SyscallNumber.allCases.count)
    #expect(numbers.map(\.rawValue) == numbers.map(\.rawValue).sorted())
  }

  @Test(arguments: SyscallNumber.allCases)
  func whatTheSupervisorAnswersHasAHandler(_ number: SyscallNumber) throws {
    let entry = try #require(Registry.entry(number.rawValue))
    #expect(entry.number == number)
    #expect(!"\(entry.reason)".isEmpty)
    #expect("\(entry.missing ?? "x")" != "")
    switch entry.disposition {
    case .emulate, .gate: #expect(entry.handler != nil)
    case .native:
      #expect(entry.handler == nil)
      #expect(entry.nativeWhen.isEmpty)
    case .deny(let errno):
      #expect(errno.rawValue > 0)
    }
    if entry.observation != nil { #expect(entry.disposition == .native) }
    for condition in entry.nativeWhen.joined() {
      #expect(condition.argument < 6)
      #expect(condition.value & ~condition.mask == 0)
    }
    #expect(entry.nativeWhen.allSatisfy { !$0.isEmpty })
  }

  @Test(arguments: [-1, 511, 512, 1 << 20, Int32.min, Int32.max, 0x4000_0000])
  func unknownNumberIsNoFunction(_ number: Int32) throws {
    let machine = try Machine()
    #expect(Registry.entry(number) == nil)
    var notification = machine.notification(.openat, [])
    notification.number = number
    #expect(throws: Errno.noFunction) { try machine.kernel.decide(notification) }
  }

  /// But for those of which Linux complains earlier.
  @Test(
    arguments: Registry.entries.filter { if case .deny = $0.disposition { $0.handler == nil } else { false } }
      .map(\.number))
  func deniedCallFailsWithItsErrno(_ number: SyscallNumber) throws {
    let machine = try Machine()
    guard case .deny(let errno) = Registry.entry(number.rawValue)?.disposition else { return }
    #expect(machine.call(number) == .error(errno))
  }

  @Test(arguments: Registry.entries.filter { $0.strictRule != nil }.map(\.number))
  func strictProfileRefuses(_ number: SyscallNumber) throws {
    let rule = try #require(Registry.entry(number.rawValue)?.strictRule)
    let entry = try #require(Registry.entry(number.rawValue)?.under(CallRules(.strict)))
    #expect(entry.disposition == .deny(rule.errno))
    #expect(entry.nativeWhen == rule.nativeWhen)
    let machine = try Machine(sources: [Machine.Source("/", standardTree)], calls: .strict)
    #expect(machine.call(number) == .error(rule.errno))
    // What is native there is native otherwise, too: strict only takes away.
    if Registry.entry(number.rawValue)?.disposition != .native {
      for alternative in rule.nativeWhen {
        #expect(Registry.entry(number.rawValue)?.nativeWhen.contains { $0.allSatisfy(alternative.contains) } == true)
      }
    }
  }

  @Test func nativeCallThatIsTrappedAllTheSameIsNeverContinued() throws {
    let machine = try Machine()
    for entry in Registry.entries where entry.disposition == .native {
      let isRecorded = entry.observation.map { $0.level <= .standard } ?? false
      #expect(machine.call(entry.number) == (isRecorded ? .continued : .error(.noFunction)))
    }
  }

  @Test func tableRendersEveryCall() {
    for text in [SyscallTableRenderer.text(), SyscallTableRenderer.markdown(), SyscallTableRenderer.json()] {
      for number in SyscallNumber.allCases where !text.contains(number.name) { Issue.record("\(number) is missing") }
    }
  }
}

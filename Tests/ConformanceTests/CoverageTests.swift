import Conformance
import Testing
import VirtualKernel

/// Which system calls are tested: each fixture names those that it tests.
@Suite struct CoverageTests {
  @Test("Every system call of the registry is named by a fixture")
  func everyCallIsTested() throws {
    let tested = Set(try Checkout.set.get().fixtures.flatMap(\.calls))
    #expect(Registry.entries.map(\.name).filter { !tested.contains($0) } == [])
  }

  @Test("Every call that the supervisor answers is tried with combinations of bad arguments")
  func everyCallIsCombined() throws {
    // Its flags make a process of the generator's memory; the fixture clone has them.
    let others: Set = ["clone"]
    let fixture = try #require(try Checkout.set.get()["combinations"])
    let combined = Set(fixture.calls)
    let answered = Registry.entries.filter { $0.disposition == .emulate || $0.disposition == .gate }.map(\.name)
    #expect(answered.filter { !combined.contains($0) && !others.contains($0) && !takesNothing.contains($0) } == [])
  }

  private var takesNothing: Set<String> { ["getuid", "geteuid", "getgid", "getegid"] }

  @Test("A fixture names only calls that there are, each once")
  func namesAreCalls() throws {
    let known = Set(Registry.entries.map(\.name))
    for fixture in try Checkout.set.get().fixtures {
      #expect(!fixture.calls.isEmpty, "\(fixture.name): no line \"// calls: ...\" in the first comment")
      #expect(fixture.calls.filter { !known.contains($0) } == [], "\(fixture.name)")
      #expect(fixture.calls.count == Set(fixture.calls).count, "\(fixture.name)")
    }
  }
}

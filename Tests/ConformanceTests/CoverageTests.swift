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

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// The limit of core files is what the guest was born with: at 1 the kernel makes none, whatever the host does with them.
struct CoreLimitTests {
  private let core = Int32(RLIMIT_CORE.rawValue)

  private func machine() throws -> Machine {
    let machine = try Machine()
    machine.information.limits[core] = ResourceLimit(soft: 1, hard: 1)
    return machine
  }

  static let cases: [(soft: UInt64, hard: UInt64, reply: Reply)] = [
    (0, 0, .done), (0, 1, .done), (1, 1, .done), (2, 1, .error(.invalidArgument)), (0, 2, .error(.notPermitted)),
    (.max, .max, .error(.notPermitted)),
  ]

  @Test(arguments: cases)
  func staysAsItIs(_ soft: UInt64, _ hard: UInt64, _ reply: Reply) throws {
    let machine = try machine()
    let new = ResourceLimit(soft: soft, hard: hard)
    #expect(machine.call(.setrlimit, core, machine.memory.place(value: new)) == reply)
    #expect(machine.call(.prlimit64, 0, core, machine.memory.place(value: new), 0) == reply)
    #expect(machine.information.limits[core] == ResourceLimit(soft: 1, hard: 1))
  }

  @Test func whatCannotBeReadOrDoesNotExist() throws {
    let machine = try machine()
    #expect(machine.call(.setrlimit, core, 8) == .error(.badAddress))
    let new = machine.memory.place(value: ResourceLimit(soft: 1, hard: 1))
    #expect(machine.call(.setrlimit, 99, new) == .error(.invalidArgument))
    #expect(machine.call(.prlimit64, 0, 99, new, 0) == .error(.invalidArgument))
  }
}

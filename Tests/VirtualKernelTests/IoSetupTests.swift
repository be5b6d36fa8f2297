import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// Half of what the machine has of requests stays with the host.
struct IoSetupTests {
  private static func machine(inUse: String) throws -> Machine {
    let machine = try Machine()
    machine.information.procFiles["sys/fs/aio-max-nr"] = "1000\n"
    machine.information.procFiles["sys/fs/aio-nr"] = inUse
    return machine
  }

  /// Where the ring's number is to be written.
  private static func place(_ machine: Machine) -> UInt64 { machine.memory.place(value: 0 as UInt64) }

  @Test(
    "what is in use counts, whoever uses it",
    arguments: [
      ("0\n", 500, true), ("0\n", 501, false), ("400\n", 100, true), ("400\n", 101, false), ("900\n", 1, false),
    ])
  func half(_ inUse: String, _ requests: Int, _ isAllowed: Bool) throws {
    let machine = try Self.machine(inUse: inUse)
    #expect(
      machine.call(.io_setup, requests, Self.place(machine))
        == (isAllowed ? .continued : .error(.resourceTemporarilyUnavailable)))
  }

  @Test(
    "what was let through counts until the kernel has it",
    arguments: ["\(SyscallNumber.io_setup.rawValue) 0x1 0x2\n", "running\n", nil])
  func pending(_ state: String?) throws {
    let machine = try Self.machine(inUse: "0\n")
    #expect(machine.call(.io_setup, 300, Self.place(machine)) == .continued)
    machine.information.procFiles["2/syscall"] = state
    machine.thread = machine.startThread(3)
    #expect(machine.call(.io_setup, 300, Self.place(machine)) == .error(.resourceTemporarilyUnavailable))
    machine.information.procFiles["2/syscall"] = "202 0x1 0x2\n"
    #expect(machine.call(.io_setup, 300, Self.place(machine)) == .continued)
  }

  @Test("a kernel that does not tell grants nothing") func unknown() throws {
    let machine = try Machine()
    #expect(machine.call(.io_setup, 1, Self.place(machine)) == .error(.resourceTemporarilyUnavailable))
  }

  @Test("what the kernel refuses however many there are")
  func badArguments() throws {
    let machine = try Self.machine(inUse: "0\n")
    #expect(machine.call(.io_setup, 1, 0) == .error(.badAddress))
    #expect(machine.call(.io_setup, 1, machine.memory.place(value: 1 as UInt64)) == .error(.invalidArgument))
    for count in [0, 0x7fff_ffff, 0xffff_ffff, 0x40_0001] {
      #expect(machine.call(.io_setup, count, Self.place(machine)) == .error(.invalidArgument))
    }
  }
}

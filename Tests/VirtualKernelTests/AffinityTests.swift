import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// The processors of another thread; Fixtures/affinity.c compares with Linux.
struct AffinityTests {
  private func get(_ machine: Machine, _ pid: Int32, _ length: Int, _ buffer: UInt64) -> Reply {
    machine.call(.sched_getaffinity, pid, length, buffer)
  }

  private func set(_ machine: Machine, _ pid: Int32, _ length: Int, _ mask: [UInt8]) -> Reply {
    machine.call(.sched_setaffinity, pid, length, machine.memory.place(mask))
  }

  @Test(arguments: [2, 3, 4]) func ofAnyThreadOfTheGuests(_ pid: Int32) throws {
    let machine = try Machine()
    machine.call(.getuid)
    machine.startThread(3)
    machine.information.procFiles["3/status"] = "Name:\tmock\nTgid:\t2\n"
    machine.fork(4)
    let buffer = machine.memory.place([UInt8](repeating: 7, count: 24))
    #expect(set(machine, pid, 8, [2, 0, 0, 0, 0, 0, 0, 0]) == .value(0))
    #expect(get(machine, pid, 24, buffer) == .value(16))
    #expect(
      machine.memory.bytes(at: buffer, count: 24) == [2] + [UInt8](repeating: 0, count: 15)
        + [UInt8](repeating: 7, count: 8))
    #expect(machine.information.processors.keys.map(\.rawValue) == [1000 + pid])
  }

  @Test func whichErrorComesFirst() throws {
    let machine = try Machine()
    machine.call(.getuid)
    let buffer = machine.memory.allocate(4096)
    for length in [0, 4, 12, 1 << 29, 1 << 32] { #expect(get(machine, 99, length, buffer) == .error(.invalidArgument)) }
    for pid: Int32 in [99, -1] {
      #expect(get(machine, pid, 16, 8) == .error(.noSuchProcess))
      #expect(set(machine, pid, 16, [UInt8](repeating: 0, count: 16)) == .error(.noSuchProcess))
      #expect(machine.call(.sched_setaffinity, pid, 16, 8) == .error(.badAddress))
    }
    #expect(get(machine, 2, 16, 8) == .error(.badAddress))
    #expect(get(machine, 2, 0xffff_fff8, buffer) == .value(16))
    // Nothing is read.
    #expect(machine.call(.sched_setaffinity, 2, 0, 8) == .error(.invalidArgument))
    #expect(set(machine, 2, 16, [UInt8](repeating: 0, count: 16)) == .error(.invalidArgument))
  }

  @Test("no more is read than the kernel keeps") func longMask() throws {
    let machine = try Machine()
    machine.call(.getuid)
    #expect(set(machine, 2, 4096, [1] + [UInt8](repeating: 0, count: 15)) == .value(0))
  }

  @Test("guest init may be asked, and is not the guest's to set") func ofGuestInit() throws {
    let machine = try Machine()
    machine.call(.getuid)
    #expect(get(machine, 1, 16, machine.memory.allocate(16)) == .value(16))
    #expect(set(machine, 1, 16, [UInt8](repeating: 1, count: 16)) == .error(.notPermitted))
    #expect(machine.information.processors.isEmpty)
  }

  @Test("of another user's process") func ofAnother() throws {
    let machine = try Machine()
    machine.call(.getuid)
    let parent = machine.thread
    machine.thread = machine.fork(3)
    #expect(machine.call(.setresuid, 1000, 1001, 1000) == .value(0))
    let mask: [UInt8] = [1] + [UInt8](repeating: 0, count: 15)
    #expect(set(machine, 2, 16, mask) == .error(.notPermitted))
    #expect(get(machine, 2, 16, machine.memory.allocate(16)) == .value(16))
    machine.thread = parent
    #expect(set(machine, 3, 16, mask) == .value(0))
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
    #expect(set(machine, 3, 16, mask) == .value(0))
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
  }

  @Test("a thread that has ended is nobody's, whoever has its number now") func ended() throws {
    let machine = try Machine()
    let first = machine.thread
    machine.thread = machine.startThread(3)
    machine.call(.getuid)
    machine.thread = first
    machine.process.threads[AbsTid(rawValue: 1003)] = nil
    #expect(set(machine, 3, 16, [UInt8](repeating: 1, count: 16)) == .error(.noSuchProcess))
    #expect(get(machine, 3, 16, machine.memory.allocate(16)) == .error(.noSuchProcess))
  }
}

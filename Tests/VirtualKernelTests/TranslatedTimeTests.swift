import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Testing

@testable import VirtualKernel

/// Calls that are made again with a time of the machine's; Fixtures/absolute_times.c and absolute_times_nested.c compare with Linux.
struct TranslatedTimeTests {
  private static let rule = ClockRule(epoch: 1_600_000_000_000_000_000, tick: 1000)
  private static let second: UInt64 = 1_000_000_000

  private func makeMachine() throws -> Machine {
    let machine = try Machine(clock: Self.rule)
    machine.call(.getuid)
    machine.memory.forgetPatches()
    return machine
  }

  /// A time of the guest's wall clock.
  private func place(_ machine: Machine, _ seconds: UInt64) -> UInt64 {
    let time = Self.rule.epoch + seconds * Self.second
    return machine.memory.place(
      value: timespec(tv_sec: Int(time / Self.second), tv_nsec: Int(time % Self.second)))
  }

  private func receive(_ machine: Machine, until address: UInt64) -> Reply {
    machine.call(.mq_timedreceive, 3, 4, 5, 6, address)
  }

  private func address(_ machine: Machine, _ place: Int) -> UInt64 {
    machine.information.vdso + Machine.vdsoPlaces[place]
  }

  private func made(_ machine: Machine, in place: Int) -> Reply { .repeated([3, 4, 5, 6, address(machine, place)]) }

  private func now(_ machine: Machine) -> UInt64 {
    let address = machine.memory.allocate(16)
    machine.call(.clock_gettime, CLOCK_REALTIME, address)
    return machine.memory.load(timespec.self, at: address).sinceEpoch - Self.rule.epoch
  }

  private func written(_ machine: Machine) throws -> timespec {
    try #require(machine.memory.patches.last).patch.bytes.withUnsafeBytes { $0.loadUnaligned(as: timespec.self) }
  }

  @Test("A time of the wall clock becomes one of the machine's, and moves the clock when it is over")
  func translated() throws {
    let machine = try makeMachine()
    let hostNow = machine.world.now().sinceEpoch
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 0))
    let patch = try #require(machine.memory.patches.last)
    #expect(patch.address == address(machine, 0) && patch.patch.offset == 0 && patch.patch.bytes.count == 16)
    let left = try written(machine).sinceEpoch - hostNow
    #expect(left > 4 * Self.second && left < 6 * Self.second)
    // Made again: the kernel's, as often as it makes it again after a signal.
    for _ in 0..<2 { #expect(receive(machine, until: address(machine, 0)) == .continued) }
    machine.hostTime += 5 * Self.second
    #expect(now(machine) >= 5 * Self.second)
  }

  @Test(
    "Mutexes with priority inheritance",
    arguments: [(6, true), (13, false), (13 | 0x100, true), (11, false), (11 | 0x100, true)] as [(Int32, Bool)])
  func mutexes(_ operation: Int32, _ isWallClock: Bool) throws {
    let machine = try makeMachine()
    let start = isWallClock ? Self.rule.epoch : ClockRule.uptime
    let end = start + 5 * Self.second
    let time = machine.memory.place(value: timespec(tv_sec: Int(end / Self.second), tv_nsec: Int(end % Self.second)))
    #expect(
      machine.call(.futex, 8, operation, 0, time, 0, 0)
        == .repeated([8, UInt64(operation), 0, address(machine, 0)]))
    // The machine's time since it was started.
    if !isWallClock { #expect(try written(machine).sinceEpoch == machine.hostTime + 5 * Self.second - 1000) }
  }

  @Test("What cannot be translated is the kernel's", arguments: ["no code", "no memory", "no time", "a bad one"])
  func untranslated(_ reason: String) throws {
    let machine = try makeMachine()
    var time = place(machine, 5)
    switch reason {
    case "no code": machine.information.vdso = 0
    case "no memory": machine.memory.patchError = .badAddress
    case "no time": time = 8
    default: time = machine.memory.place(value: timespec(tv_sec: 5, tv_nsec: -1))
    }
    #expect(receive(machine, until: time) == .continued)
  }

  @Test(
    "A handler's call has a place of its own, whatever stack it is on",
    arguments: [0x7ffd_0000, 0x7fff_0000, nil] as [UInt64?])
  func nested(_ stack: UInt64?) throws {
    let machine = try makeMachine()
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 0))
    let outer = machine.information.stackPointer
    machine.information.stackPointer = stack
    #expect(receive(machine, until: place(machine, 1)) == made(machine, in: 1))
    #expect(receive(machine, until: address(machine, 1)) == .continued)
    machine.hostTime += Self.second
    #expect(now(machine) < 2 * Self.second)
    machine.information.stackPointer = outer
    #expect(receive(machine, until: address(machine, 0)) == .continued)
    machine.hostTime += 4 * Self.second
    #expect(now(machine) >= 5 * Self.second)
    // The same call once more.
    #expect(receive(machine, until: place(machine, 9)) == made(machine, in: 0))
  }

  @Test("What a signal has interrupted and is made anew lasts no longer in all") func interrupted() throws {
    let machine = try makeMachine()
    let time = place(machine, 5)
    #expect(receive(machine, until: time) == made(machine, in: 0))
    let first = try written(machine).sinceEpoch
    machine.hostTime += 3 * Self.second
    machine.information.stackPointer = 0x7ffd_0000
    #expect(receive(machine, until: place(machine, 1)) == made(machine, in: 1))
    machine.information.stackPointer = 0x7ffe_0000
    #expect(receive(machine, until: time) == made(machine, in: 0))
    let again = try written(machine).sinceEpoch
    // The mocked wall clock does not go with the other.
    #expect(first - again > 2 * Self.second && first - again < 4 * Self.second)
  }

  @Test("All of a chain of processes in one memory keep out of each other's places", arguments: [3, 300])
  func chain(_ length: Int32) throws {
    let machine = try makeMachine()
    let first = machine.thread
    for number in 0..<length {
      machine.thread = machine.fork(3 + number)
      machine.information.sharing.insert(AbsTgid(rawValue: 1003 + number))
      machine.call(.getuid)
    }
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 0))
    machine.thread = first
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 1))
  }

  @Test("Parents whose numbers are others' by now make no ring") func ring() throws {
    let machine = try makeMachine()
    machine.thread = machine.fork(3, of: AbsTgid(rawValue: 1004))
    machine.call(.getuid)
    let other = machine.fork(4)
    machine.information.sharing = [AbsTgid(rawValue: 1003), AbsTgid(rawValue: 1004)]
    machine.thread = other
    machine.call(.getuid)
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 0))
  }

  @Test("A child in the same memory keeps out of its parent's places", arguments: [true, false])
  func children(_ sharesMemory: Bool) throws {
    let machine = try makeMachine()
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 0))
    let parent = machine.thread
    machine.thread = machine.fork(3)
    if sharesMemory { machine.information.sharing = [AbsTgid(rawValue: 1003)] }
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: sharesMemory ? 1 : 0))
    #expect(receive(machine, until: address(machine, sharesMemory ? 1 : 0)) == .continued)
    if sharesMemory {
      machine.thread = machine.fork(4)
      machine.information.sharing.insert(AbsTgid(rawValue: 1004))
      #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 2))
    }
    machine.thread = parent
    #expect(receive(machine, until: address(machine, 0)) == .continued)
  }

  @Test("As many threads as there are places; those of the dead are free") func threads() throws {
    let machine = try makeMachine()
    let leader = machine.thread
    let count = Machine.vdsoPlaces.count
    for index in 0..<count {
      machine.thread = index == 0 ? leader : machine.startThread(Int32(10 + index))
      #expect(receive(machine, until: place(machine, 5)) == made(machine, in: index))
    }
    machine.thread = machine.startThread(30)
    #expect(receive(machine, until: place(machine, 5)) == .continued)
    machine.process.threads[AbsTid(rawValue: 1012)] = nil
    #expect(receive(machine, until: place(machine, 5)) == made(machine, in: 2))
  }

  @Test("timer_settime gets a duration of the timer's clock", arguments: [CLOCK_REALTIME, CLOCK_MONOTONIC])
  func timers(_ clock: Int32) throws {
    let machine = try makeMachine()
    machine.information.timerClocks = [7: clock, 6: CLOCK_REALTIME]
    let end = 5 * Self.second + (clock == CLOCK_REALTIME ? Self.rule.epoch : ClockRule.uptime)
    let value = machine.memory.place(
      value: (
        timespec(tv_sec: 2, tv_nsec: 3), timespec(tv_sec: Int(end / Self.second), tv_nsec: Int(end % Self.second))
      ))
    for _ in 0..<3 {
      #expect(machine.call(.timer_settime, 7, TIMER_ABSTIME, value, 9) == .repeated([7, 0, address(machine, 0), 9]))
    }
    let bytes = try #require(machine.memory.patches.first).patch.bytes
    let told = bytes.withUnsafeBytes { $0.loadUnaligned(as: (timespec, timespec).self) }
    #expect(told.0.sinceEpoch == 2 * Self.second + 3 && told.1.sinceEpoch == 5 * Self.second - 1000)
    #expect(machine.information.timerLooks == 1)
    #expect(machine.call(.timer_settime, 99, TIMER_ABSTIME, value, 9) == .continued)
    machine.information.timerClocks[99] = clock
    #expect(machine.call(.timer_settime, 99, TIMER_ABSTIME, value) == .repeated([99, 0, address(machine, 0)]))
  }
}

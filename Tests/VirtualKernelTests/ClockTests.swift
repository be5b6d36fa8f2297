import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Testing

@testable import VirtualKernel

/// Calls that ask for the time, wait for one, or set one, in a run with a virtual clock.
struct ClockTests {
  private static let rule = ClockRule(epoch: 1_600_000_000_000_000_000, tick: 1000)
  private static let second: UInt64 = 1_000_000_000

  private static func time(_ nanoseconds: UInt64) -> timespec {
    timespec(tv_sec: Int(nanoseconds / second), tv_nsec: Int(nanoseconds % second))
  }

  private func makeMachine() throws -> Machine { try Machine(clock: Self.rule) }

  private func nanoseconds(_ machine: Machine, _ clock: Int32) -> UInt64? {
    let address = machine.memory.place([UInt8](repeating: 0, count: 16))
    guard machine.call(.clock_gettime, UInt64(UInt32(bitPattern: clock)), address) == .value(0) else { return nil }
    let time: timespec = machine.memory.load(timespec.self, at: address)
    return UInt64(time.tv_sec) * Self.second + UInt64(time.tv_nsec)
  }

  @Test(arguments: [CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI, CLOCK_REALTIME_ALARM])
  func wallClocksBeginAtTheEpoch(_ clock: Int32) throws {
    let machine = try makeMachine()
    #expect(nanoseconds(machine, clock) == Self.rule.epoch + 1000)
    #expect(nanoseconds(machine, clock) == Self.rule.epoch + 2000)
  }

  @Test(arguments: [
    CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM,
  ])
  func othersBeginAtTheUptime(_ clock: Int32) throws {
    #expect(try nanoseconds(makeMachine(), clock) == ClockRule.uptime + 1000)
  }

  /// The last is that of process 2 (clock_getcpuclockid(3)).
  @Test(arguments: [2, 3, ~2 << 3 | 2, ~2 << 3 | 6, ~0 << 3 | 2] as [Int32])
  func processorTimeIsWhatQuestionsHaveTaken(_ clock: Int32) throws {
    #expect(try nanoseconds(makeMachine(), clock) == 1000)
  }

  @Test(arguments: [10, 12, 99, ~3 << 3 | 2, ~2 << 3 | 3] as [Int32])
  func unknownClocksAreRefused(_ clock: Int32) throws {
    let machine = try makeMachine()
    #expect(machine.call(.clock_gettime, UInt64(UInt32(bitPattern: clock)), 0) == .error(.invalidArgument))
  }

  @Test func everyCallTellsTheSameTime() throws {
    let machine = try makeMachine()
    let address = machine.memory.place([UInt8](repeating: 0, count: 32))
    #expect(machine.call(.gettimeofday, address, 0) == .value(0))
    #expect(machine.memory.load(timeval.self, at: address).tv_sec == 1_600_000_000)
    #expect(machine.memory.load(timeval.self, at: address).tv_usec == 1)
    #expect(machine.call(.time, address) == .value(1_600_000_000))
    #expect(machine.call(.time, 0) == .value(1_600_000_000))
    #expect(machine.call(.times, address) == .value(Int64(ClockRule.uptime / 10_000_000)))
    #expect(machine.call(.gettimeofday, 8, 0) == .error(.badAddress))
    #expect(machine.call(.adjtimex, address) == .error(.notPermitted))
    let usage = machine.memory.place([UInt8](repeating: 1, count: 144))
    for who in [0, 1] { #expect(machine.call(.getrusage, who, usage) == .value(0)) }
    #expect(machine.memory.load(timeval.self, at: usage).tv_usec > 0)
    #expect(machine.call(.getrusage, 2, usage) == .error(.invalidArgument))
  }

  @Test("A sleep moves the clock if it lasted", arguments: [true, false])
  func sleeps(_ lasts: Bool) throws {
    let machine = try makeMachine()
    let time = machine.memory.place(value: timespec(tv_sec: 3, tv_nsec: 0))
    #expect(machine.call(.nanosleep, time, 0) == .continued)
    machine.hostTime += lasts ? 3 * Self.second : Self.second
    let now = try #require(nanoseconds(machine, CLOCK_REALTIME))
    #expect(now - Self.rule.epoch == (lasts ? 3 * Self.second + 2000 : 2000))
  }

  /// Of each call that waits the argument that holds the time, as it is given.
  @Test(
    arguments: [
      (SyscallNumber.poll, 2, 2000), (.epoll_wait, 3, 2000), (.epoll_pwait, 3, 2000), (.ppoll, 2, nil),
      (.pselect6, 4, nil),
      (.select, 4, nil), (.epoll_pwait2, 3, nil), (.rt_sigtimedwait, 2, nil), (.semtimedop, 3, nil),
      (.recvmmsg, 4, nil),
      (.futex, 3, nil),
    ] as [(SyscallNumber, Int, Int?)])
  func waitsMoveTheClock(_ number: SyscallNumber, _ argument: Int, _ milliseconds: Int?) throws {
    let machine = try makeMachine()
    var arguments = [UInt64](repeating: 0, count: 6)
    arguments[argument] =
      milliseconds.map { UInt64($0) } ?? machine.memory.place(value: timespec(tv_sec: 2, tv_nsec: 0))
    let reply = machine.call(
      number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])
    #expect(reply == .continued)
    machine.hostTime += 2 * Self.second
    #expect(nanoseconds(machine, CLOCK_REALTIME) == Self.rule.epoch + 2 * Self.second + 2000)
  }

  /// Whatever a guest gives, the supervisor goes on.
  @Test(
    "Takes any time",
    arguments: [
      (18_446_744_073, 999_999_999), (.max, 999_999_999), (.max, .max), (-1, 0), (.min, .min), (1 << 32, 0), (0, -1),
      (0, 1),
    ] as [(Int, Int)], [0, 1_600_000_000_000_000_000] as [UInt64])
  func anyTime(_ time: (seconds: Int, nanoseconds: Int), _ epoch: UInt64) throws {
    let machine = try Machine(clock: ClockRule(epoch: epoch, tick: 1_000_000_000))
    let value = timespec(tv_sec: time.seconds, tv_nsec: time.nanoseconds)
    let address = machine.memory.place(value: value)
    let word = machine.memory.place(value: UInt32(7))
    let node = Node(Volume(device: 96, isReadOnly: false), mode: FileType.regular | 0o600)
    let timer = machine.process.files.insert(OpenFile(node, flags: O_RDWR, name: "monotonic timer"))
    let both = machine.memory.place(value: (value, value))
    for flags in [0, 1] {
      for clock in [0, 1, 2, 7] { _ = machine.call(.clock_nanosleep, UInt64(clock), UInt64(flags), address, 0) }
      _ = machine.call(.timerfd_settime, timer, UInt64(flags), both, 0)
      _ = machine.call(.timer_settime, 5, UInt64(flags), both, 0)
    }
    for number in [SyscallNumber.nanosleep, .ppoll, .select, .pselect6, .epoll_pwait2, .setitimer] {
      _ = machine.call(number, address, both, address, address, address, 0)
    }
    for operation in [0, 9, 137] as [UInt64] { _ = machine.call(.futex, word, operation, 7, address, 0, 0xffff_ffff) }
    _ = machine.call(.setitimer, 0, both, 0)
    for _ in 0..<3 {
      machine.hostTime &+= UInt64.max / 5
      #expect(nanoseconds(machine, CLOCK_MONOTONIC) != nil)
    }
  }

  @Test func waitsWithoutATimeAreTheKernels() {
    for number in [SyscallNumber.poll, .futex, .ppoll, .epoll_wait, .select, .pselect6] {
      let entry = Registry.entry(number.rawValue)?.under(CallRules(.standard, .timed))
      #expect(entry?.nativeWhen.isEmpty == false)
      #expect(Registry.entry(number.rawValue)?.under(CallRules()).disposition == .native)
    }
  }

  @Test("A sleep to a time of the clock lasts as long as it is to it", arguments: [CLOCK_REALTIME, CLOCK_MONOTONIC])
  func absoluteSleeps(_ clock: Int32) throws {
    let machine = try makeMachine()
    let now = try #require(nanoseconds(machine, clock))
    let time = machine.memory.place(value: Self.time(now + 5 * Self.second))
    #expect(machine.call(.clock_nanosleep, UInt64(clock), UInt64(TIMER_ABSTIME), time, 0) == .value(0))
    #expect(machine.waits.map { $0.hostEnd - machine.hostTime } == [5 * Self.second - 1000])
    #expect(nanoseconds(machine, clock) == now + 5 * Self.second + 1000)
    // What is over is over.
    #expect(machine.call(.clock_nanosleep, UInt64(clock), UInt64(TIMER_ABSTIME), time, 0) == .value(0))
    #expect(machine.waits.count == 1)
  }

  /// ERESTARTNOHAND: the kernel makes EINTR of it if a handler runs. What any thread of the process may take has perhaps been taken by another.
  @Test(
    arguments: [(.own, .error(Errno(rawValue: 514))), (.ofProcess, .error(.interrupted)), (.none, .value(0))]
      as [(
        PendingSignal, Reply
      )])
  func signalsEndASleep(_ signal: PendingSignal, _ reply: Reply) throws {
    let machine = try makeMachine()
    machine.information.pending[machine.thread] = signal
    let time = machine.memory.place(value: Self.time(Self.rule.epoch + 5 * Self.second))
    #expect(machine.call(.clock_nanosleep, UInt64(CLOCK_REALTIME), UInt64(TIMER_ABSTIME), time, 0) == reply)
  }

  @Test func futexesWaitForTheWordOrTheTime() throws {
    let machine = try makeMachine()
    let (word, other) = (machine.memory.place(value: UInt32(7)), machine.memory.place(value: UInt32(8)))
    let time = machine.memory.place(value: Self.time(ClockRule.uptime + 5 * Self.second))
    // FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG
    #expect(machine.call(.futex, word, 137, 7, time, 0, 0xffff_ffff) == .error(.timedOut))
    #expect(nanoseconds(machine, CLOCK_MONOTONIC) == ClockRule.uptime + 5 * Self.second + 1000)
    #expect(machine.call(.futex, other, 137, 7, time, 0, 0xffff_ffff) == .error(.resourceTemporarilyUnavailable))
    let wait = try #require(machine.waits.first)
    #expect(wait.poll(at: machine.hostTime) == nil)
    #expect(wait.poll(at: machine.hostTime + Self.second) == .success(0))
    try withUnsafeBytes(of: UInt32(9)) { try machine.memory.write(machine.thread, at: word, $0) }
    #expect(wait.poll(at: machine.hostTime) == .success(0))
    #expect(machine.call(.futex_waitv, word, 1, 0, time, 0) == .error(.noFunction))
  }

  @Test("What was woken without a cause does not wait longer in all")
  func repeatedWaits() throws {
    let machine = try makeMachine()
    let word = machine.memory.place(value: UInt32(7))
    let time = machine.memory.place(value: Self.time(ClockRule.uptime + 5 * Self.second))
    guard case .waiting(let first) = try machine.decide(.futex, word, 137, 7, time, 0, 0xffff_ffff) else {
      Issue.record("it does not wait")
      return
    }
    machine.hostTime += Self.second
    guard case .waiting(let second) = try machine.decide(.futex, word, 137, 7, time, 0, 0xffff_ffff) else {
      Issue.record("it does not wait")
      return
    }
    #expect(first.hostEnd == second.hostEnd)
  }

  @Test func timersMoveTheClockWhenTheyHaveGoneOff() throws {
    let machine = try makeMachine()
    #expect(machine.call(.alarm, 2) == .continued)
    machine.hostTime += Self.second
    #expect(nanoseconds(machine, CLOCK_REALTIME) == Self.rule.epoch + 2000)
    machine.hostTime += Self.second
    #expect(nanoseconds(machine, CLOCK_REALTIME) == Self.rule.epoch + 2 * Self.second + 2000)
    let each = machine.memory.place(value: (timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)))
    #expect(machine.call(.setitimer, 0, each, 0) == .continued)
    machine.hostTime += 3 * Self.second
    let later = try #require(nanoseconds(machine, CLOCK_REALTIME))
    #expect(later / Self.second == Self.rule.epoch / Self.second + 5)
    #expect(machine.call(.alarm, 0) == .continued)
    machine.hostTime += 3 * Self.second
    #expect(nanoseconds(machine, CLOCK_REALTIME) == later + 1000)
  }

  @Test("A timer for a time of the clock is one for as long as it is to it", arguments: [true, false])
  func timerDescriptors(_ isMonotonic: Bool) throws {
    let machine = try makeMachine()
    let node = Node(Volume(device: 96, isReadOnly: false), mode: FileType.regular | 0o600)
    let name = isMonotonic ? "monotonic timer" : "timer"
    let descriptor = machine.process.files.insert(OpenFile(node, flags: O_RDWR, name: name))
    let start = isMonotonic ? ClockRule.uptime : Self.rule.epoch
    let value = (timespec(), Self.time(start + 4 * Self.second))
    let old = machine.memory.place([UInt8](repeating: 0, count: 32))
    #expect(machine.call(.timerfd_settime, descriptor, 1, machine.memory.place(value: value), old) == .value(0))
    #expect(machine.descriptors.timers.map(\.first) == [4 * Self.second - 1000])
    #expect(machine.memory.load(SIMD4<Int64>.self, at: old) == SIMD4(0, 0, 7, 0))
  }

  @Test("A timer whose descriptor was closed moves no clock", arguments: [true, false])
  func closedTimers(_ isClosed: Bool) throws {
    let machine = try makeMachine()
    let value = machine.memory.place(value: (Self.time(Self.second), Self.time(Self.second)))
    #expect(machine.call(.timerfd_settime, 5, 0, value, 0) == .continued)
    let path = "\(machine.process.nsID.rawValue)/fdinfo/5"
    machine.information.procFiles[path] = isClosed ? nil : "clockid: 1\nit_value: (0, 3)\nit_interval: (1, 0)\n"
    let before = try #require(nanoseconds(machine, CLOCK_MONOTONIC))
    machine.hostTime += 3 * Self.second
    let after = try #require(nanoseconds(machine, CLOCK_MONOTONIC))
    #expect(isClosed ? after - before == 1000 : after - before >= 2 * Self.second)
  }

  @Test func eachProgramIsMadeToAskBeforeItRuns() throws {
    let machine = try makeMachine()
    #expect(machine.call(.execve, "/bin/tool", 0, 0) == .continued)
    #expect(machine.memory.patches.isEmpty)
    _ = machine.call(.access, "/", 0)
    #expect(machine.memory.patches.map(\.address) == [0x7fff_0000])
    #expect(machine.memory.patches.map(\.patch) == [CodePatch(offset: 16, bytes: [1, 2, 3])])
  }

  @Test func aProgramThatCannotBeMadeToAskIsEnded() throws {
    let machine = try makeMachine()
    machine.memory.patchError = .ioError
    machine.call(.execve, "/bin/tool", 0, 0)
    _ = machine.call(.access, "/", 0)
    #expect(machine.information.signals.map(\.signal) == [SIGKILL])
    #expect(machine.kernel.couldNotPatch)
  }

  @Test func whatWasThereIsOlderThanTheRunAndKeepsItsOrder() throws {
    let times = FileTimes(Self.rule, start: Self.time(1_700_000_000 * Self.second)) { _ in nil }
    let old = Self.time(1_500_000_000 * Self.second)
    #expect(times.clamped(old).sinceEpoch == old.sinceEpoch)
    var last: UInt64 = 0
    for seconds in [1_600_000_001, 1_600_000_060, 1_650_000_000, 1_699_999_990, 9_000_000_000] as [UInt64] {
      let told = times.clamped(Self.time(seconds * Self.second)).sinceEpoch
      #expect(told / Self.second == 1_599_999_999)
      #expect(told > last)
      last = told
    }
    #expect(times.clamped(timespec(tv_sec: .max, tv_nsec: 999_999_999)).sinceEpoch < Self.rule.epoch)
  }

  /// Types of files, as in st_mode.
  private static let (directory, regular, kinds) =
    (0o040000, 0o100000, [0o010000, 0o020000, 0o040000, 0o100000, 0o140000]) as (UInt32, UInt32, [UInt32])

  @Test(arguments: kinds, [1_500_000_000, 1_650_000_000, 1_800_000_000] as [UInt64])
  func whatIsNoneOfTheTreesTellsNoTimeOfTheHost(_ kind: UInt32, _ seconds: UInt64) throws {
    let times = FileTimes(Self.rule, start: Self.time(1_700_000_000 * Self.second)) { _ in nil }
    let host = Self.time(seconds * Self.second)
    var status = CLinux.stat()
    status.st_mode = kind
    status.st_mtim = host
    status.st_ctim = host
    status.st_atim = Self.time(1_700_000_001 * Self.second)
    times.translateForeign(&status)
    let isKept = (kind == Self.regular || kind == Self.directory) && seconds < 1_700_000_000
    let expected: UInt64 = isKept ? times.clamped(host).sinceEpoch : Self.rule.epoch
    for told in [status.st_mtim, status.st_ctim, status.st_atim] { #expect(told.sinceEpoch == expected) }
  }

  @Test func childrenBeginWhereTheirParentStood() throws {
    let machine = try makeMachine()
    let parent = machine.thread
    #expect(nanoseconds(machine, CLOCK_REALTIME) == Self.rule.epoch + 1000)
    machine.thread = machine.fork(3)
    let time = machine.memory.place(value: timespec(tv_sec: 1, tv_nsec: 0))
    machine.call(.nanosleep, time, 0)
    machine.hostTime += Self.second
    machine.call(.exit_group, 0)
    machine.end(AbsTgid(rawValue: 1003))
    machine.thread = parent
    // To the next millisecond.
    #expect(nanoseconds(machine, CLOCK_REALTIME) == Self.rule.epoch + Self.second + 1_001_000)
  }

  @Test func whoOutlivesItsParentBeginsWhereThatStood() throws {
    let times = try [false, true].map { endsFirst in
      let machine = try makeMachine()
      let time = machine.memory.place(value: timespec(tv_sec: 1, tv_nsec: 0))
      machine.call(.nanosleep, time, 0)
      machine.hostTime += Self.second
      #expect(nanoseconds(machine, CLOCK_REALTIME) != nil)
      let parent = machine.process.id
      let child = machine.fork(3)
      if endsFirst {
        machine.call(.exit_group, 0)
        machine.end(parent)
      }
      machine.thread = child
      return try #require(nanoseconds(machine, CLOCK_REALTIME))
    }
    #expect(times[0] == times[1] && times[0] > Self.rule.epoch + Self.second)
  }
}

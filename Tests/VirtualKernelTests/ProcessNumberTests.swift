import Glibc
import Reproducibility
import SystemPackage
import Testing

@testable import VirtualKernel

struct ProcessNumberTests {
  private func makeMachine(isNumbered: Bool = true) throws -> Machine {
    let machine = try Machine(
      sources: [Machine.Source("/", { $0.file("bin/true", "\u{7f}ELF", mode: 0o755) })], isNumbered: isNumbered)
    place(machine, 2, parent: 1, group: 2, session: 2)
    return machine
  }

  private func place(
    _ machine: Machine, _ id: Int32, parent: Int32, group: Int32, session: Int32, foreground: Int32 = -1
  ) {
    machine.information.procFiles["\(id)/stat"] =
      "\(id) (a) b (c) S \(parent) \(group) \(session) 34823 \(foreground) 4194560 9 9 0"
    machine.information.procFiles["\(id)/status"] =
      "Name:\ta\nState:\tS (sleeping)\nTgid:\t\(id)\nNgid:\t0\nPid:\t\(id)\nPPid:\t\(parent)\nTracerPid:\t0\nNSpgid:\t\(group)\n"
  }

  private func contents(_ machine: Machine, _ path: String) throws -> String {
    let descriptor = try machine.open(path, O_RDONLY)
    return machine.process.files.files[descriptor]!.node.text
  }

  private func number(_ machine: Machine, _ call: SyscallNumber = .getpid) throws -> Int32 {
    guard case .value(let value) = machine.call(call) else { throw Errno.noFunction }
    return Int32(value)
  }

  /// The calls that another one of the run's options has traps, and none else.
  @Test func withoutTheOptionNothingIsTrapped() {
    for entry in Registry.entries where entry.variantRules.contains(where: { $0.variant == .numbered }) {
      let own = entry.under(CallRules())
      #expect(own.disposition == entry.disposition && own.nativeWhen == entry.nativeWhen, "\(entry.name)")
    }
    #expect(Registry.entry(SyscallNumber.getpid.rawValue)?.under(CallRules()).disposition == .native)
    #expect(Registry.entry(SyscallNumber.getpid.rawValue)?.under(CallRules(.strict, .numbered)).disposition == .emulate)
    let ptrace = Registry.entry(SyscallNumber.ptrace.rawValue)
    #expect(ptrace?.under(CallRules(.strict, .numbered)).disposition == .deny(.notPermitted))
    #expect(ptrace?.under(CallRules(.standard, .numbered)).disposition == .gate)
  }

  @Test func aProcessKnowsItself() throws {
    let machine = try makeMachine()
    let own = try number(machine)
    #expect(ProcessNumbers.range.contains(own))
    #expect(try number(machine) == own)
    #expect(try number(machine, .gettid) == own)
    #expect(try number(makeMachine()) == own)
    for call in [.getpgrp, .getsid, .getpgid] as [SyscallNumber] { #expect(try number(machine, call) == own) }
    #expect(try number(machine, .getppid) == 1)
    machine.thread = machine.startThread(9)
    #expect(try number(machine) == own)
    #expect(try number(machine, .gettid) == 9)
  }

  @Test func itKeepsWhatItHasAskedForWhateverItRuns() throws {
    func run(asking: Bool) throws -> (Int32?, Int32) {
      let machine = try makeMachine()
      let before = asking ? try number(machine) : nil
      machine.information.procFiles["2/cmdline"] = "/bin/true"
      #expect(machine.call(.execve, "/bin/true", 0, 0) == .continued)
      return (before, try number(machine))
    }
    let (before, after) = try run(asking: true)
    #expect(before == after)
    let executed = try run(asking: false).1
    #expect(executed != after)
    #expect(try run(asking: false).1 == executed)
  }

  @Test func parentsAndGroups() throws {
    let machine = try makeMachine()
    let parent = machine.thread
    machine.call(.set_tid_address, 0)
    let child = machine.fork(3)
    place(machine, 3, parent: 2, group: 3, session: 2)
    machine.thread = child
    let known = try number(machine, .getppid)
    let (own, group, session) = try (number(machine), number(machine, .getpgrp), number(machine, .getsid))
    machine.thread = parent
    #expect(try number(machine) == known)
    #expect(known != own && group == own && session == known)
    #expect(machine.call(.getpgid, own) == .value(Int64(own)))
    #expect(machine.call(.getpgid, 3) == .value(Int64(own)))
    #expect(machine.call(.getsid, own) == .value(Int64(known)))
    #expect(machine.call(.getpgid, 4_000_000) == .error(.noSuchProcess))
    #expect(machine.call(.getpgid, -2) == .error(.noSuchProcess))
    // Its group lives on.
    let grandchild = machine.fork(4)
    place(machine, 4, parent: 1, group: 3, session: 2)
    machine.end(AbsTgid(rawValue: 1003))
    machine.thread = grandchild
    #expect(try number(machine, .getpgrp) == own)
    #expect(machine.call(.kill, -own, 15) == .repeated([UInt64(bitPattern: -3), 15]))
  }

  @Test func numbersInArguments() throws {
    let machine = try makeMachine()
    let own = try number(machine)
    #expect(machine.call(.kill, own, 15) == .repeated([2, 15]))
    #expect(machine.call(.kill, -own, 15) == .repeated([UInt64(bitPattern: -2), 15]))
    #expect(machine.call(.tgkill, own, 9, 6) == .repeated([2, 9, 6]))
    #expect(machine.call(.tgkill, own, own, 6) == .repeated([2, 2, 6]))
    #expect(machine.call(.setpgid, own, own) == .repeated([2, 2]))
    #expect(machine.call(.setpgid, 0, own) == .repeated([0, 2]))
    #expect(machine.call(.wait4, -own, 0, 1) == .repeated([UInt64(bitPattern: -2), 0, 1]))
    #expect(machine.call(.waitid, 1, own, 0, 4) == .repeated([1, 2, 0, 4]))
    #expect(machine.call(.getpriority, 0, own) == .repeated([0, 2]))
    // A user.
    #expect(machine.call(.getpriority, 2, own) == .continued)
    #expect(machine.call(.prlimit64, own, 7, 0, 0x1000) == .repeated([2, 7, 0, 0x1000]))
    #expect(machine.call(.fcntl, 0, 8, -own) == .repeated([0, 8, UInt64(bitPattern: -2)]))
    for unknown in [4_000_000, -4_000_000, .min, .max] as [Int32] {
      #expect(machine.call(.kill, unknown, 15) == .continued)
    }
  }

  @Test("A process's clock is told also to who cannot make a call again", arguments: [0, 1, 2] as [Int32])
  func clocksOfProcesses(_ kind: Int32) throws {
    let machine = try makeMachine()
    let own = try number(machine)
    let time = machine.memory.allocate(16)
    func clock(_ process: Int32, _ kind: Int32) -> UInt64 { UInt64(UInt32(bitPattern: ~process << 3 | kind)) }
    #expect(machine.call(.clock_gettime, clock(own, kind), time) == .value(0))
    #expect(machine.memory.load(timespec.self, at: time).tv_sec == 1002)
    #expect(machine.memory.load(timespec.self, at: time).tv_nsec == Int(kind))
    #expect(machine.call(.clock_gettime, clock(own, kind), 8) == .error(.badAddress))
    #expect(machine.call(.clock_getres, clock(own, kind), time) == .value(0))
    #expect(machine.memory.load(timespec.self, at: time).tv_nsec == 1 + Int(kind))
    #expect(machine.call(.clock_getres, clock(own, kind), 0) == .value(0))
    for call in [SyscallNumber.clock_gettime, .clock_getres] {
      // The kernel's number, and a thread's clock.
      #expect(machine.call(call, clock(2, kind), time) == .continued)
      #expect(
        machine.call(call, clock(own, kind | 4), time)
          == .repeated([UInt64(bitPattern: Int64(~2 << 3 | kind | 4)), time]))
    }
  }

  @Test func theFilterLetsTheKernelsNumbersPass() {
    func passes(_ call: SyscallNumber, _ value: UInt64) -> Bool {
      let entry = Registry.entry(call.rawValue)!.under(CallRules(.standard, .numbered))
      return entry.nativeWhen.contains { $0.allSatisfy { $0.argument == 0 && value & $0.mask == $0.value } }
    }
    for number in [0, 1, 2, 32768, 1 << 21 - 1] as [Int64] {
      #expect(passes(.kill, UInt64(bitPattern: number)) && passes(.kill, UInt64(bitPattern: -number)))
      #expect(passes(.kill, UInt64(UInt32(truncatingIfNeeded: -number))) && passes(.pidfd_open, UInt64(number)))
    }
    for number in [1 << 21 + 1, 1 << 22 - 1] as [Int64] {
      #expect(!passes(.kill, UInt64(number)) && !passes(.kill, UInt64(bitPattern: -number)))
      #expect(!passes(.kill, UInt64(UInt32(truncatingIfNeeded: -number))) && !passes(.pidfd_open, UInt64(number)))
    }
  }

  @Test func signalsOfWhoIsTraced() throws {
    let machine = try makeMachine()
    _ = try number(machine)
    try machine.kernel.sendSignal(SyscallNumber.kill.rawValue, (2, 15, 0, 0, 0, 0))
    #expect(machine.information.processSignals.map(\.signal) == [15])
    try machine.kernel.sendSignal(SyscallNumber.tgkill.rawValue, (2, 2, 6, 0, 0, 0))
    #expect(machine.information.signals.map(\.signal) == [6])
    for (call, arguments, errno) in [
      (.kill, (1, 9, 0, 0, 0, 0), .noSuchProcess), (.kill, (UInt64(bitPattern: -2), 9, 0, 0, 0, 0), .notPermitted),
      (.tgkill, (3, 2, 6, 0, 0, 0), .noSuchProcess), (.kill, (2, 65, 0, 0, 0, 0), .invalidArgument),
      (.setpgid, (2, 2, 0, 0, 0, 0), .notPermitted),
    ] as [(SyscallNumber, CallArguments, Errno)] {
      #expect(throws: errno) { try machine.kernel.sendSignal(call.rawValue, arguments) }
    }
    #expect(machine.information.processSignals.count == 1 && machine.information.signals.count == 1)
  }

  /// glibc's handler of SIGCANCEL compares getpid(2) with what the kernel says of the sender.
  @Test func libcsOwnSignals() throws {
    let machine = try makeMachine()
    let own = try number(machine)
    machine.information.procFiles["2/status"]! += "SigBlk:\t0000000080000000\n"
    #expect(try number(machine) == own)
    #expect(machine.call(.tgkill, own, 9, 32) == .repeated([2, 9, 32]))
    #expect(try number(machine) == 2)
    #expect(try number(machine) == own)
  }

  @Test func proc() throws {
    let machine = try makeMachine()
    let own = try number(machine)
    machine.fork(3)
    place(machine, 3, parent: 2, group: 2, session: 2)
    #expect(try machine.target("/proc/self") == "\(own)")
    #expect(try machine.target("/proc/thread-self") == "\(own)/task/\(own)")
    let wanted = "\nPid:\t\(own)\nPPid:\t1\nTracerPid:\t0\nNSpgid:\t\(own)\n"
    #expect(try contents(machine, "/proc/\(own)/status").contains(wanted))
    let status = try contents(machine, "/proc/self/status")
    #expect(try contents(machine, "/proc/2/status") == status)
    #expect(try contents(machine, "/proc/self/stat").hasPrefix("\(own) (a) b (c) R 1 \(own) \(own) 34823 -1 41"))
    // A child that has asked for nothing, and may yet execute something.
    #expect(try contents(machine, "/proc/3/stat").hasPrefix("3 (a) b (c) S \(own) \(own) \(own) 34823 -1 41"))
    let names = try machine.names("/proc")
    #expect(names.contains("\(own)") && names.contains("3") && !names.contains("2"))
    #expect(try machine.names("/proc/2/task") == ["\(own)"])
    #expect(machine.call(.chdir, "/proc/self/task") == .continued)
    #expect(machine.skeleton.root.at("proc/2")?.target == Array("\(own)".utf8))
    #expect(machine.skeleton.root.at("proc/\(own)/task") != nil)
    machine.information.procFiles["sys/kernel/pid_max"] = "32768\n"
    #expect(try contents(machine, "/proc/sys/kernel/pid_max") == "4194304\n")
    machine.end(AbsTgid(rawValue: 1003))
    #expect(machine.call(.access, "/proc/3", 0) == .error(.noSuchFileOrDirectory))
  }

  @Test func terminals() throws {
    let machine = try makeMachine()
    let own = try number(machine)
    let address = machine.memory.place(withUnsafeBytes(of: own) { Array($0) })
    #expect(machine.call(.ioctl, 0, 0x5410 as UInt64, address) == .continued)
    var written: Int32 = 0
    _ = try withUnsafeMutableBytes(of: &written) { try machine.memory.read(machine.thread, at: address, into: $0) }
    #expect(written == 2)
  }
}

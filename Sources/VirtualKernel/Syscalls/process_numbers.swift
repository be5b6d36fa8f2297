import SystemPackage

// Calls in a run with process numbers. The kernel does not know these numbers, and what answers a notification cannot change a register: a
// call that is given one is made again by the caller with the kernel's number in its place, and then checked, carried out and waited in by the
// kernel as ever. By the kernel's numbers nobody reaches what is not of the guest's pid namespace.

/// What libc sends to threads to cancel them and to change their user (nptl(7)).
private let internalSignals: ClosedRange<Int32> = 32...33
private let internalMask: UInt64 = 3 << 31

extension Syscalls {
  @Sendable static func getpid(_ call: Call) throws(Errno) -> Outcome {
    let group = call.thread.group
    if group.internalSignals > 0, isHandlingInternalSignal(call) { return .value(Int64(group.nsID.rawValue)) }
    return .value(Int64(call.kernel.processes.number(of: group)))
  }

  /// glibc's handler of such a signal does nothing unless the sender's number, which the kernel has written, is what getpid(2) answers it.
  /// While it runs the signal is blocked, which glibc lets nobody else do.
  private static func isHandlingInternalSignal(_ call: Call) -> Bool {
    guard call.kernel.information.blockedSignals(of: call.thread.nsID) & internalMask != 0 else { return false }
    call.thread.group.internalSignals -= 1
    return true
  }

  /// A thread that is not the first has the kernel's number: libc has it from clone(2), and the kernel's futexes know no other.
  @Sendable static func gettid(_ call: Call) throws(Errno) -> Outcome {
    guard call.thread.isLeader else { return .value(Int64(call.thread.nsID.rawValue)) }
    return .value(Int64(call.kernel.processes.number(of: call.thread.group)))
  }

  @Sendable static func getppid(_ call: Call) throws(Errno) -> Outcome {
    let own = try call.kernel.information.relations(of: call.thread.group.nsID.rawValue)
    return .value(Int64(call.kernel.processes.number(of: own.parent)))
  }

  @Sendable static func getpgrp(_ call: Call) throws(Errno) -> Outcome {
    let own = try call.kernel.information.relations(of: call.thread.group.nsID.rawValue)
    return .value(Int64(call.kernel.processes.number(of: own.processGroup)))
  }

  @Sendable static func getpgid(_ call: Call) throws(Errno) -> Outcome {
    .value(Int64(call.kernel.processes.number(of: try relations(call).processGroup)))
  }

  @Sendable static func getsid(_ call: Call) throws(Errno) -> Outcome {
    .value(Int64(call.kernel.processes.number(of: try relations(call).session)))
  }

  private static func relations(_ call: Call) throws(Errno) -> ProcessRelations {
    let number = Int32(truncatingIfNeeded: call.arguments.0)
    guard number >= 0 else { throw .noSuchProcess }
    let process = number == 0 ? call.thread.group.nsID.rawValue : call.kernel.processes.kernelNumber(number)
    return try call.kernel.information.relations(of: process)
  }

  /// The call with the kernel's numbers in some arguments. What is no number of a process is the kernel's to refuse.
  static func withKernelNumbers(_ call: Call, in arguments: [Int]) -> Outcome {
    var changed = call.arguments
    var hasChanged = false
    withUnsafeMutableBytes(of: &changed) { bytes in
      let registers = bytes.bindMemory(to: UInt64.self)
      for argument in arguments {
        let given = Int32(truncatingIfNeeded: registers[argument])
        // A process group (kill(2), wait(2)).
        let number = given < 0 ? 0 &- given : given
        let process = call.kernel.processes.kernelNumber(number)
        guard process != number else { continue }
        registers[argument] = UInt64(bitPattern: Int64(given < 0 ? -process : process))
        hasChanged = true
      }
    }
    return hasChanged ? .repeated(arguments: changed) : .continue
  }

  /// tkill and tgkill.
  static func signalThread(_ call: Call, in arguments: [Int]) -> Outcome {
    let signal = arguments.count == 1 ? call.arguments.1 : call.arguments.2
    if internalSignals.contains(Int32(truncatingIfNeeded: signal)) { call.thread.group.internalSignals += 1 }
    return withKernelNumbers(call, in: arguments)
  }

  /// Calls whose second argument is a number of a process by what the first says.
  static func withKernelNumber(_ call: Call, ifKindIsOneOf kinds: ClosedRange<UInt32>) -> Outcome {
    kinds.contains(UInt32(truncatingIfNeeded: call.arguments.0)) ? withKernelNumbers(call, in: [1]) : .continue
  }

  /// To ask for limits the kernel's own call is made.
  @Sendable static func numberedLimits(_ call: Call) throws(Errno) -> Outcome {
    call.arguments.2 == 0 ? withKernelNumbers(call, in: [0]) : try prlimit64(call)
  }

  /// F_SETOWN.
  @Sendable static func numberedOwner(_ call: Call) throws(Errno) -> Outcome {
    guard UInt32(truncatingIfNeeded: call.arguments.1) == setOwner else {
      try call.requireOpen()
      throw .invalidArgument
    }
    return withKernelNumbers(call, in: [2])
  }

  private static let setOwner: UInt32 = 8

  @Sendable static func numberedIoctl(_ call: Call) throws(Errno) -> Outcome {
    switch UInt32(truncatingIfNeeded: call.arguments.1) {
    case 0x540f:  // TIOCGPGRP
      guard let own = relations(withTerminal: call) else { return .continue }
      try call.write(call.kernel.processes.number(of: own.foreground), at: call.arguments.2)
      return .value(0)
    case 0x5429:  // TIOCGSID
      guard let own = relations(withTerminal: call) else { return .continue }
      try call.write(call.kernel.processes.number(of: own.session), at: call.arguments.2)
      return .value(0)
    case 0x5410:  // TIOCSPGRP
      // libc hands over a copy of its own.
      let group = try call.read(Int32.self, at: call.arguments.2)
      let known = call.kernel.processes.kernelNumber(group)
      if known != group { try call.write(known, at: call.arguments.2) }
      return try ioctl(call)
    default: return try ioctl(call)
    }
  }

  /// nil unless the descriptor is the caller's own terminal: the kernel answers for others, such as the other side of a pseudoterminal.
  private static func relations(withTerminal call: Call) -> ProcessRelations? {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let status = try? call.kernel.descriptors.status(of: descriptor, in: call.thread),
      status.st_mode & S_IFMT == S_IFCHR,
      let own = try? call.kernel.information.relations(of: call.thread.group.nsID.rawValue), own.terminal != 0
    else { return nil }
    // The kernel's new_encode_dev(): in stat's 32 bits as in st_rdev. /dev/tty is 5:0.
    let device = UInt32(truncatingIfNeeded: status.st_rdev)
    return device == own.terminal || device == 0x500 ? own : nil
  }
}

extension VirtualKernel {
  /// Sends the signal of a call to one process or thread that its caller cannot make again, since another process traces it.
  /// - Parameter arguments: with the kernel's numbers.
  /// - Throws: `.notPermitted` for every other call.
  public func sendSignal(_ number: Int32, _ arguments: CallArguments) throws(Errno) {
    let toThread = number == SyscallNumber.tgkill.rawValue
    let isSignal = toThread || [SyscallNumber.kill.rawValue, SyscallNumber.tkill.rawValue].contains(number)
    let target = Int32(truncatingIfNeeded: toThread ? arguments.1 : arguments.0)
    guard isSignal, target > 0 else { throw .notPermitted }
    let signal = Int32(truncatingIfNeeded: toThread ? arguments.2 : arguments.1)
    guard (0...64).contains(signal) else { throw .invalidArgument }
    // Guest init is no process of the guest's, and not found.
    guard let thread = processes.findThread(NsTid(rawValue: target)),
      !toThread || thread.group.nsID.rawValue == Int32(truncatingIfNeeded: arguments.0)
    else { throw .noSuchProcess }
    if number == SyscallNumber.kill.rawValue {
      try information.signal(thread.group.pidfd, signal, nil, flags: 0)
    } else {
      information.signal(thread.id, of: thread.group.id, signal)
    }
  }
}

extension SyscallEntry {
  /// In a run with process numbers some arguments may be such; a call without any is native as ever.
  /// - Parameter groups: a negative argument, of which there is one, is a process group.
  func numbered(_ arguments: Int..., groups: Bool = false) -> SyscallEntry {
    gatedBelowStrict(
      .numbered, { call throws(Errno) in Syscalls.withKernelNumbers(call, in: arguments) },
      nativeWhen: .kernelNumbers(arguments) + (groups ? .kernelGroup(arguments[0]) : []))
  }

  /// The same for a call that sends a signal to a thread.
  func numberedSignal(_ arguments: Int...) -> SyscallEntry {
    gatedBelowStrict(
      .numbered, { call throws(Errno) in Syscalls.signalThread(call, in: arguments) },
      nativeWhen: .kernelNumbers(arguments))
  }

  /// The same for the second argument if the first is one of `kinds`.
  func numbered(ifKindIsOneOf kinds: ClosedRange<UInt32>) -> SyscallEntry {
    gatedBelowStrict(
      .numbered, { call throws(Errno) in Syscalls.withKernelNumber(call, ifKindIsOneOf: kinds) },
      nativeWhen: .kernelNumbers([1]))
  }

  /// In a run with process numbers the clock may be that of a process or thread by such a number.
  func numberedClock(_ handler: @escaping Handler = Syscalls.withKernelClock) -> SyscallEntry {
    // Clocks of the machine; those of processes, and of descriptors, whose number is one of the kernel's.
    gated(
      .numbered, handler,
      nativeWhen: .all(.clear(0, bits: 1 << 31)) + [[.bits(0, of: 0xff00_0000, equal: 0xff00_0000)]])
  }
}

extension Syscalls {
  /// clock_gettime(2). A caller that another process traces cannot make a call again, and asks for the time all the same.
  @Sendable static func numberedTime(_ call: Call) throws(Errno) -> Outcome {
    guard let clock = processClock(call) else { return try withKernelClock(call) }
    try call.write(try call.kernel.information.time(ofClock: clock.kind, of: clock.process), at: call.arguments.1)
    return .value(0)
  }

  /// clock_getres(2).
  @Sendable static func numberedResolution(_ call: Call) throws(Errno) -> Outcome {
    guard let clock = processClock(call) else { return try withKernelClock(call) }
    let resolution = try call.kernel.information.resolution(ofClock: clock.kind, of: clock.process)
    if call.arguments.1 != 0 { try call.write(resolution, at: call.arguments.1) }
    return .value(0)
  }

  /// nil for one by the kernel's number, a thread's, and that of who only waits to be reaped.
  private static func processClock(_ call: Call) -> (process: AbsTgid, kind: Int32)? {
    let clock = Int32(truncatingIfNeeded: call.arguments.0)
    let process = call.kernel.processes.kernelNumber(~(clock >> 3))
    guard clock < 0, clock & 7 < 3, process != ~(clock >> 3) else { return nil }
    guard let thread = call.kernel.processes.findThread(NsTid(rawValue: process)) else { return nil }
    return (thread.group.id, clock & 7)
  }

  /// clock_getcpuclockid(3): ~number << 3, and three bits that tell which of its clocks.
  @Sendable static func withKernelClock(_ call: Call) throws(Errno) -> Outcome {
    let clock = Int32(truncatingIfNeeded: call.arguments.0)
    let number = ~(clock >> 3)
    let process = call.kernel.processes.kernelNumber(number)
    guard clock < 0, clock & 3 != 3, process != number else { return .continue }
    var arguments = call.arguments
    arguments.0 = UInt64(bitPattern: Int64(~process << 3 | clock & 7))
    return .repeated(arguments: arguments)
  }
}

extension [[ArgumentCondition]] {
  /// The bits that no number of the kernel's has, of a guest's (`ProcessNumbers.range`).
  private static var high: UInt64 { 0xffe0_0000 }

  /// None of the arguments is one of `ProcessNumbers.range`, or negative.
  static func kernelNumbers(_ arguments: [Int]) -> Self {
    [arguments.map { .bits(UInt32($0), of: high, equal: 0) }]
  }

  /// A process group by the kernel's number, or -1.
  static func kernelGroup(_ argument: Int) -> Self { [[.bits(UInt32(argument), of: high, equal: high)]] }
}

import CLinux
import Glibc
import Tracing

// How a run ends: at its limits, when the user ends it, and when all is done.
extension Supervisor {
  static let gracePeriod = 2.0
  /// How long what a command has left may take to end without a word about it.
  static let patience = 0.5
  /// How much later the watchdog kills the guest than the main loop does.
  static let watchdogDelay = 1.0

  /// The guest is asked to end; what has not after the grace period is killed.
  func endLater(_ signal: Int32) {
    endSignal = endSignal ?? signal
    if killTime == nil { killTime = ContinuousTime.now + Self.gracePeriod }
  }

  func timeout(before burial: ContinuousTime?) -> Int32 {
    let retry = mustRefuseWrites || !unrecordedLimits.isEmpty ? ContinuousTime.now + 0.01 : nil
    let next = [killTime, survivorsTime, limits.nextCheck, burial, retry].compactMap { $0 }.min()
    guard let next else { return -1 }
    return Int32(max(0, min(60_000, ((next - ContinuousTime.now) * 1000).rounded(.up))))
  }

  func enforceLimits() {
    let now = ContinuousTime.now
    switch limits.check(now, ownTime: { receiver?.processorTime(within: 0.1) }) {
    case .none: break
    case .end(let signal, let message):
      reachLimit(message)
      job?.signalAll(signal)
      endLater(signal)
    case .killed(let message):
      reachLimit(message)
      endSignal = SIGKILL
    case .refuseWrites(let message):
      reachLimit(message)
      mustRefuseWrites = true
    }
    tellKernel()
    if let bytes = limits.measured, lock.lock(within: 0.01) {
      kernel?.didMeasure(bytes)
      lock.unlock()
      limits.measured = nil
    }
    if let time = survivorsTime, time <= now { tellOfSurvivors() }
    if let time = killTime, time <= now {
      killTime = nil
      kill(launch.initPid, SIGKILL)
    }
  }

  func reachLimit(_ message: String) {
    limitHit = limitHit ?? message
    unrecordedLimits.append(message)
  }

  /// A guest that holds the virtual kernel up by something must be ended all the same: this is tried again until it succeeds.
  func tellKernel() {
    guard mustRefuseWrites || !unrecordedLimits.isEmpty, lock.lock(within: 0.05) else { return }
    defer { lock.unlock() }
    if mustRefuseWrites { kernel?.refuseWrites() }
    mustRefuseWrites = false
    for message in unrecordedLimits { record.recordLimit(message) }
    unrecordedLimits = []
  }

  func endGuest() {
    guard !hasEnded else { return }
    hasEnded = true
    launch.end()
    var status: Int32 = 0
    guard watchdog > 0 else { return }
    kill(watchdog, SIGKILL)
    while waitpid(watchdog, &status, 0) < 0, uwrx_errno() == EINTR {}
  }

  func result() -> RunResult {
    let status = commandStatus ?? 0
    var code = uwrx_wait_exited(status) != 0 ? uwrx_wait_exit_status(status) : 128 + uwrx_wait_signal(status)
    if commandStatus == nil { code = 128 + (endSignal ?? SIGKILL) }
    if limits.isTimeOver { code = 124 }
    if network?.hasFailed == true { code = 125 }
    let reported = reportLimits()
    lock.lock()
    for message in reported { record.recordLimit(message) }
    lock.unlock()
    let messages = (limitHit.map { [$0] } ?? []) + reported + refusals() + (network?.refusals ?? [])
    return RunResult(
      exitCode: code, limitHit: messages.isEmpty ? nil : messages.joined(separator: "\n"),
      directory: directory.path)
  }

  func reportLimits() -> [String] {
    lock.lock()
    let peak = kernel?.processes.peakThreadCount ?? 0
    let ranOut = kernel?.ranOutOfDescriptors ?? false
    lock.unlock()
    let signal = commandStatus.map { uwrx_wait_exited($0) != 0 ? 0 : uwrx_wait_signal($0) } ?? 0
    return limits.report(peak: peak, ranOutOfDescriptors: ranOut, signal: signal)
  }

  /// What the guest asked for and cannot have here, and what it was told does not tell the user why.
  func refusals() -> [String] {
    lock.lock()
    defer { lock.unlock() }
    guard let program = kernel?.refusedProgram else { return [] }
    return [
      "\(String(decoding: Escaping.escape(program), as: UTF8.self)) is a 32-bit program, which uwrx does not run: execve failed with ENOEXEC"
    ]
  }
}

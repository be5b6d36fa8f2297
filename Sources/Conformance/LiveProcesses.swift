import Glibc
import Supervisor

/// The process groups that we have started and not reaped yet.
final class LiveProcesses: @unchecked Sendable {
  static let shared = LiveProcesses()

  private let lock = Lock()
  private var running: Set<pid_t> = []

  /// Held while pipes are made and a program starts: between pipe and fcntl a program that another thread starts at the
  /// same time would inherit our ends and keep them open.
  func start<Result>(
    _ body: () throws(ConformanceError) -> (pid: pid_t, Result, Result)
  ) throws(ConformanceError) -> (pid: pid_t, Result, Result) {
    lock.lock()
    defer { lock.unlock() }
    let started = try body()
    running.insert(started.pid)
    return started
  }

  /// The wait status of a process that has ended, or nil. A pid that is reaped may be somebody else's at once, so it is
  /// forgotten under the same lock.
  func reap(_ pid: pid_t) -> Int32? {
    lock.lock()
    defer { lock.unlock() }
    var status: Int32 = 0
    guard waitpid(pid, &status, WNOHANG) != 0 else { return nil }
    running.remove(pid)
    return status
  }

  /// Ends all that runs and lets nothing start or be reaped any more: the process is about to exit.
  func endForGood() {
    lock.lock()
    for pid in running { kill(-pid, SIGKILL) }
    for pid in running { waitpid(pid, nil, 0) }
  }
}

import Glibc
import SystemPackage

/// Threads for work that may block, made when there is work.
final class BlockingPool: @unchecked Sendable {
  private static let maximumThreads = 8

  private let lock = Lock()
  private var jobs: [@Sendable () -> Void] = []
  private var threads = 0
  private var idle = 0
  private var isDraining = false
  /// The processor time of each thread.
  private var clocks: [clockid_t] = []

  func submit(_ job: @escaping @Sendable () -> Void) {
    lock.lock()
    defer { lock.unlock() }
    jobs.append(job)
    if idle > 0 {
      lock.signal()
    } else if threads < Self.maximumThreads, startThread({ self.work() }) {
      threads += 1
    }
  }

  /// Makes the first thread while there are no processes of the guest's yet that could keep it from being made.
  /// - Returns: false if there can be none.
  func start() -> Bool {
    lock.lock()
    defer { lock.unlock() }
    guard startThread({ self.work() }) else { return false }
    threads += 1
    return true
  }

  /// Waits until every job is done.
  func drain() {
    lock.lock()
    defer { lock.unlock() }
    isDraining = true
    while idle < threads || !jobs.isEmpty { lock.wait() }
  }

  /// Nanoseconds of processor time that the threads have used.
  var processorTime: Int64 {
    lock.lock()
    defer { lock.unlock() }
    return clocks.reduce(0) { $0 + nanoseconds(of: $1) }
  }

  private func work() {
    lock.lock()
    var clock: clockid_t = 0
    if pthread_getcpuclockid(pthread_self(), &clock) == 0 { clocks.append(clock) }
    while true {
      while jobs.isEmpty {
        idle += 1
        if isDraining { lock.signal() }
        lock.wait()
        idle -= 1
      }
      let job = jobs.removeFirst()
      lock.unlock()
      job()
      lock.lock()
    }
  }
}

/// What a clock shows.
func nanoseconds(of clock: clockid_t) -> Int64 {
  var time = timespec()
  guard clock_gettime(clock, &time) == 0 else { return 0 }
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

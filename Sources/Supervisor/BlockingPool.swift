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

  func submit(_ job: @escaping @Sendable () -> Void) {
    lock.lock()
    defer { lock.unlock() }
    jobs.append(job)
    if idle > 0 {
      lock.signal()
    } else if threads < Self.maximumThreads {
      threads += 1
      startThread { self.work() }
    }
  }

  /// Waits until every job is done.
  func drain() {
    lock.lock()
    defer { lock.unlock() }
    isDraining = true
    while idle < threads || !jobs.isEmpty { lock.wait() }
  }

  private func work() {
    lock.lock()
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

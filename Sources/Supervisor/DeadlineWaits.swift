import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Calls that wait for a time of the guest's clock: one thread looks after all of them, which lives as long as there is one.
final class DeadlineWaits: @unchecked Sendable {
  /// How a wait has ended.
  typealias Answer = (Result<Int64, Errno>) -> Void

  private struct Waiting {
    let wait: DeadlineWait
    let call: SuspendedCall
  }

  /// Between two looks, which grows while nothing happens.
  private static let shortestPause: UInt64 = 100_000
  private static let longestPause: UInt64 = 2_000_000

  private let lock = Lock()
  private var all: [Waiting] = []
  private var isRunning = false
  /// Called without the lock; nil for the result if the time is over. Set before the first wait.
  var end: (DeadlineWait, SuspendedCall, Result<Int64, Errno>?) -> Void = { _, _, _ in }

  /// - Returns: false if there can be no thread.
  func add(_ wait: DeadlineWait, _ call: SuspendedCall) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    all.append(Waiting(wait: wait, call: call))
    guard !isRunning else { return true }
    isRunning = startThread { [self] in run() }
    guard isRunning else {
      all.removeAll()
      return false
    }
    return true
  }

  /// Waits until no call waits any more. The guest has ended.
  func drain() {
    while true {
      lock.lock()
      let isDone = !isRunning
      lock.unlock()
      if isDone { return }
      usleep(500)
    }
  }

  private func run() {
    var pause = Self.shortestPause
    var known = 0
    while true {
      lock.lock()
      let waiting = all
      isRunning = !all.isEmpty
      lock.unlock()
      if waiting.isEmpty { return }
      let now = monotonicTime()
      if waiting.count != known { pause = Self.shortestPause }
      known = waiting.count
      var ended: Set<UInt64> = []
      for one in waiting {
        let result = one.wait.poll(at: now)
        let isOver = now >= one.wait.hostEnd
        guard isOver || result != nil || !one.wait.isWaiting else { continue }
        ended.insert(one.call.notification.id)
        end(one.wait, one.call, isOver ? nil : result ?? .failure(.interrupted))
      }
      if ended.isEmpty {
        pause = max(Self.shortestPause, min(pause + pause / 4, Self.longestPause))
      } else {
        pause = Self.shortestPause
        lock.lock()
        all.removeAll { ended.contains($0.call.notification.id) }
        lock.unlock()
      }
      // Looking after thousands of them leaves the processor to others most of the time.
      pause = max(pause, 4 * (monotonicTime() - now))
      let next = waiting.lazy.map(\.wait.hostEnd).min().map { $0 > now ? $0 - now : 0 } ?? pause
      var time = timespec(tv_sec: 0, tv_nsec: Int(min(pause, max(next, 20_000), 100_000_000)))
      Glibc.nanosleep(&time, nil)
    }
  }
}

/// CLOCK_MONOTONIC, in nanoseconds.
func monotonicTime() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

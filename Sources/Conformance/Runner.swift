import Glibc
import Supervisor

/// Runs cases on several threads.
public final class Runner: @unchecked Sendable {
  private let harness: Harness
  private let cases: [Case]
  private let report: @Sendable (Verdict, _ done: Int) -> Void
  private let lock = Lock()
  private var next = 0
  private var done = 0
  private var verdicts: [Verdict?]

  /// - Parameter report: called for each verdict, one at a time, as they come.
  public init(_ harness: Harness, _ cases: [Case], report: @escaping @Sendable (Verdict, _ done: Int) -> Void) {
    self.harness = harness
    self.cases = cases
    self.report = report
    verdicts = Array(repeating: nil, count: cases.count)
  }

  /// - Returns: the verdicts in the order of the cases.
  public func run(jobs: Int) -> [Verdict] {
    // This thread is one of them, so that it goes on where no other is to be had.
    for _ in 1..<max(1, min(jobs, cases.count)) where !startThread({ self.work() }) { break }
    work()
    lock.lock()
    defer { lock.unlock() }
    while done < cases.count { lock.wait() }
    return verdicts.compactMap { $0 }
  }

  private func work() {
    lock.lock()
    while next < cases.count {
      let index = next
      next += 1
      lock.unlock()
      let verdict = harness.run(cases[index])
      lock.lock()
      verdicts[index] = verdict
      done += 1
      report(verdict, done)
      if done == cases.count { lock.signal() }
    }
    lock.unlock()
  }
}

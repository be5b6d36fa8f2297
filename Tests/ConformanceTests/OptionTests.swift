import Conformance
import Testing

/// What the options of reproducible runs may not change: times, processes, signals and waits are still Linux's.
@Suite struct OptionTests {
  private static let fixtures: Set = [
    "absolute_times", "absolute_times_nested", "affinity", "clone", "epoll", "fork", "futex", "mq", "other_process",
    "pgrp", "pidfd", "poll", "proc_tasks", "process_numbers", "ptrace", "registers", "signals", "threads", "time",
    "timerfd", "utimensat", "vfork", "wait",
  ]
  private static let options = [
    ["--time", "advancing"], ["--process-numbers"], ["--reproducible", "--keep-place"],
  ]

  static let cases: [Case] = {
    let all = (try? Checkout.set.get().fixtures) ?? []
    let chosen = all.filter { fixtures.contains($0.name) }
    return options.flatMap { Case.all(of: chosen, with: $0) }
      // As an ordinary user, whom more is refused; who is root tries one of them as root, too.
      .filter { $0.ground == .source && $0.linkage == .dynamic && ($0.user == .user || $0.options == options[0]) }
  }()

  @Test("A fixture sees with an option of reproducible runs what it sees natively", arguments: cases)
  func agrees(_ test: Case) throws {
    switch try Checkout.harness.get().run(test).outcome {
    case .passed: break
    case .failed(let problems): Issue.record("\(test.description) differs\n\(problems.joined(separator: "\n"))")
    case .skipped(let reason): Issue.record("\(test.description) was not tried: \(reason)")
    }
  }

  @Test("The chosen fixtures exist")
  func fixturesExist() throws {
    let set = try Checkout.set.get()
    #expect(Self.fixtures.filter { set[$0] == nil } == [])
    #expect(!Self.cases.isEmpty)
  }
}

import VirtualKernel

/// What a run of the suite says of uwrx, by system call.
public struct Report: Sendable {
  enum State: String, CaseIterable, Sendable { case failed, passed, skipped, untested }

  struct SystemCall: Sendable {
    let entry: SyscallEntry
    /// The fixtures that test it.
    let fixtures: [String]
    let state: State
  }

  struct Difference: Sendable {
    let entry: Differences.Entry
    /// The cases that showed it.
    let cases: Int
  }

  let machine: Machine
  /// Of `uwrx run`, beside the suite's own.
  let options: String
  let verdicts: [Verdict]
  let systemCalls: [SystemCall]
  let differences: [Difference]
  let fixtures: [Fixture]
  /// The state of each fixture that was run.
  let states: [String: State]

  public init(_ verdicts: [Verdict], of harness: Harness) {
    self.verdicts = verdicts
    machine = Machine(compiler: harness.compiler)
    options = verdicts.first?.test.options.joined(separator: " ") ?? ""
    let ran = Set(verdicts.map(\.test.fixture.name))
    let fixtures = harness.set.fixtures.filter { ran.contains($0.name) }
    self.fixtures = fixtures
    let states = Dictionary(grouping: verdicts, by: \.test.fixture.name).mapValues(Self.state)
    self.states = states
    systemCalls = Registry.entries.map { entry in
      let testing = fixtures.filter { $0.calls.contains(entry.name) }.map(\.name)
      let theirs = testing.compactMap { states[$0] }
      // The worst of its fixtures; one that was not run says nothing for the call.
      return SystemCall(
        entry: entry, fixtures: testing, state: [.failed, .passed, .skipped].first { theirs.contains($0) } ?? .untested)
    }
    differences = harness.set.differences.entries.enumerated().filter { _, entry in
      ran.contains(entry.fixture) && (entry.option == nil || verdicts.contains { $0.test.has(entry.option!) })
    }
    .map { index, entry in Difference(entry: entry, cases: verdicts.count { $0.applied.contains(index) }) }
  }

  private static func state(_ verdicts: [Verdict]) -> State {
    if verdicts.contains(where: \.isFailed) { return .failed }
    return verdicts.allSatisfy(\.isSkipped) ? .skipped : .passed
  }

  public var hasFailures: Bool { verdicts.contains(where: \.isFailed) }

  var failures: [(test: Case, problems: [String])] {
    verdicts.compactMap { if case .failed(let problems) = $0.outcome { ($0.test, problems) } else { nil } }
  }

  /// The reasons for which cases were skipped, with their number.
  var skips: [(reason: String, cases: Int)] {
    let reasons = verdicts.compactMap { if case .skipped(let reason) = $0.outcome { reason } else { nil } }
    return Dictionary(grouping: reasons) { $0 }.map { ($0.key, $0.value.count) }.sorted { $0.reason < $1.reason }
  }

  var passedCases: Int { verdicts.count - failures.count - verdicts.count(where: \.isSkipped) }

  static let dispositions = ["native", "emulate", "gate", "deny"]

  func count(disposition: String) -> Int {
    systemCalls.count { SyscallTableRenderer.word($0.entry.disposition) == disposition }
  }

  func count(_ state: State) -> Int { systemCalls.count { $0.state == state } }

  /// As the last line of `uwrx test`.
  public static func summary(_ verdicts: [Verdict]) -> String {
    let failed = verdicts.count(where: \.isFailed)
    let skipped = verdicts.count(where: \.isSkipped)
    return "\(verdicts.count - failed - skipped) passed, \(failed) failed, \(skipped) skipped"
  }
}

import VirtualKernel

extension Report {
  /// One object; Conformance/README.md describes it.
  public func json() -> String {
    let cases = [("passed", passedCases), ("failed", failures.count), ("skipped", verdicts.count(where: \.isSkipped))]
    let members: [(String, String)] = [
      ("format", "1"),
      ("date", quoted(machine.date)),
      (
        "machine",
        object([
          ("distribution", quoted(machine.distribution)), ("kernel", quoted(machine.kernel)),
          ("architecture", quoted(machine.architecture)), ("processors", "\(machine.processors)"),
          ("user", quoted(machine.user)), ("compiler", quoted(machine.compiler)),
        ])
      ),
      ("options", quoted(options)),
      (
        "totals",
        object([
          ("cases", object(cases.map { ($0.0, "\($0.1)") })),
          ("dispositions", object(Self.dispositions.map { ($0, "\(count(disposition: $0))") })),
          ("systemCalls", object(State.allCases.map { ($0.rawValue, "\(count($0))") })),
        ])
      ),
      ("systemCalls", lines(systemCalls.map(json))),
      ("cases", lines(verdicts.map(json))),
      ("differences", lines(differences.map(json))),
    ]
    return "{\n" + members.map { "\(quoted($0.0)): \($0.1)" }.joined(separator: ",\n") + "\n}\n"
  }

  private func json(_ call: SystemCall) -> String {
    let members =
      SyscallTableRenderer.members(call.entry)
      + ["\"state\": \(quoted(call.state.rawValue))", "\"fixtures\": \(array(call.fixtures))"]
    return "{" + members.joined(separator: ", ") + "}"
  }

  private func json(_ verdict: Verdict) -> String {
    var members = [
      ("fixture", quoted(verdict.test.fixture.name)), ("linkage", quoted(verdict.test.linkage.rawValue)),
      ("user", quoted(verdict.test.user.rawValue)), ("ground", quoted(verdict.test.ground.rawValue)),
    ]
    switch verdict.outcome {
    case .passed: members.append(("outcome", quoted("passed")))
    case .failed(let problems): members += [("outcome", quoted("failed")), ("problems", array(problems))]
    case .skipped(let reason): members += [("outcome", quoted("skipped")), ("reason", quoted(reason))]
    }
    return object(members)
  }

  private func json(_ difference: Difference) -> String {
    object([
      ("fixture", quoted(difference.entry.fixture)), ("who", quoted(difference.entry.who)),
      ("pattern", quoted(difference.entry.pattern)), ("reason", quoted(difference.entry.reason)),
      ("cases", "\(difference.cases)"),
    ])
  }

  private func quoted(_ text: String) -> String { SyscallTableRenderer.quoted(text) }

  private func object(_ members: [(String, String)]) -> String {
    "{" + members.map { "\(quoted($0.0)): \($0.1)" }.joined(separator: ", ") + "}"
  }

  private func array(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }

  /// An element to a line.
  private func lines(_ elements: [String]) -> String {
    elements.isEmpty ? "[]" : "[\n  " + elements.joined(separator: ",\n  ") + "\n]"
  }
}

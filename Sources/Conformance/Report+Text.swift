import VirtualKernel

extension Report {
  public func text() -> String {
    var text = """
      uwrx conformance, \(machine.date)
      \(machine.distribution), Linux \(machine.kernel) on \(machine.architecture), \(machine.processors) processors, \
      as \(machine.user); \(machine.compiler)\(options.isEmpty ? "" : "\nuwrx run \(options)")

      cases         \(Self.summary(verdicts))
      system calls  \(systemCalls.count): \
      \(Self.dispositions.map { "\(count(disposition: $0)) \($0)" }.joined(separator: ", "))
      tested        \(count(.passed)) agree with Linux, \(count(.failed)) differ, \(count(.skipped)) could not be tried, \
      \(count(.untested)) untested

      """
    for skip in skips { text += "skipped       \(skip.cases): \(skip.reason)\n" }
    if hasFailures {
      text += "\nFAILURES\n"
      for failure in failures {
        text += "\n\(failure.test.description)\n"
        for problem in failure.problems { text += indented(problem) }
      }
    }
    text += "\nSYSTEM CALLS\n\n"
    for call in systemCalls { text += line(call) }
    text += "\nINTENDED DIFFERENCES\n\n"
    for difference in differences {
      let entry = difference.entry
      text += "\(entry.fixture) (\(entry.who)), in \(difference.cases) cases: \(entry.reason)\n  \(entry.pattern)\n"
    }
    return text
  }

  private func line(_ call: SystemCall) -> String {
    let columns: [(String, Int)] = [
      ("\(call.entry.number.rawValue)", 4), (call.entry.name, 24),
      (SyscallTableRenderer.word(call.entry.disposition), 8), (call.state.rawValue, 9),
    ]
    var line = columns.map { $0.0 + String(repeating: " ", count: max(1, $0.1 - $0.0.utf8.count)) }.joined()
    line += "\(call.entry.reason)"
    if let missing = call.entry.missing { line += " Missing: \(missing)." }
    if !call.fixtures.isEmpty { line += " [" + call.fixtures.joined(separator: " ") + "]" }
    return line + "\n"
  }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
  }
}

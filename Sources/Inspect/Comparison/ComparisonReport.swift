import SystemPackage
import Tracing

/// Tells in what two runs differ, first of all who made the difference.
public struct ComparisonReport {
  let comparison: TraceComparison
  let words: ComparisonWords
  let diffoscope: Diffoscope?

  /// - Parameter diffoscope: is asked about each file, too.
  public init(_ comparison: TraceComparison, diffoscope: Diffoscope? = nil) {
    self.comparison = comparison
    self.diffoscope = diffoscope
    words = ComparisonWords(comparison: comparison)
  }

  /// What the runs were given differently; of runs that are the same all the same, nothing is told.
  var settings: [TraceComparison.Setting] { comparison.isEmpty ? [] : comparison.settings }

  static func heading(_ process: TraceComparison.Process) -> String {
    process.isCulprit ? "made a difference: " : "was given something else: "
  }

  /// Nothing if the runs are the same. First what the runs and their first processes were given otherwise from outside; then those that were
  /// given the same and gave something else, by time; then those that follow from them, those that ran in one alone, and the files that
  /// differ at the end, with what differs in them.
  public func text(to output: OutputBuffer) throws(Errno) {
    for setting in settings { try line("the runs were given another ", words.setting(setting), to: output) }
    for process in comparison.byImportance {
      try line(Self.heading(process), words.process(process), to: output)
      for difference in process.inputs { try line("  got other ", words.difference(difference), to: output) }
      for difference in process.outputs { try line("  gave other ", words.difference(difference), to: output) }
    }
    for pid in comparison.onlyFirst {
      try line("only in the first: ", words.alone(pid, comparison.firstHistory), to: output)
    }
    for pid in comparison.onlySecond {
      try line("only in the second: ", words.alone(pid, comparison.secondHistory), to: output)
    }
    for file in comparison.files {
      try line("differs: ", Escaping.escape(file.path) + words.writers(file).utf8, to: output)
      for finding in comparison.contents(of: file) { try tell(finding, to: output) }
      guard let report = diffoscope?.report(on: file) else { continue }
      try line("  diffoscope:", [], to: output)
      for part in report.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        try line("    ", LineDiff.shown(part), to: output)
      }
    }
  }

  private func tell(_ finding: ContentFinding, to output: OutputBuffer) throws(Errno) {
    let (place, what) = (ComparisonWords.place(finding), ComparisonWords.finding(finding.kind))
    if !place.isEmpty || !what.isEmpty {
      let separator = place.isEmpty || what.isEmpty ? "" : ": "
      try line("  ", place + separator.utf8 + what + (what.isEmpty ? ":" : "").utf8, to: output)
    }
    for text in ComparisonWords.lines(finding.kind) {
      // A heading has its marks already.
      let mark = text.mark == UInt8(ascii: "@") ? [] : [text.mark]
      try line("    ", mark + text.text, to: output)
    }
  }

  private func line(_ what: String, _ rest: some Sequence<UInt8>, to output: OutputBuffer) throws(Errno) {
    output.append(what)
    output.append(Array(rest))
    try output.endLine()
  }
}

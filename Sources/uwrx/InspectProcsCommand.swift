import ArgumentParser
import Inspect
import Tracing

struct InspectProcsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "procs", abstract: "Lists the processes of a run.",
    discussion: """
      A command in parentheses is that of the process which it was forked from. Time and memory are known of processes that have \
      ended; - stands for what is not known.
      """)

  @OptionGroup var options: InspectOptions

  @Flag(help: "Draw who started whom (text only).")
  var tree = false

  @Flag(
    help:
      "Tell, too, in what each environment differs from that of the process's parent: + added, - removed, ~ changed.")
  var env = false

  func run() throws {
    try options.report { trace, output in
      let isInProgress = trace.isInProgress
      let history = try RunHistory(trace, accesses: false)
      let report = ProcessReport(history, isInProgress: isInProgress, showsEnvironment: env)
      switch options.format {
      case .text:
        let drawing: ProcessReport.Drawing = OutputTerminal.isUTF8 ? .boxes : .ascii
        try report.text(tree: tree ? drawing : nil, width: OutputTerminal.width, to: output)
      case .json: try report.json(to: output)
      }
      if history.isDamaged { options.warnOfDamage() }
    }
  }
}

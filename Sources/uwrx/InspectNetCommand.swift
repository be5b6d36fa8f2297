import ArgumentParser
import Inspect
import Tracing

struct InspectNetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "net", abstract: "Tells what a run did on the network that it was given: by whom, to whom, how much.",
    discussion: """
      Connections, the requests on them, the names that were asked for, and what was refused. With --format har the requests and their \
      answers, bodies and all, as a HAR file, which browsers' tools read; what is secret in them is a digest, as in the trace.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, har }

  @OptionGroup var inspected: InspectedTrace

  @Option(help: "How to print it.")
  var format = Format.text

  @Option(help: ArgumentHelp("Only what this process did; repeatable.", valueName: "pid"))
  var pid: [ProcessNumber] = []

  @Option(
    help: ArgumentHelp(
      "Only what was done with this host, a name or an address; repeatable. * ? and [ match as in a shell.",
      valueName: "host"))
  var host: [String] = []

  @Option(
    help: ArgumentHelp(
      "In a HAR file, longer bodies than this are not told, but where they are: bytes, or with K, M or G (default: 1M).",
      valueName: "size"))
  var maxBody: SizeArgument?

  func validate() throws {
    if maxBody != nil, format != .har { throw ValidationError("--max-body is for --format har") }
  }

  func run() throws {
    try inspected.report { trace, output in
      let report = try NetworkReport(trace, processes: pid, hosts: host)
      switch format {
      case .text: try report.text(width: OutputTerminal.width, to: output)
      case .json: try report.json(to: output)
      case .har:
        let damaged = try report.har(
          of: trace, version: Uwrx.version, longestBody: maxBody?.bytes ?? 1 << 20, to: output)
        for line in damaged.prefix(20) { printError("left out: \(line)") }
        if damaged.count > 20 { printError("... and \(damaged.count - 20) more") }
      }
      if report.isDamaged { inspected.warnOfDamage() }
    }
  }
}

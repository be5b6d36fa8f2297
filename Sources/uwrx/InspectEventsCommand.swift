import ArgumentParser
import Inspect
import SystemPackage
import Tracing
import VirtualKernel

struct InspectEventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Lists what the processes of a run did, in order.",
    discussion: """
      A line tells the time since the start of the run in seconds, the process, the type, the rest, and how long the call took. \
      Events of the type node, which only give a number to a path, are left out unless they are asked for.
      """)

  struct Kind: ExpressibleByArgument {
    let kind: EventKind

    init?(argument: String) {
      guard let kind = EventKind(word: argument) else { return nil }
      self.kind = kind
    }

    static var allValueStrings: [String] { EventKind.allCases.map(\.word) }
  }

  struct Pattern: ExpressibleByArgument {
    let pattern: PathPattern

    init?(argument: String) {
      guard !argument.isEmpty else { return nil }
      pattern = PathPattern(argument)
    }
  }

  @OptionGroup var options: InspectOptions

  @Option(help: ArgumentHelp("Only what this process did; repeatable.", valueName: "pid"))
  var pid: [ProcessNumber] = []

  @Option(help: ArgumentHelp("Only events of this type; repeatable.", valueName: "type"))
  var type: [Kind] = []

  @Option(
    help: ArgumentHelp(
      "Only what was done with this path or below it; repeatable. * ? and [ match as in find -path. A path without a leading slash may begin in any directory.",
      valueName: "path"))
  var path: [Pattern] = []

  @Flag(help: "Go on until the run ends.")
  var follow = false

  func run() throws {
    try options.report { trace, output in
      let filter = EventFilter(pids: pid, kinds: type.map(\.kind), paths: path.map(\.pattern))
      let report = try EventsReport(
        trace, filter: filter, describer: EventText(callName: SyscallNumber.name(of:)),
        format: options.format == .text ? .text : .json)
      while follow {
        // Asked first: what comes before the end is then told below.
        let isInProgress = trace.isInProgress
        try report.update(to: output)
        try output.flush()
        guard isInProgress, try OutputTerminal.wait(milliseconds: 100) else { break }
      }
      try report.update(to: output)
      try output.flush()
      if try report.finish() { options.warnOfDamage() }
    }
  }
}

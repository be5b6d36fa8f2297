import ArgumentParser
import Inspect
import Results
import Tracing

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Removes runs that are not needed any more.",
    discussion: """
      With --keep and --older a run is removed that both name. What another run stands on that stays, and what goes on, is never \
      removed. Originals that uwrx undo needs go with their trace.
      """)

  @Option(help: ArgumentHelp("How many of the newest stay.", valueName: "number"))
  var keep: UInt?

  @Option(help: ArgumentHelp("Remove what is older: seconds, or a number with s, m, h, d or w.", valueName: "age"))
  var older: AgeArgument?

  @Option(
    help: ArgumentHelp("Remove the oldest until the rest takes no more; K, M and G are understood.", valueName: "bytes")
  )
  var size: SizeArgument?

  @Option(help: ArgumentHelp("The directory that holds the runs.", valueName: "directory"))
  var build = "build"

  @Flag(help: "Say what would be removed, and do nothing.")
  var dryRun = false

  func validate() throws {
    if keep == nil, older == nil, size == nil {
      throw ValidationError("Nothing says which runs are not needed: give --keep, --older or --size")
    }
  }

  func run() throws {
    try reportingTraceErrors {
      var rules = Prune.Rules()
      rules.keep = keep.map { Int(clamping: $0) }
      rules.older = older?.seconds
      rules.size = size.map { UInt64($0.bytes) }
      let prune = try Prune(RunList(build: build), rules)
      let failed = dryRun ? [] : prune.perform()
      for choice in prune.removed where !failed.contains(where: { $0.number == choice.run.number }) {
        try printMessage("\(dryRun ? "would remove" : "removed") \(choice.run.number)  \(Units.bytes(choice.size))")
      }
      for (run, reason) in prune.kept { printError("\(run.number) stays: \(reason)") }
      for run in failed { printError("\(run.trace.path) could not be removed: part of it is left") }
      if !failed.isEmpty { throw ExitCode(125) }
    }
  }
}

/// A time span: seconds, or a number with a unit.
struct AgeArgument: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]
    let unit = argument.last.flatMap { units[$0] }
    guard let number = Double(unit == nil ? argument[...] : argument.dropLast()), number >= 0, number.isFinite else {
      return nil
    }
    seconds = number * (unit ?? 1)
  }
}

import ArgumentParser
import Sandbox

/// What a run need not do again.
struct SkipOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Do not run compilers, assemblers, linkers and archivers again where all that they ask is answered as before: what they made and said is \
      taken from this directory, and what was not there yet is kept in it.
      """, valueName: "directory"), completion: .directory)
  var cache: String?

  @Option(
    help: ArgumentHelp(
      "With --cache: how large it may be when the run has ended (default: 10G); what was used longest ago goes first.",
      valueName: "size"))
  var cacheSize: SizeArgument?

  @Option(
    help: ArgumentHelp("With --cache: skip this program, too, as far as it depends on files alone.", valueName: "name"))
  var skip: [String] = []

  @Option(help: ArgumentHelp("With --cache: run this program each time.", valueName: "name"))
  var noSkip: [String] = []

  @Flag(
    help: """
      With --cache and --reproducible: skip every program that qualifies, for what the clock and random numbers tell is the same each time then.
      """)
  var skipAll = false

  var rules: SkipRules? {
    cache.map { SkipRules(cache: $0, size: cacheSize.map { Int64($0.bytes) }, more: skip, fewer: noSkip, all: skipAll) }
  }

  func validate() throws {
    if cache == nil, cacheSize != nil || skipAll || !(skip + noSkip).isEmpty {
      throw ValidationError(
        "--skip, --skip-all, --no-skip and --cache-size say what --cache is for: add --cache DIRECTORY")
    }
  }
}

import ArgumentParser
import Sandbox

// What of the options of `uwrx run` does not go together.
extension RunCommand {
  /// What the command opens before it is the program.
  private static let fewestOpenFiles = 16

  func validate() throws {
    if replay != nil {
      try validateReplay()
    } else {
      if command.isEmpty {
        throw ValidationError("There is no command: write it after --, as in uwrx run --system -- ls -l")
      }
      if network.replayMisses != nil { throw ValidationError("--replay-misses is for a replay: add --replay") }
      try reproducible.check()
    }
    // user_namespaces(7)
    for (name, number) in [("uid", uid), ("gid", gid)] where number == .max {
      throw ValidationError("--\(name) \(number) means none: the largest is \(UInt32.max - 1)")
    }
    if let files = openFiles?.value, files < Self.fewestOpenFiles {
      throw ValidationError("--open-files must be at least \(Self.fewestOpenFiles): no program starts with less")
    }
    if project != nil, noProject { throw ValidationError("--project excludes --no-project") }
    if project != nil || noProject, !system {
      throw ValidationError("\(noProject ? "--no-project" : "--project") says what --system gives: add --system")
    }
    for text in source { _ = try SourceArgument(text) }
    if reproducible.verify != nil, trace == .off {
      throw ValidationError("--verify compares what traces tell: not with --trace off")
    }
    if reproducible.verify != nil, summary {
      throw ValidationError("--verify makes several runs: it excludes --summary")
    }
    if reproducible.noSeed, seed != nil { throw ValidationError("--no-seed excludes --seed") }
    if instructions == true, replay == nil, seed == nil, try clock.rule(isVirtual: reproducible.isOn) == nil,
      !reproducible.isOn
    {
      throw ValidationError("--instructions are answered by virtual clocks and by a seed: add --time or --seed")
    }
    if skipping.rules != nil, reproducible.verify != nil {
      throw ValidationError("--verify compares runs that do everything: it excludes --cache")
    }
    if skipping.rules != nil, trace == .off { throw ValidationError("--cache needs what --trace off leaves out") }
    if clearEnv, envAll { throw ValidationError("--clear-env excludes --env-all") }
    if quiet, verbose || summary { throw ValidationError("--quiet excludes --verbose and --summary") }
  }
}

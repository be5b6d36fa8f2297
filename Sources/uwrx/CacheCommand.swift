import ArgumentParser
import Inspect
import Skipping
import Tracing

/// Looks after what `uwrx run --cache` keeps.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Tells of a cache of uwrx run --cache, verifies it, or makes it smaller.",
    subcommands: [Stats.self, Verify.self, Prune.self])

  struct Place: ParsableArguments {
    @Argument(help: "The directory that --cache names.", completion: .directory)
    var cache: String

    func use(_ body: (SkipCache) throws -> Void) throws {
      try reportingTraceErrors {
        let cache: SkipCache
        do throws(SkipCacheError) { cache = try SkipCache(self.cache, isMade: false) } catch {
          throw TraceError(error.description)
        }
        try body(cache)
      }
    }
  }

  static func text(_ usage: SkipCache.Usage) -> String {
    "\(usage.records) records, \(usage.contents) contents, \(Units.bytes(UInt64(usage.bytes)))"
  }

  struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Tells how much there is.")
    @OptionGroup var place: Place

    func run() throws { try place.use { try printOutput(CacheCommand.text($0.usage()) + "\n") } }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Reads all that there is, and takes out what is damaged. The exit status is 1 if something was.")
    @OptionGroup var place: Place

    func run() throws {
      try place.use { cache in
        let removed = cache.verify()
        try printOutput("\(CacheCommand.text(cache.usage())); damaged: \(CacheCommand.text(removed))\n")
        if removed != SkipCache.Usage() { throw ExitCode(1) }
      }
    }
  }

  struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Takes out what was used longest ago until the cache is no larger.")
    @OptionGroup var place: Place

    @Option(help: ArgumentHelp("How large it may be, such as 500M or 10G.", valueName: "size"))
    var size: SizeArgument

    func run() throws {
      try place.use { cache in
        let removed = cache.prune(to: Int64(size.bytes))
        try printOutput("\(CacheCommand.text(cache.usage())); taken out: \(CacheCommand.text(removed))\n")
      }
    }
  }
}

import ArgumentParser
import Inspect
import Skipping
import Supervisor
import Tracing

/// Looks after what `uwrx run --cache` keeps.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Tells of a cache of uwrx run --cache, verifies it, or makes it smaller; makes the key of a shared one.",
    subcommands: [Stats.self, Verify.self, Prune.self, Key.self])

  struct Place: ParsableArguments {
    @Argument(help: "The directory that --cache names.", completion: .directory)
    var cache: String

    func validate() throws {
      if CacheAddress.isAddress(cache) {
        throw ValidationError("a shared cache is looked after by its server: name the directory beside it")
      }
    }

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

  struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a pair of keys for uwrx run --cache-key: a private one, and beside it, with .pub, a public one.")

    @Argument(help: "The file of the private key, which is not there yet.", completion: .file())
    var file: String

    func run() throws {
      try reportingTraceErrors {
        let failure: SupervisorError
        do throws(SupervisorError) {
          // Keys are OpenSSL's, which uwrx does without.
          try CacheProcess.makeKey(file)
          return
        } catch { failure = error }
        throw TraceError(failure.description)
      }
    }
  }
}

import ArgumentParser
import Sandbox
import Skipping
import Supervisor

/// What a run need not do again.
struct SkipOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Do not run compilers, linkers, archivers and whole builds again where all that they ask is answered as before: what they made and said is \
      taken from this directory, and what was not there yet is kept in it. An address, http(s)://HOST[:PORT]/PATH or \
      grpc(s)://HOST[:PORT][/INSTANCE], names a cache that others share, which is asked after the directory; both may be given.
      """, valueName: "directory|address"), completion: .directory)
  var cache: [String] = []

  @Option(
    help: ArgumentHelp(
      "With --cache: how large it may be when the run has ended (default: 10G); what was used longest ago goes first.",
      valueName: "size"))
  var cacheSize: SizeArgument?

  @Option(
    help: ArgumentHelp(
      """
      With a shared cache: believe what is signed with this key of Ed25519 alone, in PEM (uwrx cache key makes a pair). What is done here is signed with \
      a private key; with a public one nothing is uploaded.
      """, valueName: "file"), completion: .file())
  var cacheKey: String?

  @Flag(help: "With a shared cache: believe what is not signed: whoever can write there decides what compilers give.")
  var cacheTrust = false

  @Flag(help: "With a shared cache: upload nothing.")
  var cacheReadOnly = false

  @Option(
    help: ArgumentHelp(
      """
      With a shared cache: a header that goes with each request. Lines of the variable UWRX_CACHE_HEADER are others, which no list of processes shows; \
      a password may stand in ~/.netrc.
      """, valueName: "Name: value"))
  var cacheHeader: [String] = []

  @Option(
    help: ArgumentHelp(
      "With a shared cache: certificates in PEM that are trusted beside this machine's.", valueName: "file"),
    completion: .file())
  var cacheCA: String?

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

  private var addresses: [String] { cache.filter { CacheAddress.isAddress($0) } }
  private var directories: [String] { cache.filter { !CacheAddress.isAddress($0) } }

  var rules: SkipRules? {
    if cache.isEmpty { return nil }
    let shared = addresses.first.map {
      SharedCacheRules(
        address: $0, isReadOnly: cacheReadOnly, key: cacheKey, isTrusted: cacheTrust, headers: cacheHeader,
        authority: cacheCA)
    }
    return SkipRules(
      cache: directories.first, shared: shared, size: cacheSize.map { Int64($0.bytes) }, more: skip, fewer: noSkip,
      all: skipAll)
  }

  /// Variables that are not the guest's.
  var secretVariables: [String] { [SharedCacheRules.headerVariable] }

  func validate() throws {
    if cache.isEmpty, cacheSize != nil || skipAll || !(skip + noSkip).isEmpty {
      throw ValidationError(
        "--skip, --skip-all, --no-skip and --cache-size say what --cache is for: add --cache DIRECTORY")
    }
    guard addresses.count <= 1, directories.count <= 1 else {
      throw ValidationError("--cache names one directory and one address at most")
    }
    for address in addresses {
      do throws(SkipCacheError) {
        _ = try CacheAddress(address)
        for header in cacheHeader { _ = try CacheHeader(header) }
      } catch { throw ValidationError(error.description) }
    }
    if addresses.isEmpty, cacheKey != nil || cacheTrust || cacheReadOnly || cacheCA != nil || !cacheHeader.isEmpty {
      throw ValidationError(
        "--cache-key, --cache-trust, --cache-read-only, --cache-header and --cache-ca are for a shared cache: add --cache http://HOST/PATH"
      )
    }
    if cacheKey != nil, cacheTrust { throw ValidationError("--cache-key excludes --cache-trust") }
  }
}

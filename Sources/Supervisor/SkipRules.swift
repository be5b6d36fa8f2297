import Skipping
import VirtualKernel

/// What a run need not do again.
public struct SkipRules: Sendable, Equatable {
  /// The directory in which records are kept, and what they need. It is made if it is missing, and must be the user's alone. Nil for the usual one
  /// beside a shared cache.
  public var cache: String?
  /// What is behind it.
  public var shared: SharedCacheRules?
  /// Bytes that it may take; nil for the usual.
  public var size: Int64?
  /// Names or paths of programs that are skipped beside the usual ones.
  public var more: [String]
  /// Names of programs that are not.
  public var fewer: [String]
  /// Every program is that qualifies. Only for runs with a seed and a clock: else nobody sees who asks for random numbers or the time.
  public var all: Bool

  public init(
    cache: String?, shared: SharedCacheRules? = nil, size: Int64? = nil, more: [String] = [], fewer: [String] = [],
    all: Bool = false
  ) {
    self.cache = cache
    self.shared = shared
    self.size = size
    self.more = more
    self.fewer = fewer
    self.all = all
  }

  /// - Parameters:
  ///   - configuration: of the run.
  ///   - trace: its directory.
  /// - Throws: a message for the user if the cache cannot be used.
  func open(for configuration: RunConfiguration, trace: String) throws(SupervisorError) -> SkippingConfiguration {
    let isReproducible = configuration.seed != nil && configuration.clock != nil
    if all, !isReproducible {
      throw SupervisorError(
        "--skip-all needs --reproducible: else a program may ask for the time or for random numbers, which nobody sees; or name programs by --skip"
      )
    }
    let directory = if let named = self.cache { named } else { try SharedCacheRules.usualDirectory() }
    let cache: SkipCache
    do throws(SkipCacheError) {
      cache = try SkipCache(directory, size: size ?? SkipCache.usualSize)
    } catch { throw SupervisorError(error.description) }
    let store: any RecordStore = if let shared { try shared.open(before: cache) } else { cache }
    let options =
      "\(configuration.seed as Any) \(configuration.clock as Any) \(configuration.hasProcessNumbers) "
      + "\(configuration.answersInstructions) \(configuration.machine as Any) \(configuration.hostname) "
      + "\(configuration.times) \(configuration.calls)"
    return SkippingConfiguration(
      store: store,
      programs: SkippedPrograms(more: more, fewer: fewer, all: all, isReproducible: isReproducible),
      options: Array(options.utf8), origin: Array(trace.utf8), root: Self.root(of: configuration))
  }

  /// The nearest source around the working directory, which is the project, or the directory itself.
  private static func root(of configuration: RunConfiguration) -> [UInt8]? {
    guard let directory = configuration.workingDirectory, directory.hasPrefix("/"), directory != "/" else { return nil }
    let around = configuration.sources.map(\.destination).filter { path in
      path.count > 1 && (directory == path || directory.hasPrefix(path + "/"))
    }
    return Array((around.max { $0.utf8.count < $1.utf8.count } ?? directory).utf8)
  }
}

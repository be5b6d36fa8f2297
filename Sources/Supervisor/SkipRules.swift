import Skipping
import VirtualKernel

/// What a run need not do again.
public struct SkipRules: Sendable, Equatable {
  /// The directory in which records are kept, and what they need. It is made if it is missing, and must be the user's alone.
  public var cache: String
  /// Bytes that it may take; nil for the usual.
  public var size: Int64?
  /// Names or paths of programs that are skipped beside the usual ones.
  public var more: [String]
  /// Names of programs that are not.
  public var fewer: [String]
  /// Every program is that qualifies. Only for runs with a seed and a clock: else nobody sees who asks for random numbers or the time.
  public var all: Bool

  public init(cache: String, size: Int64? = nil, more: [String] = [], fewer: [String] = [], all: Bool = false) {
    self.cache = cache
    self.size = size
    self.more = more
    self.fewer = fewer
    self.all = all
  }

  /// - Parameters:
  ///   - configuration: of the run.
  ///   - directory: of its trace.
  /// - Throws: a message for the user if the cache cannot be used.
  func open(for configuration: RunConfiguration, directory: String) throws(SupervisorError) -> SkippingConfiguration {
    if all, configuration.seed == nil || configuration.clock == nil {
      throw SupervisorError(
        "--skip-all needs --reproducible: else a program may ask for the time or for random numbers, which nobody sees; or name programs by --skip"
      )
    }
    let cache: SkipCache
    do throws(SkipCacheError) {
      cache = try SkipCache(self.cache, size: size ?? SkipCache.usualSize)
    } catch { throw SupervisorError(error.description) }
    let options =
      "\(configuration.seed as Any) \(configuration.clock as Any) \(configuration.hasProcessNumbers) "
      + "\(configuration.answersInstructions) \(configuration.machine as Any) \(configuration.hostname) "
      + "\(configuration.times) \(configuration.calls)"
    return SkippingConfiguration(
      store: cache, programs: SkippedPrograms(more: more, fewer: fewer, all: all), options: Array(options.utf8),
      origin: Array(directory.utf8), root: Self.root(of: configuration))
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

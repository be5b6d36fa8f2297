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

  public init(cache: String, size: Int64? = nil, more: [String] = [], fewer: [String] = []) {
    self.cache = cache
    self.size = size
    self.more = more
    self.fewer = fewer
  }

  /// - Parameters:
  ///   - configuration: of the run.
  ///   - directory: of its trace.
  /// - Throws: a message for the user if the cache cannot be used.
  func open(for configuration: RunConfiguration, directory: String) throws(SupervisorError) -> SkippingConfiguration {
    let cache: SkipCache
    do throws(SkipCacheError) {
      cache = try SkipCache(self.cache, size: size ?? SkipCache.usualSize)
    } catch { throw SupervisorError(error.description) }
    let options =
      "\(configuration.seed as Any) \(configuration.clock as Any) \(configuration.hasProcessNumbers) "
      + "\(configuration.answersInstructions) \(configuration.machine as Any) \(configuration.hostname) "
      + "\(configuration.times) \(configuration.calls)"
    return SkippingConfiguration(
      store: cache, programs: SkippedPrograms(more: more, fewer: fewer), options: Array(options.utf8),
      origin: Array(directory.utf8))
  }
}

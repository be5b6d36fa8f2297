import Skipping

/// How long is waited for a server, in nanoseconds: a run goes on without it.
struct TimeLimits {
  /// For a connection, with TLS.
  static let connect: Int64 = 2_000_000_000
  /// For an answer to begin, and for more of it; for a server to take more.
  static let silence: Int64 = 3_000_000_000
  /// A request takes no longer than this and what its bytes take at the least rate.
  private static let whole: Int64 = 5_000_000_000
  /// Bytes in a second.
  private static let leastRate: Int64 = 128 << 10

  private let began = monotonicTime()
  private var bytes: Int64 = 0

  /// When the next step must be done, of the monotonic clock.
  var next: Int64 {
    min(monotonicTime() + Self.silence, began + Self.whole + bytes / Self.leastRate * 1_000_000_000)
  }

  mutating func didMove(_ count: Int) { bytes += Int64(count) }
}

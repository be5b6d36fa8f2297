/// What the clocks of a guest tell.
public struct ClockRule: Sendable, Equatable {
  /// Nanoseconds since 1970, UTC: when the run begins.
  public var epoch: UInt64
  /// Nanoseconds by which a process's clock moves at each question; 0 if it stands still.
  public var tick: UInt64

  /// How long the machine has been up when the run begins, in nanoseconds.
  public static let uptime: UInt64 = 1_000_000_000_000
  public static let usualTick: UInt64 = 1000

  public init(epoch: UInt64, tick: UInt64 = ClockRule.usualTick) {
    self.epoch = epoch
    self.tick = tick
  }

  /// What CLOCK_MONOTONIC shows.
  public func monotonic(_ time: UInt64) -> UInt64 { time - min(time, epoch) + Self.uptime }

  /// The time at which CLOCK_MONOTONIC shows this; for what was before 1970, that.
  public func time(atMonotonic monotonic: UInt64) -> UInt64 {
    monotonic >= Self.uptime ? epoch &+ (monotonic - Self.uptime) : epoch - min(epoch, Self.uptime - monotonic)
  }
}

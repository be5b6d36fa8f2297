/// What the clocks of a guest tell.
public struct ClockRule: Sendable, Equatable {
  /// Nanoseconds since 1970, UTC: when the run begins.
  public var epoch: UInt64
  /// Nanoseconds by which a process's clock moves at each question; 0 if it stands still.
  public var tick: UInt64

  public init(epoch: UInt64, tick: UInt64) {
    self.epoch = epoch
    self.tick = tick
  }
}

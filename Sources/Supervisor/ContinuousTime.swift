import Glibc

/// Seconds of the monotonic clock.
typealias ContinuousTime = Double

extension ContinuousTime {
  static var now: ContinuousTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// The last times of a clock that a thread has waited for, and when those are on the host's. Who was woken before the time waits again for the
/// same, which has not come closer on the guest's clock; meanwhile a signal's handler may have waited for another.
struct RecentDeadlines: BitwiseCopyable {
  private typealias Deadline = (end: UInt64, hostEnd: UInt64)
  private var last: Deadline?
  private var former: Deadline?

  /// - Parameter fresh: for a time that is none of these.
  mutating func hostEnd(of end: UInt64, else fresh: UInt64) -> UInt64 {
    if let last, last.end == end { return last.hostEnd }
    let found: Deadline
    if let former, former.end == end { found = former } else { found = (end, fresh) }
    (last, former) = (found, last)
    return found.hostEnd
  }
}

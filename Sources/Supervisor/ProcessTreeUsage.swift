import Glibc

/// What all living descendants of a process, and those that they have waited for, use.
struct ProcessTreeUsage {
  var residentBytes = 0
  /// Processor time, of the user's and of the system's.
  var seconds = 0.0

  init(of root: Int32) {
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    var pending = [root]
    while let pid = pending.popLast() {
      if let text = LimitEnforcer.read("/proc/\(pid)/stat") {
        // proc_pid_stat(5): the name may hold spaces and parentheses; after the last one comes field 3.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ").dropFirst()
        // utime, stime, cutime and cstime are fields 14 to 17, rss is 24.
        for time in fields.dropFirst(11).prefix(4) { seconds += (Double(time) ?? 0) / ticks }
        residentBytes += (fields.dropFirst(21).first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
      }
      // proc_pid_children(5): a child is listed at the thread that has made it.
      for thread in directoryEntries("/proc/\(pid)/task") ?? [] {
        guard Int32(thread) != nil, let children = LimitEnforcer.read("/proc/\(pid)/task/\(thread)/children") else {
          continue
        }
        pending += children.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int32($0) }
      }
    }
  }

  /// The seconds that the supervisor's own dead children used, of which guest init is the only one that lives long.
  static var ofDeadChildren: Double {
    var usage = rusage()
    guard getrusage(RUSAGE_CHILDREN.rawValue, &usage) == 0 else { return 0 }
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }
}

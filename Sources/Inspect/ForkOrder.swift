/// The order in which processes were forked, by the kernel's numbers: who is found first is chance.
enum ForkOrder {
  /// How far the numbers of processes that live at a time can be apart where the kernel has not begun anew.
  private static let mostAtATime: UInt32 = 1 << 14

  /// - Parameter processes: in the order in which they were found, which is nearly that of fork.
  static func sorted<Process>(_ processes: [Process], _ number: (Process) -> UInt32) -> [Process] {
    var round = 0
    var highest: UInt32 = 0
    let keys = processes.enumerated().map { index, process in
      let number = number(process)
      if number < highest, highest - number > mostAtATime { (round, highest) = (round + 1, 0) }
      highest = max(highest, number)
      return (round, number, index, process)
    }
    return keys.sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }.map(\.3)
  }
}

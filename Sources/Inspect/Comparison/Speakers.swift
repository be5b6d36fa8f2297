/// Who of a run has printed something else, and who may have heard it.
struct Speakers {
  private let history: RunHistory
  /// The first below each process, and the first among its own children.
  private var below: [UInt32: UInt32] = [:]
  private var children: [UInt32: UInt32] = [:]

  init(_ speakers: [UInt32], _ history: RunHistory) {
    self.history = history
    for speaker in speakers.sorted(by: { Self.order($0, history) < Self.order($1, history) }) {
      for ancestor in history.ancestors(of: speaker) where below[ancestor] == nil { below[ancestor] = speaker }
      if let parent = history[speaker]?.parent, children[parent] == nil { children[parent] = speaker }
    }
  }

  /// A shell forks who writes into a pipe before who reads from it, and the kernel counts up: who of them is found first is chance.
  private static func order(_ pid: UInt32, _ history: RunHistory) -> (UInt32, UInt32) {
    (history[pid]?.hostPid ?? 0, pid)
  }

  /// One below it, or a sibling before it.
  func heard(by pid: UInt32) -> UInt32? {
    if let speaker = below[pid] { return speaker }
    let first = history[pid]?.parent.flatMap { children[$0] }
    return first.flatMap { Self.order($0, history) < Self.order(pid, history) ? $0 : nil }
  }
}

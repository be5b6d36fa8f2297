/// Who of a run has printed something else, and who may have heard it.
struct Speakers {
  private let history: RunHistory
  /// The first below each process, and the first among its own children.
  private var below: [UInt32: UInt32] = [:]
  private var children: [UInt32: UInt32] = [:]

  /// A shell forks who writes into a pipe before who reads from it.
  private let places: [UInt32: Int]

  init(_ speakers: [UInt32], _ history: RunHistory) {
    self.history = history
    let order = ForkOrder.sorted(history.processes) { $0.hostPid ?? 0 }
    places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1.pid, $0) })
    for speaker in speakers.sorted(by: { [places] in places[$0, default: 0] < places[$1, default: 0] }) {
      for ancestor in history.ancestors(of: speaker) where below[ancestor] == nil { below[ancestor] = speaker }
      if let parent = history[speaker]?.parent, children[parent] == nil { children[parent] = speaker }
    }
  }

  /// One below it, or a sibling before it.
  func heard(by pid: UInt32) -> UInt32? {
    if let speaker = below[pid] { return speaker }
    let first = history[pid]?.parent.flatMap { children[$0] }
    return first.flatMap { places[$0, default: 0] < places[pid, default: 0] ? $0 : nil }
  }
}

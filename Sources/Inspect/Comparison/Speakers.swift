/// Who of a run has printed something else, and who may have heard it.
struct Speakers {
  private let history: RunHistory
  /// The first below each process, and the first among its own children.
  private var below: [UInt32: UInt32] = [:]
  private var children: [UInt32: UInt32] = [:]

  init(_ speakers: [UInt32], _ history: RunHistory) {
    self.history = history
    for speaker in speakers {
      for ancestor in history.ancestors(of: speaker) where below[ancestor] == nil { below[ancestor] = speaker }
      if let parent = history[speaker]?.parent { children[parent] = min(speaker, children[parent] ?? .max) }
    }
  }

  /// One below it, or a sibling before it.
  func heard(by pid: UInt32) -> UInt32? {
    if let speaker = below[pid] { return speaker }
    return history[pid]?.parent.flatMap { children[$0] }.flatMap { $0 < pid ? $0 : nil }
  }
}

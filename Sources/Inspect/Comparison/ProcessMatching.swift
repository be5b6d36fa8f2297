/// Which process of one run is which of another: that of the same parent which ran the same programs with the same arguments, of several
/// equal ones that which wrote the same files, or else the one at the same place. Of those that are left, that which ran programs of the same
/// paths. Of a run and its replay, or two replays, a process of the same number that ran the same comes first.
struct ProcessMatching {
  struct Pair {
    var first: UInt32
    var second: UInt32
  }

  private(set) var pairs: [Pair] = []
  /// Who has no match, without the processes below it.
  private(set) var onlyFirst: [UInt32] = []
  private(set) var onlySecond: [UInt32] = []

  init(_ first: RunFiles, _ second: RunFiles) {
    let areRelated = !Set(first.replayed).isDisjoint(with: second.replayed)
    let keys =
      (areRelated ? [RunFiles.numberedCommand] : []) + [RunFiles.deeds, RunFiles.command, RunFiles.executables]
    var pending: [([UInt32], [UInt32])] = [(first.history.roots, second.history.roots)]
    while let (ours, theirs) = pending.popLast() {
      var (left, right) = (ours, theirs)
      for key in keys {
        var waiting: [[UInt8]: [UInt32]] = [:]
        for pid in right.reversed() { waiting[key(second)(pid), default: []].append(pid) }
        var rest: [UInt32] = []
        for pid in left {
          guard let match = waiting[key(first)(pid)]?.popLast() else {
            rest.append(pid)
            continue
          }
          pairs.append(Pair(first: pid, second: match))
          pending.append((first.history[pid]?.children ?? [], second.history[match]?.children ?? []))
        }
        let free = Set(waiting.values.joined())
        (left, right) = (rest, right.filter { free.contains($0) })
      }
      onlyFirst += left
      onlySecond += right
    }
    onlyFirst.sort()
    onlySecond.sort()
  }
}

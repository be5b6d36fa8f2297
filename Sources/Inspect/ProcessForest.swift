import Tracing

/// Who the processes of a run are, whatever their numbers and whenever they came: by which a replay knows them again.
///
/// A process is known by its parent, by what it ran (programs, arguments, current directories) and, among siblings that are equal in that, by
/// what was run below it and then by the order in which they were forked: that of the kernel's numbers, for who is the first to make a call is
/// chance.
public struct ProcessForest: Sendable {
  struct Process: Sendable {
    var pid: UInt32
    var number: ProcessNumber
    /// Whether it ran a program of its own.
    var hasRun: Bool
    /// Digests of what it ran, and of that and all below it.
    var deeds: [UInt8]
    var subtree: [UInt8] = []
    /// The places of its children among all, in the order of fork.
    var children: [Int] = []
  }

  /// As the run's history has them.
  private(set) var processes: [Process]
  private(set) var roots: [Int]

  /// - Parameter history: one that keeps accesses.
  public init(_ history: RunHistory) {
    let temporary = TemporaryFiles(history)
    processes = history.processes.map {
      Process(
        pid: $0.pid, number: history.number(of: $0.pid), hasRun: !$0.programs.isEmpty,
        deeds: SHA256.digest(temporary.command($0, withDirectories: true)))
    }
    let places = Dictionary(uniqueKeysWithValues: processes.enumerated().map { ($1.pid, $0) })
    func inOrder(_ pids: [UInt32]) -> [Int] {
      ForkOrder.sorted(pids.compactMap { places[$0] }) { history.processes[$0].guestPid ?? 0 }
    }
    roots = inOrder(history.roots)
    for place in processes.indices { processes[place].children = inOrder(history.processes[place].children) }
    digestSubtrees()
  }

  /// Children before their parents, without recursion: who forks and ends makes a tree as deep as it likes.
  private mutating func digestSubtrees() {
    var order = roots
    var next = 0
    while next < order.count {
      order += processes[order[next]].children
      next += 1
    }
    for place in order.reversed() {
      var digest = SHA256()
      digest.add(processes[place].deeds)
      // Those of a make -j end up in any order.
      let below = processes[place].children.map { processes[$0].subtree }
      for child in below.sorted(by: { $0.lexicographicallyPrecedes($1) }) { digest.add(child) }
      processes[place].subtree = digest.finish()
    }
  }
}

import Tracing

/// Which processes of a replay are which of the recorded run, and the numbers that they get by that.
///
/// One that is known again has the recorded number; those that are not there any more leave gaps. Each other has the next free number below that
/// of the nearest process above it that is known (`3.1` below 3, `1.1` if none is), in an order that depends on nothing but what they are.
public struct ReplayMatching {
  /// The recorded numbers, by the replay's places.
  private var numbers: [Int: ProcessNumber] = [:]
  /// The recorded run's places of those.
  private var found: Set<Int> = []
  /// All of the recorded run.
  private let taken: Set<ProcessNumber>
  /// Below each number, the last that was looked at.
  private var last: [ProcessNumber: UInt32] = [:]
  public private(set) var renumbering = TraceRenumbering()

  /// - Parameter replay: the history of the replay, which keeps accesses.
  public init(_ recorded: ProcessForest, replay: RunHistory) {
    taken = Set(recorded.processes.map(\.number))
    let forest = ProcessForest(replay)
    match(recorded, forest)
    numberOthers(forest, replay)
    for (place, process) in forest.processes.enumerated() {
      if let number = numbers[place] { renumbering.add(process.pid, number) }
    }
  }

  private mutating func match(_ recorded: ProcessForest, _ replay: ProcessForest) {
    var pending = [(recorded.roots, replay.roots)]
    // The command is the command, whatever it has become.
    if let command = recorded.processes.first, let ours = replay.processes.first,
      TraceRenumbering.canTake(command.number)
    {
      numbers[0] = command.number
      found.insert(0)
      pending.append((command.children, ours.children))
    }
    match(pending, recorded, replay)
    // Whose parent has ended before it was found is nobody's child, now or then: chance.
    func orphans(_ forest: ProcessForest, _ isFree: (Int) -> Bool) -> [Int] {
      forest.roots.filter { $0 != 0 && isFree($0) && forest.processes[$0].hasRun }
    }
    func others(_ forest: ProcessForest, _ isFree: (Int) -> Bool) -> [Int] {
      forest.processes.indices.filter { isFree($0) && forest.processes[$0].hasRun }
    }
    func isFree(_ place: Int) -> Bool { numbers[place] == nil }
    func isMissing(_ place: Int) -> Bool { !found.contains(place) }
    let ours = orphans(replay, isFree)
    if !ours.isEmpty { match([(others(recorded, isMissing), ours)], recorded, replay) }
    let theirs = orphans(recorded, isMissing)
    if !theirs.isEmpty { match([(theirs, others(replay, isFree))], recorded, replay) }
  }

  /// - Parameter pending: recorded processes and those of the replay that may be the same.
  private mutating func match(_ pending: [([Int], [Int])], _ recorded: ProcessForest, _ replay: ProcessForest) {
    var pending = pending
    while let (recordedPlaces, places) = pending.popLast() {
      var (theirs, ours) = (recordedPlaces, places)
      for key in [\ProcessForest.Process.subtree, \.deeds] {
        theirs.removeAll { found.contains($0) || !TraceRenumbering.canTake(recorded.processes[$0].number) }
        ours.removeAll { numbers[$0] != nil }
        var waiting: [[UInt8]: [Int]] = [:]
        for place in theirs.reversed() { waiting[recorded.processes[place][keyPath: key], default: []].append(place) }
        for place in ours {
          guard let match = waiting[replay.processes[place][keyPath: key]]?.popLast() else { continue }
          numbers[place] = recorded.processes[match].number
          found.insert(match)
          pending.append((recorded.processes[match].children, replay.processes[place].children))
        }
      }
    }
  }

  /// Parents before their children. All that are below one that is known count together, however deep.
  private mutating func numberOthers(_ forest: ProcessForest, _ replay: RunHistory) {
    let temporary = TemporaryFiles(replay)
    var pending: [(place: Int, known: ProcessNumber)] = []
    func add(_ places: [Int], below known: ProcessNumber) {
      pending += places.filter { numbers[$0] != nil }.map { ($0, known) }
      let new = places.filter { numbers[$0] == nil }
      // The last is the next.
      pending += Self.ordered(new) { temporary.command(replay.processes[$0], withDirectories: true) }.reversed().map {
        ($0, known)
      }
    }
    add(forest.roots, below: ProcessNumber(Event.supervisor))
    while let (place, above) = pending.popLast() {
      let known = numbers[place] ?? above
      if numbers[place] == nil { numbers[place] = free(below: above) }
      add(forest.processes[place].children, below: known)
    }
  }

  /// By what they ran, and then as they were forked.
  private static func ordered(_ places: [Int], _ key: (Int) -> [UInt8]) -> [Int] {
    if places.count < 2 { return places }
    return places.enumerated().map { (key($1), $0, $1) }.sorted {
      $0.0 == $1.0 ? $0.1 < $1.1 : $0.0.lexicographicallyPrecedes($1.0)
    }.map(\.2)
  }

  private mutating func free(below number: ProcessNumber) -> ProcessNumber {
    var above = number
    while above.components.count >= ProcessNumber.mostComponents { above = above.above }
    var ordinal = last[above] ?? 0
    repeat { ordinal += 1 } while taken.contains(above.below(ordinal))
    last[above] = ordinal
    return above.below(ordinal)
  }
}

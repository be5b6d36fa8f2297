import Tracing

/// One thing that one program of a process did with one version of the file at one path, however often.
public struct Access: Sendable, Equatable {
  public var path: PathTable.ID
  public var pid: UInt32
  /// How many programs the process had run: the index in its `programs` plus 1, 0 for what it was forked from.
  public var program: Int
  /// One of those for which `EventKind.isAccess` holds.
  public var kind: EventKind
  /// What the process saw or made; 0 is what was there before the run.
  public var version: UInt32
  /// How often the trace tells of it. A repetition with nothing in between is told once.
  public var count: Int
  /// When it first happened, in nanoseconds of the trace's clock.
  public var time: UInt64
}

/// The accesses of a run, each of them once, by path and by process.
struct AccessTable: Sendable {
  private struct Entry {
    var path: PathTable.ID
    var pid: UInt32
    var program: UInt32
    var version: UInt32
    var kind: EventKind
    var count: UInt32
    var nextOfPath: UInt32
    var nextOfProcess: UInt32
    var time: UInt64
    /// The number of the event that told of it last.
    var last: Int
  }

  static let none = UInt32.max
  private var entries: [Entry] = []
  /// The first and last entry of each path.
  private var chains: [(first: UInt32, last: UInt32)] = []
  /// By hash; a power of 2, at most half full.
  private var slots = [UInt32](repeating: none, count: 1 << 10)

  /// - Returns: the index of a new entry, nil if there was one.
  mutating func add(
    _ kind: EventKind, _ path: PathTable.ID, pid: UInt32, program: UInt32, version: UInt32, time: UInt64, order: Int
  ) -> UInt32? {
    var slot = Self.hash(kind, path, pid, program, version) & (slots.count - 1)
    while slots[slot] != Self.none {
      let found = Int(slots[slot])
      if entries[found].path == path, entries[found].pid == pid, entries[found].program == program,
        entries[found].version == version, entries[found].kind == kind
      {
        entries[found].count &+= 1
        entries[found].last = order
        return nil
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    let new = UInt32(entries.count)
    entries.append(
      Entry(
        path: path, pid: pid, program: program, version: version, kind: kind, count: 1, nextOfPath: Self.none,
        nextOfProcess: Self.none, time: time, last: order))
    slots[slot] = new
    let key = Int(path.rawValue)
    if key >= chains.count {
      chains.append(contentsOf: repeatElement((first: Self.none, last: Self.none), count: key - chains.count + 1))
    }
    if chains[key].last == Self.none {
      chains[key].first = new
    } else {
      entries[Int(chains[key].last)].nextOfPath = new
    }
    chains[key].last = new
    if entries.count * 2 > slots.count { grow() }
    return new
  }

  /// Puts an entry behind another one of the same process.
  mutating func chain(_ new: UInt32, behind last: UInt32) { entries[Int(last)].nextOfProcess = new }

  private mutating func grow() {
    slots = [UInt32](repeating: Self.none, count: slots.count * 2)
    for (index, entry) in entries.enumerated() {
      var slot = Self.hash(entry.kind, entry.path, entry.pid, entry.program, entry.version) & (slots.count - 1)
      while slots[slot] != Self.none { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(index)
    }
  }

  private static func hash(_ kind: EventKind, _ path: PathTable.ID, _ pid: UInt32, _ program: UInt32, _ version: UInt32)
    -> Int
  {
    var hasher = Hasher()
    hasher.combine(UInt64(path.rawValue) << 32 | UInt64(pid))
    hasher.combine(UInt64(program) << 40 | UInt64(version) << 8 | UInt64(kind.rawValue))
    return hasher.finalize()
  }

  /// In the order in which they first happened.
  func accesses(of path: PathTable.ID) -> [Access] {
    guard path.rawValue < chains.count else { return [] }
    var found: [Access] = []
    var current = chains[Int(path.rawValue)].first
    while current != Self.none {
      found.append(access(current))
      current = entries[Int(current)].nextOfPath
    }
    return found
  }

  func accesses(from first: UInt32) -> [Access] {
    var found: [Access] = []
    var current = first
    while current != Self.none {
      found.append(access(current))
      current = entries[Int(current)].nextOfProcess
    }
    return found
  }

  func isUsed(_ path: PathTable.ID) -> Bool {
    path.rawValue < chains.count && chains[Int(path.rawValue)].first != Self.none
  }

  /// What a process did last with a path.
  func last(_ path: PathTable.ID, by pid: UInt32) -> Access? {
    guard path.rawValue < chains.count else { return nil }
    var best: UInt32?
    var current = chains[Int(path.rawValue)].first
    while current != Self.none {
      let entry = entries[Int(current)]
      if entry.pid == pid, best.map({ entries[Int($0)].last < entry.last }) ?? true { best = current }
      current = entry.nextOfPath
    }
    return best.map(access)
  }

  private func access(_ index: UInt32) -> Access {
    let entry = entries[Int(index)]
    return Access(
      path: entry.path, pid: entry.pid, program: Int(entry.program), kind: entry.kind, version: entry.version,
      count: Int(entry.count), time: entry.time)
  }
}

/// The children of a directory in the order of their names, whoever made them first. Each has a cookie that stays its own when others come
/// and go, so that a listing which is being read (getdents64(2)) goes on where it was.
struct ListingOrder {
  private struct Entry {
    var cookie: Int
    /// `.none` for one that is gone.
    var child: DentryID
  }

  private var entries: [Entry] = []
  private var places: [DentryID: Int] = [:]
  /// Those that no listing has asked for yet.
  private var pending: Set<DentryID> = []

  /// Between two names there is room for some that come later; where it is used up all get other cookies, and who is in the middle of a
  /// listing then may see a name twice or not at all.
  private static let usualGap = 1 << 12
  /// The cookies of `.` and `..` are before all.
  private static let first = 2
  /// Positions of a directory are of 32 bits to some kernels (offset_dir_llseek in fs/libfs.c, Linux 6.6).
  private static let last = Int(Int32.max) - 1

  init(_ children: some Sequence<DentryID>) { pending = Set(children) }

  mutating func insert(_ child: DentryID) { pending.insert(child) }

  mutating func remove(_ child: DentryID) {
    if let place = places.removeValue(forKey: child) {
      entries[place].child = .none
    } else {
      pending.remove(child)
    }
  }

  /// Gives those that are new their places.
  mutating func settle(by areInOrder: (DentryID, DentryID) -> Bool) {
    guard !pending.isEmpty else { return }
    let fresh = pending.sorted(by: areInOrder)
    pending = []
    var merged: [Entry] = []
    merged.reserveCapacity(entries.count + fresh.count)
    var next = 0
    for entry in entries where entry.child != .none {
      while next < fresh.count, areInOrder(fresh[next], entry.child) {
        merged.append(Entry(cookie: 0, child: fresh[next]))
        next += 1
      }
      merged.append(entry)
    }
    merged += fresh[next...].map { Entry(cookie: 0, child: $0) }
    if !Self.number(&merged) {
      for index in merged.indices { merged[index].cookie = 0 }
      _ = Self.number(&merged)
    }
    entries = merged
    places.removeAll(keepingCapacity: true)
    for (index, entry) in entries.enumerated() { places[entry.child] = index }
  }

  /// - Returns: false if there is not enough room between two cookies.
  private static func number(_ entries: inout [Entry]) -> Bool {
    var index = 0
    var before = first - 1
    while index < entries.count {
      guard entries[index].cookie == 0 else {
        before = entries[index].cookie
        index += 1
        continue
      }
      let end = entries[index...].firstIndex { $0.cookie != 0 } ?? entries.endIndex
      let after = end < entries.endIndex ? entries[end].cookie : last
      let room = (after - before) / (end - index + 1)
      let gap = end < entries.endIndex ? room : min(room, usualGap)
      guard gap > 0 else { return false }
      for place in index..<end {
        before += gap
        entries[place].cookie = before
      }
      index = end
    }
    return true
  }

  /// Calls `body` with the cookies and children from a position on, until it says that this is enough.
  func forEach(from position: Int, _ body: (Int, DentryID) -> Bool) {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].cookie < position { low = middle + 1 } else { high = middle }
    }
    for entry in entries[low...] where entry.child != .none {
      guard body(entry.cookie, entry.child) else { return }
    }
  }
}

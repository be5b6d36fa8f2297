/// Dentries in no order, of which some come to mean nothing as time goes by. Those are dropped whenever the list has doubled, so that
/// names that come and go for ever do not make it grow.
struct DentryList {
  private(set) var entries: [DentryID] = []
  private var limit = 64

  /// - Parameter isCurrent: whether a dentry of the list still means what it did.
  mutating func append(_ dentry: DentryID, where isCurrent: (DentryID) -> Bool) {
    if entries.count >= limit {
      var seen: Set<DentryID> = []
      entries.removeAll { !isCurrent($0) || !seen.insert($0).inserted }
      limit = max(64, entries.count * 2)
    }
    entries.append(dentry)
  }

  mutating func remove(_ dentry: DentryID) { entries.removeAll { $0 == dentry } }
  mutating func removeAll() { entries = [] }
}

/// A cache of how a process's descriptors were opened. close and dup are not trapped, so an entry is only believed for a
/// descriptor whose file has the entry's identity.
struct FdTable {
  private struct Entry {
    var identity: HostIdentity
    var dentry: DentryID
    var generation: Int
  }

  private static let limit = 1024
  private var entries: [Entry?] = []

  /// The name under which the open file was opened, if that is known.
  func dentry(_ descriptor: Int32, _ identity: HostIdentity, generation: Int) -> DentryID? {
    guard descriptor >= 0, Int(descriptor) < entries.count, let entry = entries[Int(descriptor)],
      entry.identity == identity, entry.generation == generation
    else { return nil }
    return entry.dentry
  }

  /// The descriptors that were opened as this file: candidates, as for each.
  func descriptors(of identity: HostIdentity) -> [Int32] {
    entries.indices.filter { entries[$0]?.identity == identity }.map { Int32($0) }
  }

  mutating func insert(_ descriptor: Int32, _ identity: HostIdentity, _ dentry: DentryID, generation: Int) {
    guard descriptor >= 0, descriptor < Self.limit else { return }
    while entries.count <= descriptor { entries.append(nil) }
    entries[Int(descriptor)] = Entry(identity: identity, dentry: dentry, generation: generation)
  }
}

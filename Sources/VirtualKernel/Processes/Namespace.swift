/// Maps the guest's ids to the supervisor's.
public struct Namespace {
  private var threads: [NsTid: AbsTid] = [:]
  private var groups: [NsTgid: AbsTgid] = [:]

  public func thread(_ id: NsTid) -> AbsTid? { threads[id] }
  public func group(_ id: NsTgid) -> AbsTgid? { groups[id] }
  /// The guest's processes, in no order.
  public var groupIDs: Dictionary<NsTgid, AbsTgid>.Keys { groups.keys }

  mutating func insert(_ thread: Thread) { threads[thread.nsID] = thread.id }
  mutating func insert(_ group: ThreadGroup) { groups[group.nsID] = group.id }

  mutating func remove(_ thread: Thread) {
    if threads[thread.nsID] == thread.id { threads[thread.nsID] = nil }
  }

  mutating func remove(_ group: ThreadGroup) {
    if groups[group.nsID] == group.id { groups[group.nsID] = nil }
  }
}

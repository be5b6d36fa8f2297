/// The unit that makes system calls.
public final class Thread {
  public let id: AbsTid
  public let nsID: NsTid
  public let group: ThreadGroup
  /// Of the kernel's table, which outlives every thread.
  var credentials: UnsafePointer<Credentials>
  /// In a run on which every machine is the same: the processors that it was told to run on; nil for all.
  var affinity: UInt64?

  init(id: AbsTid, nsID: NsTid, group: ThreadGroup, credentials: UnsafePointer<Credentials>) {
    self.id = id
    self.nsID = nsID
    self.group = group
    self.credentials = credentials
  }

  var isLeader: Bool { id == group.id.leader }
}

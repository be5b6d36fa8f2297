/// The unit that makes system calls.
public final class Thread {
  public let id: AbsTid
  public let nsID: NsTid
  public let group: ThreadGroup
  /// Of the kernel's table, which outlives every thread.
  var credentials: UnsafePointer<Credentials>

  init(id: AbsTid, nsID: NsTid, group: ThreadGroup, credentials: UnsafePointer<Credentials>) {
    self.id = id
    self.nsID = nsID
    self.group = group
    self.credentials = credentials
  }

  var isLeader: Bool { id == group.id.leader }
}

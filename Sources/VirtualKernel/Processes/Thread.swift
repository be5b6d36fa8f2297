/// The unit that makes system calls.
public final class Thread {
  public let id: AbsTid
  public let nsID: NsTid
  public let group: ThreadGroup

  init(id: AbsTid, nsID: NsTid, group: ThreadGroup) {
    self.id = id
    self.nsID = nsID
    self.group = group
  }

  var isLeader: Bool { id == group.id.leader }
}

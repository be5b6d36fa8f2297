/// The unit that makes system calls.
public final class Thread {
  public let id: AbsTid
  public let nsID: NsTid
  public let group: ThreadGroup
  /// Of the kernel's table, which outlives every thread.
  var credentials: UnsafePointer<Credentials>
  /// In a run on which every machine is the same: the processors that it was told to run on; nil for all.
  var affinity: UInt64?

  /// What it was let map, in a run that answers for the processor.
  var newCode: [CodeMapping] = []

  /// A wait that it was let through, in a run with a virtual clock.
  var wait: TimedWait?
  /// How long it has waited to the end the last time.
  var lastSleep: UInt64 = 0
  var deadlines = RecentDeadlines()
  /// The clock of a thread that has slept while others of its process have not, where it is ahead of the process's.
  var lead: UInt64 = 0

  init(id: AbsTid, nsID: NsTid, group: ThreadGroup, credentials: UnsafePointer<Credentials>) {
    self.id = id
    self.nsID = nsID
    self.group = group
    self.credentials = credentials
  }

  var isLeader: Bool { id == group.id.leader }
}

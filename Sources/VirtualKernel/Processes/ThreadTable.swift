import Reproducibility
import SystemPackage

/// The living threads of the guest, by the ids that the notifier reports. A thread is found at its first trapped call.
public final class ThreadTable {
  private let information: any ProcessInformation
  let credentials: CredentialsTable
  private var threads: [AbsTid: Thread] = [:]
  public private(set) var namespace = Namespace()
  public private(set) var groups: [AbsTgid: ThreadGroup] = [:]

  private var lastNumber: UInt32 = 1
  /// nil in a run whose processes have the kernel's numbers.
  var numbers: ProcessNumbers?
  /// Whose children the processes are that have no parent here; nil if none has an identity.
  private let ancestor: ProcessIdentity?

  init(information: any ProcessInformation, credentials: CredentialsTable, ancestor: ProcessIdentity? = nil) {
    self.information = information
    self.credentials = credentials
    self.ancestor = ancestor
  }

  public var threadCount: Int { threads.count }
  /// The most threads that were known at a time.
  public private(set) var peakThreadCount = 0

  /// The thread that made a call.
  /// - Throws: `.noSuchProcess` if it has ended meanwhile.
  public func thread(_ id: AbsTid) throws(Errno) -> Thread {
    if let known = threads[id] {
      if isAlive(known) { return known }
      remove(known)
    }
    return try find(id)
  }

  public func thread(_ id: NsTid) -> Thread? {
    namespace.thread(id).flatMap { threads[$0] }
  }

  /// The death of a group is reported, that of a single thread is not: its id may be another group's by now.
  private func isAlive(_ thread: Thread) -> Bool {
    thread.isLeader || information.isThread(thread.id, of: thread.group.id)
  }

  /// As `thread(_:)`, also one that has made no call yet that is seen: a thread of a known process, or a child of one. Its parent may have
  /// reaped a process before its death was reported.
  func findThread(_ id: NsTid) -> Thread? {
    if let known = thread(id) {
      if information.isThread(known.id, of: known.group.id) { return known }
      if !known.isLeader { remove(known) }
    }
    // To ask thousands of threads for their children takes long, and most numbers are nobody's.
    guard (try? information.statusOfProcLink(String(id.rawValue))) != nil else { return nil }
    if let leader = information.leader(of: id), leader.rawValue != id.rawValue {
      guard let group = findThread(NsTid(rawValue: leader.rawValue))?.group else { return nil }
      // The newest is the last one of the list.
      for thread in information.threads(of: group.id).reversed() where threads[thread] == nil {
        if let found = try? find(thread), found.nsID == id { return found }
      }
      return nil
    }
    for parent in threads.keys {
      for child in information.children(of: parent) where groups[child] == nil {
        if let found = try? find(child.leader), found.nsID == id { return found }
      }
    }
    return nil
  }

  public func group(_ id: NsTgid) -> ThreadGroup? {
    namespace.group(id).flatMap { groups[$0] }
  }

  /// A thread says that it, or its process's image, is new: what is known of it may be that of a dead thread of the same id.
  public func birth(of id: AbsTid) throws(Errno) {
    if let known = threads[id], !known.isLeader { remove(known) }
    _ = try thread(id)
  }

  private func find(_ id: AbsTid) throws(Errno) -> Thread {
    let status = try information.status(of: id)
    let group: ThreadGroup
    if let known = groups[status.group] {
      group = known
    } else {
      group = ThreadGroup(
        id: status.group, nsID: status.nsGroup, parent: status.parent, number: lastNumber + 1,
        pidfd: try information.watch(status.group))
      lastNumber += 1
      group.umask = status.umask
      if let ancestor { group.identity = (groups[status.parent]?.identity ?? ancestor).child() }
      if let unit = groups[status.parent]?.unit {
        group.unit = unit
        for unit in unit.chain { unit.living += 1 }
      }
      groups[status.group] = group
      namespace.insert(group)
      numbers?.didBegin(group.nsID.rawValue)
    }
    let thread = Thread(id: id, nsID: status.nsTid, group: group, credentials: try inherited(by: id, status.parent))
    // sched_setaffinity(2): inherited across fork(2); which thread has made this one nobody tells.
    thread.affinity = (threads[status.group.leader] ?? threads[status.parent.leader])?.affinity
    threads[id] = thread
    group.threads.append(id)
    if !thread.isLeader { group.clock?.beginThreads() }
    namespace.insert(thread)
    peakThreadCount = max(peakThreadCount, threads.count)
    if group.threads.count > group.sweepThreshold { sweep(group) }
    return thread
  }

  /// A process that the kernel has named as the child of another; nil if it has ended, and its number may be somebody else's.
  func child(_ id: AbsTgid, of parent: ThreadGroup) -> ThreadGroup? {
    if let known = groups[id] { return known }
    func isChild() -> Bool { (try? information.status(of: id.leader))?.parent == parent.id }
    guard isChild(), let group = (try? thread(id.leader))?.group else { return nil }
    // The pidfd is of who has the number now.
    guard isChild() else {
      remove(group.id)
      return nil
    }
    return group
  }

  /// Whose credentials a thread was born with.
  private func inherited(by id: AbsTid, _ parent: AbsTgid) throws(Errno) -> UnsafePointer<Credentials> {
    guard credentials.hasOthers else { return credentials.initial }
    let slack = try information.timerSlack(of: id)
    // A real-time thread has none and so no mark: its parent is the next best witness.
    if slack == 0 { return threads[parent.leader]?.credentials ?? credentials.initial }
    return credentials.marked(by: slack) ?? credentials.initial
  }

  /// Changes who a thread is, for itself and for what it will be the parent of.
  func setCredentials(_ new: Credentials, of thread: Thread) throws(Errno) {
    if thread.credentials.pointee == new { return }
    let pointer = try credentials.intern(new)
    try information.setTimerSlack(of: thread.id, to: credentials.slack(for: pointer))
    thread.credentials = pointer
  }

  /// Forgets the threads of a group that have ended. The threshold doubles, so that the cost per thread is constant.
  private func sweep(_ group: ThreadGroup) {
    for id in group.threads where !information.isThread(id, of: group.id) {
      if let thread = threads[id], thread.group === group { remove(thread) }
    }
    group.sweepThreshold = max(64, group.threads.count * 2)
  }

  private func remove(_ thread: Thread) {
    threads[thread.id] = nil
    namespace.remove(thread)
    thread.group.threads.removeAll { $0 == thread.id }
  }

  /// The process has ended.
  public func remove(_ id: AbsTgid) {
    guard let group = groups.removeValue(forKey: id) else { return }
    for thread in group.threads {
      if let known = threads[thread], known.group === group {
        namespace.remove(known)
        threads[thread] = nil
      }
    }
    if group.processNumber != 0 {
      numbers?.didEnd(group.nsID.rawValue, group.processNumber, isReplaced: namespace.group(group.nsID) != group.id)
    }
    namespace.remove(group)
    information.endWatch(group.pidfd)
  }
}

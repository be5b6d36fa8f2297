import Reproducibility
import SystemPackage

/// A sleep, or another wait for at most some time, that a thread was let through. That it lasted to its end only the thread's next call tells.
struct TimedWait: BitwiseCopyable {
  /// On CLOCK_MONOTONIC of the host's.
  var hostEnd: UInt64
  /// On the process's clock.
  var end: UInt64
  /// A timer that goes off again and again does so after so many nanoseconds; 0 for what ends.
  var interval: UInt64 = 0
  /// Runtimes such as Go's and Java's wait in this way for matters of their own, with the thread that the program began with, too.
  var isOfRuntime = false
}

// What time it is to a process in a run with a virtual clock.
extension VirtualKernel {
  /// In a process of several threads a shorter wait, or one as long as the last, moves the clock of the thread that waited only: those that
  /// wake up again and again to look after others, as Go's and Java's runtimes have them, would else give the process the host's time.
  private static let shortWait: UInt64 = 60_000_000
  /// What goes off more often is a timer for a profile and measures the host's time.
  private static let shortInterval: UInt64 = 1_000_000_000

  /// The thread makes a call at this time of the host's.
  /// - Parameter isNew: false if it waited for work, and is taken up again.
  func keepTime(of thread: Thread, at hostTime: UInt64, isNew: Bool) {
    let clock = clock(of: thread.group)
    if isNew { clock.countCall() }
    files.times?.caller = clock
    if let wait = thread.wait {
      thread.wait = nil
      if hostTime >= wait.hostEnd { lift(thread, clock, wait) }
    }
    if !thread.group.timers.isEmpty { settleTimers(of: thread.group, clock, at: hostTime) }
  }

  /// The thread has waited to the end.
  func finish(wait: TimedWait, of thread: Thread) {
    lift(thread, clock(of: thread.group), wait)
  }

  private func lift(_ thread: Thread, _ clock: ProcessClock, _ wait: TimedWait) {
    let slept = wait.interval
    // A time that is waited for is a little nearer when it is asked for than when it was computed.
    let isRepeated = slept > thread.lastSleep / 10 * 9 && slept < thread.lastSleep / 10 * 11
    thread.lastSleep = slept
    if slept < Self.shortWait || isRepeated && !thread.isLeader, hasOthers(thread) {
      thread.lead = max(thread.lead, wait.end)
    } else {
      clock.wait(until: wait.end, for: slept, isShown: thread.isLeader && !wait.isOfRuntime)
    }
  }

  /// Whether another thread of its process lives.
  private func hasOthers(_ thread: Thread) -> Bool {
    thread.group.threads.contains { $0 != thread.id && information.isThread($0, of: thread.group.id) }
  }

  private func settleTimers(of group: ThreadGroup, _ clock: ProcessClock, at hostTime: UInt64) {
    for (timer, wait) in group.timers where hostTime >= wait.hostEnd {
      guard isStillThere(timer, wait, of: group) else {
        group.timers[timer] = nil
        continue
      }
      guard wait.interval >= Self.shortInterval else {
        group.timers[timer] = nil
        clock.wait(until: wait.end, for: 0, isShown: false)
        continue
      }
      let count = (hostTime - wait.hostEnd) / wait.interval
      clock.wait(until: wait.end &+ count &* wait.interval, for: 0, isShown: false)
      group.timers[timer] = TimedWait(
        hostEnd: wait.hostEnd &+ (count + 1) &* wait.interval, end: wait.end &+ (count + 1) &* wait.interval,
        interval: wait.interval)
    }
  }

  /// Whether a descriptor is still the timer that was set: close(2) is not seen, and what is closed does not go off.
  private func isStillThere(_ timer: TimerKey, _ wait: TimedWait, of group: ThreadGroup) -> Bool {
    guard case .descriptor(let descriptor) = timer else { return true }
    var text: [UInt8] = []
    do throws(Errno) { try information.readProc("\(group.nsID.rawValue)/fdinfo/\(descriptor)", into: &text) } catch {
      // A process may not be looked at, and has its timers all the same.
      return error != .noSuchFileOrDirectory
    }
    let interval = "it_interval: (\(wait.interval / 1_000_000_000), \(wait.interval % 1_000_000_000))"
    return text.split(separator: 0x0a).contains { $0.elementsEqual(interval.utf8) }
  }

  /// The process's clock, which begins where its parent's stood at its birth.
  func clock(of group: ThreadGroup) -> ProcessClock {
    if let clock = group.clock { return clock }
    let rule = reproduction.clock ?? ClockRule(epoch: 0)
    var start = rule.epoch
    if let parent = processes.groups[group.parent] {
      let clock = clock(of: parent)
      look(atChildrenOf: parent, clock)
      start = clock.base
    }
    let clock = ProcessClock(rule, at: start)
    if group.threads.contains(where: { $0 != group.id.leader }) { clock.beginThreads() }
    group.clock = clock
    return clock
  }

  /// Whom the process has waited for.
  func look(atChildrenOf group: ThreadGroup, _ clock: ProcessClock) {
    clock.look(at: information.children(of: group.id.leader).map(\.rawValue))
    processes.groups[group.parent]?.clock?.note(child: clock)
  }

  /// What the caller is told when it asks for the time.
  func ask(_ call: Call) -> UInt64 {
    let (thread, group) = (call.thread, call.thread.group)
    let clock = clock(of: group)
    look(atChildrenOf: group, clock)
    let time = thread.lead > 0 ? clock.ask(&thread.lead) : clock.ask()
    processes.groups[group.parent]?.clock?.note(child: clock)
    return time
  }

  /// The process runs another program, of whose threads only the first is left.
  func continueClock(of group: ThreadGroup) {
    guard let clock = group.clock else { return }
    clock.execute()
    // execve(2): timers that were created are gone, and so is the memory in which times stood.
    group.timers = group.timers.filter { if case .created = $0.key { false } else { true } }
    group.timerClocks = [:]
    group.timePlaces = nil
    (try? processes.thread(group.id.leader))?.lead = 0
  }

  /// The process ends.
  func endClock(of group: ThreadGroup) {
    guard let clock = group.clock, !clock.hasEnded else { return }
    look(atChildrenOf: group, clock)
    clock.hasEnded = true
    processes.groups[group.parent]?.clock?.noteEnd(of: clock, id: group.id.rawValue)
  }

  /// What the kernel maps into each program so that it need not be called for the time is made to call (vdso(7)). The program has made no call
  /// yet that is seen, so no library has looked there.
  /// - Parameter thread: of the process, and not known to have ended.
  func patchVDSO(of image: ProcessImage, _ group: ThreadGroup, through thread: AbsTid) {
    guard image.vdso != 0, !reproduction.vdsoPatches.isEmpty else { return }
    do throws(Errno) {
      try memory.patch(thread, of: group, at: image.vdso, reproduction.vdsoPatches)
    } catch {
      guard error != .noSuchProcess, reproduction.clock != nil else { return }
      // It would see the machine's time.
      couldNotPatch = true
      information.signal(group.id.leader, of: group.id, 9)  // SIGKILL
    }
  }
}

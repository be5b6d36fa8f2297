import Reproducibility
import SystemPackage
import Tracing

/// A process: threads that share memory, descriptors and the current directory.
public final class ThreadGroup {
  /// What is known of the current directory. The kernel's answer is the truth, because chdir is run by the kernel.
  enum WorkingDirectory {
    case unknown
    case known(DentryID, generation: Int)
    /// This thread was let through a chdir(2); it may not have happened yet.
    case changing(AbsTid)
  }

  /// What is known of a process that is about to end.
  struct End {
    /// When it made its exit_group(2).
    var time: UInt64
    /// As wait(2) will tell it, unless a signal is faster.
    var status: Int32
    var use: ResourceUse?
  }

  public let id: AbsTgid
  public let nsID: NsTgid
  public let parent: AbsTgid
  /// The trace's own number: the supervisor is 1, the guest's processes count from 2 in the order in which they were found.
  public let number: UInt32
  /// Whether the trace knows of it.
  var isAnnounced = false
  /// Refers to this very process, whatever its id is used for later.
  public let pidfd: FileDescriptor
  public internal(set) var threads: [AbsTid] = []

  /// nil until it is needed: the parent may have changed its own since the fork.
  var umask: UInt32?
  var workingDirectory = WorkingDirectory.unknown
  /// Shares its current directory and umask with another process, so that neither may be remembered.
  var sharesFileSystemState = false
  var descriptors = FdTable()
  /// The file of the last execve(2) that was let through, a hint for /proc/self/exe.
  var executable = DentryID.none
  /// An execve(2) that was let through and of which it is not known yet what it has led to.
  var execution: Execution?
  /// What it runs since its last execve(2), in a run that answers for the processor.
  var newProgram: NewProgram?
  /// The files of which the trace knows that they ask the processor.
  var unanswered: Set<HostIdentity> = []
  static let mostUnanswered = 256
  var end: End?
  /// What it does belongs to this, in a run that skips.
  var unit: Unit?
  /// What it runs is known to make nothing of what time it is.
  var hasKnownProgram = true
  /// Where its random numbers come from; nil in a run without a seed.
  var identity: ProcessIdentity?
  /// What time it is to the process, in a run with a virtual clock.
  var clock: ProcessClock?
  var timers: [TimerKey: TimedWait] = [:]
  /// nil before it has needed one.
  var timePlaces: TimePlaces?
  /// Of timers (timer_create(2)).
  var timerClocks: [Int32: Int32] = [:]
  /// What it knows itself by; 0 before anybody has asked, and in a run without process numbers.
  var processNumber: Int32 = 0
  /// Whether it runs another program than the one that it was born with.
  var hasExecuted = false
  /// Signals that libc has sent to its threads for purposes of its own, and that have not been handled yet.
  var internalSignals = 0
  /// What is still recorded of what it says to others of the guest, and to the user.
  var guestOutput = OutputAllowance(left: Recorder.pipeLimit)
  var userOutput = OutputAllowance(left: Recorder.userLimit)
  /// The calls whose refusal the trace knows, by number.
  var refused = SIMD8<UInt64>()
  /// How many threads there may be before the dead ones are looked for.
  var sweepThreshold = 64

  /// How much of a process's output is recorded.
  struct OutputAllowance {
    var left: Int
    /// Whether the trace knows that there was more.
    var isCut = false
  }

  init(id: AbsTgid, nsID: NsTgid, parent: AbsTgid, number: UInt32, pidfd: FileDescriptor) {
    self.id = id
    self.nsID = nsID
    self.parent = parent
    self.number = number
    self.pidfd = pidfd
  }
}

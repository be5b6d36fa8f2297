import CLinux
import Glibc
import SystemPackage

/// Holds a run to its limits: by the kernel where it has a way (a control group, the resource limits that `GuestLaunch` sets),
/// by looking now and then where not.
struct LimitEnforcer {
  /// What must be done now.
  enum Action {
    case none
    /// The guest is asked to end with a signal, and killed if it does not.
    case end(signal: Int32, String)
    /// Guest init was killed.
    case killed(String)
    /// Nothing more may be written.
    case refuseWrites(String)
  }

  private let limits: Limits
  private var group: ControlGroup?
  private var memory: GuestMemoryUsage?
  /// Counts the processor time of the guest where no group does.
  private var processorCounter: FileDescriptor?
  private var deadline: ContinuousTime?
  private(set) var isTimeOver = false
  private var isProcessorTimeOver = false
  private var isFull = false
  private var initPid: Int32 = 0
  private var layer: FileDescriptor?
  /// What the supervisor itself has used to answer the guest.
  private var ownTime = 0.0
  /// Where /tmp and /dev/shm are, if that is on a disk.
  private var store: FileDescriptor?
  /// Bytes that count against the limit on the disk, as of the last look; to be told to the virtual kernel.
  var measured: Int?
  private var nextLook: ContinuousTime = 0
  /// Of children that read archives, before the guest began.
  private var earlierSeconds = 0.0

  private static let lookInterval = 0.05
  /// Bytes beyond the limit on the disk that writes under way may still bring.
  private static let tolerance = 16 << 20

  init(_ limits: Limits) throws(SupervisorError) {
    self.limits = limits
    if limits.processes != nil || limits.memory != nil || limits.processorTime != nil {
      group = ControlGroup.make(limits)
    }
  }

  /// Puts guest init, and so all of the guest, under the limits.
  /// - Parameter movesSupervisor: the supervisor may go into a group of its own.
  mutating func attach(_ initPid: Int32, movesSupervisor: Bool) throws(SupervisorError) {
    self.initPid = initPid
    if let group, !group.add(initPid) {
      group.remove()
      self.group = nil
    }
    if group?.has(.pids) != true, limits.processes != nil, geteuid() == 0 {
      remove()
      throw SupervisorError(
        "--pids needs a control group when uwrx runs as root, and none can be made: mount cgroup2 at /sys/fs/cgroup writable, "
          + "or run uwrx as an ordinary user")
    }
    if movesSupervisor { group?.moveSupervisor() }
    if limits.processorTime != nil, group?.has(.cpuacct) != true {
      let counter = uwrx_open_processor_counter(initPid)
      processorCounter = counter < 0 ? nil : FileDescriptor(rawValue: Int32(counter))
    }
  }

  /// The time begins to run.
  /// - Parameters:
  ///   - views: the directory of what the run keeps, and the guest's tmpfs.
  ///   - storeIsMemory: /tmp and /dev/shm are in memory.
  mutating func start(_ views: Views, storeIsMemory: Bool) {
    layer = views.run
    store = storeIsMemory ? nil : views.store
    if limits.memory != nil { memory = GuestMemoryUsage(views, storeIsMemory: storeIsMemory) }
    earlierSeconds = Self.timeOfDeadChildren
    deadline = limits.timeout.map { ContinuousTime.now + $0 }
  }

  /// Limits that are held only roughly on this machine, each with what could be done.
  var approximations: [String] {
    var messages: [String] = []
    if limits.memory != nil, group?.has(.memory) != true {
      messages.append(
        "--memory is held by looking now and then, as no control group can be made here: unmapped shared memory and the kernel's "
          + "buffers are not counted")
    }
    if limits.processorTime != nil, group?.has(.cpuacct) != true, processorCounter == nil {
      messages.append(
        "--cpu-time misses processes that nobody waits for, as no control group can be made here and perf_event_open is refused: "
          + "see kernel.perf_event_paranoid")
    }
    return messages
  }

  /// The kernel holds no group of processes to these.
  private var mustLook: Bool {
    limits.memory != nil || (limits.processorTime != nil && !isProcessorTimeOver) || limits.disk != nil
  }

  var nextCheck: ContinuousTime? {
    [isTimeOver ? nil : deadline, mustLook ? nextLook : nil].compactMap { $0 }.min()
  }

  /// - Parameter ownTime: the seconds of processor time that answering the guest has taken; asked if it matters.
  mutating func check(_ now: ContinuousTime, ownTime: () -> Double?) -> Action {
    if let deadline, !isTimeOver, now >= deadline {
      isTimeOver = true
      let limit = Self.seconds(limits.timeout!)
      return .end(signal: SIGTERM, "the time limit of \(limit) s (--timeout) is over; the guest was ended")
    }
    guard mustLook, now >= nextLook else { return .none }
    if limits.processorTime != nil, let time = ownTime() { self.ownTime = time }
    let action = look()
    // To look at many processes and files takes time, of which the guest is to have the larger part.
    let end = ContinuousTime.now
    nextLook = end + max(Self.lookInterval, 20 * (end - now))
    return action
  }

  private mutating func look() -> Action {
    if let action = lookAtDisk() { return action }
    let walksForTime = limits.processorTime != nil && !isProcessorTimeOver && processorTime == nil
    let walksForMemory = limits.memory != nil && group?.has(.memory) != true
    let tree =
      walksForTime || walksForMemory
      ? ProcessTreeUsage(of: initPid, memoryDevice: walksForMemory ? memory?.memoryDevice : nil) : nil
    let seconds = (processorTime ?? tree?.seconds ?? 0) + ownTime
    if let limit = limits.processorTime, !isProcessorTimeOver, seconds >= limit {
      isProcessorTimeOver = true
      return .end(signal: SIGXCPU, Self.processorMessage(limit))
    }
    if let limit = limits.memory, let memory, memoryUse(memory, tree) > limit {
      kill(initPid, SIGKILL)
      return .killed(memoryMessage(limit))
    }
    return .none
  }

  /// Seconds of processor time of the whole guest, living and dead; nil if nobody counts them.
  private var processorTime: Double? {
    if let time = group?.processorTime { return time }
    var nanoseconds: UInt64 = 0
    guard let counter = processorCounter, Glibc.read(counter.rawValue, &nanoseconds, 8) == 8 else { return nil }
    return Double(nanoseconds) / 1e9
  }

  private func memoryUse(_ memory: GuestMemoryUsage, _ tree: ProcessTreeUsage?) -> Int {
    if let tree {
      // What is mapped may be any of the others, too.
      let shared = max(tree.mappedShared, memory.files + tree.openShared + memory.systemV)
      return tree.anonymous + shared + memory.names + memory.supervisorGrowth
    }
    guard let group else { return 0 }
    if let supervisor = group.supervisorMemory {
      return group.guestMemory + supervisor.shared + max(0, supervisor.own - GuestMemoryUsage.allowance) + memory.names
    }
    return group.guestMemory + max(0, memory.files - group.guestShared) + memory.supervisorGrowth + memory.names
  }

  private mutating func lookAtDisk() -> Action? {
    guard let limit = limits.disk, let layer else { return nil }
    let bytes = LayerUsage(of: layer, store: store).bytes
    measured = bytes
    if !isFull, bytes > limit {
      isFull = true
      return .refuseWrites(
        "the limit of \(limits.spelling(of: limit)) of files (--disk) was reached; to the guest the disk was full from then on"
      )
    }
    // Writes to files that were open already are not seen.
    guard isFull, bytes - limit > limit / 4 + Self.tolerance else { return nil }
    kill(initPid, SIGKILL)
    return .killed(
      "the guest went on to write beyond the limit of \(limits.spelling(of: limit)) of files (--disk), and was killed")
  }

  /// Limits that the kernel has enforced.
  /// - Parameters:
  ///   - peak: the most threads that the guest had at a time.
  ///   - ranOutOfDescriptors: whether a call failed with EMFILE.
  ///   - signal: what has ended the command; 0 if it was none.
  func report(peak: Int, ranOutOfDescriptors: Bool, signal: Int32) -> [String] {
    var messages: [String] = []
    if let memory = limits.memory, group?.hasKilled == true { messages.append(memoryMessage(memory)) }
    // RLIMIT_NPROC does not tell that it has refused a fork.
    if let processes = limits.processes, group?.hasRefused ?? (peak >= processes) {
      messages.append("the limit of \(processes) processes (--pids) was reached; forks beyond it failed with EAGAIN")
    }
    if let files = limits.openFiles, ranOutOfDescriptors {
      messages.append("the limit of \(files) open files (--open-files) was reached; calls beyond it failed with EMFILE")
    }
    // Nor does RLIMIT_FSIZE, but a write is carried out up to the limit.
    if let (size, option) = limits.largestFile, option != "--disk" || !isFull, let layer,
      LayerUsage(of: layer).largest >= size
    {
      messages.append(
        "a file reached the limit of \(limits.spelling(of: size)) (\(option)); writes beyond it got SIGXFSZ or EFBIG")
    }
    // A single process is held to it by the kernel, which may be faster than our look, and counts by its ticks.
    let time = processorTime ?? Self.timeOfDeadChildren - earlierSeconds
    if let limit = limits.processorTime, !isProcessorTimeOver, time >= limit || signal == SIGXCPU {
      messages.append(Self.processorMessage(limit))
    }
    return messages
  }

  func remove() {
    group?.remove()
  }

  /// The seconds that the supervisor's own dead children used, of which guest init is the only one that lives long.
  private static var timeOfDeadChildren: Double {
    var usage = rusage()
    guard getrusage(RUSAGE_CHILDREN.rawValue, &usage) == 0 else { return 0 }
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func processorMessage(_ limit: Double) -> String {
    "the limit of \(seconds(limit)) s of processor time (--cpu-time) was reached; the guest was ended"
  }

  private func memoryMessage(_ bytes: Int) -> String {
    "the memory limit of \(limits.spelling(of: bytes)) (--memory) was reached; the guest was killed"
  }

  private static func seconds(_ value: Double) -> String {
    Int(exactly: value).map { String($0) } ?? String(value)
  }

  /// The number in a file of /proc or of a control group.
  static func number(_ path: String) -> Int? {
    read(path).flatMap { Int($0.prefix { $0 != "\n" }) }
  }

  static func read(_ path: String) -> String? {
    let file = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
    guard file >= 0 else { return nil }
    defer { close(Int32(file)) }
    // Its pages are taken as far as they are written.
    return withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 8) { buffer in
      var text: [UInt8] = []
      while true {
        let count = Glibc.read(Int32(file), buffer.baseAddress!, buffer.count)
        if count < 0 { return nil }
        if count == 0 { return String(decoding: text, as: UTF8.self) }
        text += buffer.prefix(count)
      }
    }
  }
}

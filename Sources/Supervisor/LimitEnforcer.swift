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
  private var deadline: ContinuousTime?
  private(set) var isTimeOver = false
  private var isProcessorTimeOver = false
  private var isFull = false
  private var initPid: Int32 = 0
  private var layer: FileDescriptor?
  private var nextLook: ContinuousTime = 0
  /// Of children that read archives, before the guest began.
  private var earlierSeconds = 0.0

  private static let lookInterval = 0.05
  /// Bytes beyond the limit on the disk that writes under way may still bring.
  private static let tolerance = 16 << 20

  init(_ limits: Limits) throws(SupervisorError) {
    self.limits = limits
    if limits.processes != nil || limits.memory != nil { group = ControlGroup.make(limits) }
  }

  /// Puts guest init, and so all of the guest, under the limits.
  mutating func attach(_ initPid: Int32) throws(SupervisorError) {
    self.initPid = initPid
    if let group, !group.add(initPid) {
      group.remove()
      self.group = nil
    }
    if group == nil, limits.processes != nil, geteuid() == 0 {
      throw SupervisorError(
        "--pids needs a control group when uwrx runs as root, and none can be made: mount cgroup2 at /sys/fs/cgroup writable, "
          + "or run uwrx as an ordinary user")
    }
  }

  /// The time begins to run.
  /// - Parameter layer: the directory that holds what the run keeps.
  mutating func start(layer: FileDescriptor) {
    self.layer = layer
    earlierSeconds = ProcessTreeUsage.ofDeadChildren
    deadline = limits.timeout.map { ContinuousTime.now + $0 }
  }

  /// The kernel holds no group of processes to these.
  private var mustLook: Bool {
    (limits.memory != nil && group == nil) || (limits.processorTime != nil && !isProcessorTimeOver)
      || limits.disk != nil
  }

  var nextCheck: ContinuousTime? {
    [isTimeOver ? nil : deadline, mustLook ? nextLook : nil].compactMap { $0 }.min()
  }

  mutating func check(_ now: ContinuousTime) -> Action {
    if let deadline, !isTimeOver, now >= deadline {
      isTimeOver = true
      let limit = Self.seconds(limits.timeout!)
      return .end(signal: SIGTERM, "the time limit of \(limit) s (--timeout) is over; the guest was ended")
    }
    guard mustLook, now >= nextLook else { return .none }
    let action = look()
    // To look at many processes and files takes time, of which the guest is to have the larger part.
    let end = ContinuousTime.now
    nextLook = end + max(Self.lookInterval, 20 * (end - now))
    return action
  }

  private mutating func look() -> Action {
    if let action = lookAtDisk() { return action }
    let needsMemory = limits.memory != nil && group == nil
    guard needsMemory || (limits.processorTime != nil && !isProcessorTimeOver) else { return .none }
    let usage = ProcessTreeUsage(of: initPid)
    if let limit = limits.processorTime, !isProcessorTimeOver, usage.seconds >= limit {
      isProcessorTimeOver = true
      return .end(
        signal: SIGXCPU,
        "the limit of \(Self.seconds(limit)) s of processor time (--cpu-time) was reached; the guest was ended")
    }
    if let limit = limits.memory, group == nil, usage.residentBytes > limit {
      kill(initPid, SIGKILL)
      return .killed(Self.memoryMessage(limit))
    }
    return .none
  }

  private mutating func lookAtDisk() -> Action? {
    guard let limit = limits.disk, let layer else { return nil }
    let bytes = LayerUsage(of: layer).bytes
    if !isFull, bytes > limit {
      isFull = true
      return .refuseWrites(
        "the limit of \(limit) bytes of files (--disk) was reached; to the guest the disk was full from then on")
    }
    // Writes to files that were open already are not seen.
    guard isFull, bytes - limit > limit / 4 + Self.tolerance else { return nil }
    kill(initPid, SIGKILL)
    return .killed("the guest went on to write beyond the limit of \(limit) bytes of files (--disk), and was killed")
  }

  /// Limits that the kernel has enforced.
  /// - Parameters:
  ///   - peak: the most threads that the guest had at a time.
  ///   - ranOutOfDescriptors: whether a call failed with EMFILE.
  func report(peak: Int, ranOutOfDescriptors: Bool) -> [String] {
    var messages: [String] = []
    if let memory = limits.memory, let group, group.hasKilled { messages.append(Self.memoryMessage(memory)) }
    // RLIMIT_NPROC does not tell that it has refused a fork.
    if let processes = limits.processes, group?.hasRefused ?? (peak >= processes) {
      messages.append("the limit of \(processes) processes (--pids) was reached; forks beyond it failed with EAGAIN")
    }
    if let files = limits.openFiles, ranOutOfDescriptors {
      messages.append("the limit of \(files) open files (--open-files) was reached; calls beyond it failed with EMFILE")
    }
    // Nor does RLIMIT_FSIZE, but a write is carried out up to the limit.
    if let size = limits.fileSize, let layer, LayerUsage(of: layer).largest >= size {
      messages.append("a file reached the limit of \(size) bytes (--file-size); writes beyond it got SIGXFSZ or EFBIG")
    }
    // A single process is held to it by the kernel, which may be faster than our look.
    if let time = limits.processorTime, !isProcessorTimeOver, ProcessTreeUsage.ofDeadChildren - earlierSeconds >= time {
      messages.append(
        "the limit of \(Self.seconds(time)) s of processor time (--cpu-time) was reached; the guest was ended")
    }
    return messages
  }

  func remove() {
    group?.remove()
  }

  private static func memoryMessage(_ bytes: Int) -> String {
    "the memory limit of \(bytes) bytes (--memory) was reached; the guest was killed"
  }

  private static func seconds(_ value: Double) -> String {
    Int(exactly: value).map { String($0) } ?? String(value)
  }

  static func read(_ path: String) -> String? {
    let file = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
    guard file >= 0 else { return nil }
    defer { close(Int32(file)) }
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = Glibc.read(Int32(file), &buffer, buffer.count)
    return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}

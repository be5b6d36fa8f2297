import CLinux
import Glibc
import SystemPackage

/// Holds a run to its limits, by a control group where one can be made and by looking where not.
struct LimitEnforcer {
  private let limits: Limits
  private var group: ControlGroup?
  private var deadline: ContinuousTime?
  private var timeIsOver = false
  private var initPid: Int32 = 0
  private var lastLook: ContinuousTime = 0

  private static let lookInterval = 0.05

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
  mutating func start() {
    deadline = limits.timeout.map { ContinuousTime.now + $0 }
  }

  var isTimeOver: Bool { timeIsOver }

  var nextCheck: ContinuousTime? {
    let look = limits.memory != nil && group == nil ? lastLook + Self.lookInterval : nil
    return [timeIsOver ? nil : deadline, look].compactMap { $0 }.min()
  }

  /// - Returns: a message if the guest has to end.
  mutating func check(_ now: ContinuousTime) -> String? {
    if let deadline, !timeIsOver, now >= deadline {
      timeIsOver = true
      return "the time limit of \(Self.seconds(limits.timeout!)) s (--timeout) is over; the guest was ended"
    }
    guard let memory = limits.memory, group == nil, now - lastLook >= Self.lookInterval else { return nil }
    lastLook = now
    guard residentMemory() > memory else { return nil }
    kill(initPid, SIGKILL)
    return Self.memoryMessage(memory)
  }

  /// A limit that the kernel has enforced.
  /// - Parameter peak: the most threads that the guest had at a time.
  func report(peak: Int) -> String? {
    if let memory = limits.memory, let group, group.hasKilled { return Self.memoryMessage(memory) }
    // RLIMIT_NPROC does not tell that it has refused a fork.
    if let processes = limits.processes, group?.hasRefused ?? (peak >= processes) {
      return "the limit of \(processes) processes (--pids) was reached; forks beyond it failed with EAGAIN"
    }
    return nil
  }

  func remove() {
    group?.remove()
  }

  private static func memoryMessage(_ bytes: Int) -> String {
    "the memory limit of \(bytes) bytes (--memory) was reached; the guest was killed"
  }

  private static func seconds(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(value)
  }

  /// The resident pages of the whole guest: all descendants of guest init.
  private func residentMemory() -> Int {
    var total = 0
    var pending = [initPid]
    while let pid = pending.popLast() {
      if let text = Self.read("/proc/\(pid)/statm"), let pages = text.split(separator: " ").dropFirst().first {
        total += (Int(pages) ?? 0) * 4096
      }
      guard let children = Self.read("/proc/\(pid)/task/\(pid)/children") else { continue }
      pending += children.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int32($0) }
    }
    return total
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

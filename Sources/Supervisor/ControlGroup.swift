import CLinux
import Glibc
import SystemPackage

/// A control group of the run's own: cgroup v2 where it is writable, else the v1 controllers.
struct ControlGroup {
  private let directories: [String]
  private let isVersion2: Bool

  /// Makes a group with these limits, or returns nil if the user may not.
  static func make(_ limits: Limits) -> ControlGroup? {
    removeStale()
    return makeVersion2(limits) ?? makeVersion1(limits)
  }

  private static var name: String { "uwrx-\(getpid())" }

  /// Guest init counts too, and is not the guest's. PID_MAX_LIMIT, 2^22, is the most that the kernel takes.
  private static func withInit(_ processes: Int) -> Int { min(processes, (1 << 22) - 1) + 1 }

  private static func makeVersion2(_ limits: Limits) -> ControlGroup? {
    // Where the supervisor is: `0::/path` in /proc/self/cgroup.
    guard let text = LimitEnforcer.read("/proc/self/cgroup"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::") })
    else { return nil }
    let directory = "/sys/fs/cgroup\(line.dropFirst(3) == "/" ? "" : String(line.dropFirst(3)))/\(name)"
    guard mkdir(directory, 0o755) == 0 else { return nil }
    let group = ControlGroup(directories: [directory], isVersion2: true)
    var isComplete = true
    if let processes = limits.processes {
      isComplete = write(String(withInit(processes)), to: "\(directory)/pids.max") && isComplete
    }
    if let memory = limits.memory {
      isComplete = write(String(memory), to: "\(directory)/memory.max") && isComplete
      _ = write("0", to: "\(directory)/memory.swap.max")
      _ = write("1", to: "\(directory)/memory.oom.group")
    }
    if isComplete { return group }
    group.remove()
    return nil
  }

  private static func makeVersion1(_ limits: Limits) -> ControlGroup? {
    var directories: [String] = []
    func add(_ controller: String, _ file: String, _ value: Int) -> Bool {
      let directory = "/sys/fs/cgroup/\(controller)/\(name)"
      guard mkdir(directory, 0o755) == 0 else { return false }
      directories.append(directory)
      return write(String(value), to: "\(directory)/\(file)")
    }
    var isComplete = true
    if let processes = limits.processes { isComplete = add("pids", "pids.max", withInit(processes)) && isComplete }
    if let memory = limits.memory { isComplete = add("memory", "memory.limit_in_bytes", memory) && isComplete }
    let group = ControlGroup(directories: directories, isVersion2: false)
    if isComplete { return group }
    group.remove()
    return nil
  }

  func add(_ pid: Int32) -> Bool {
    directories.allSatisfy { Self.write(String(pid), to: "\($0)/cgroup.procs") }
  }

  /// Whether a process was killed for want of memory.
  var hasKilled: Bool { count("memory.events", "oom_kill") > 0 || count("memory.oom_control", "oom_kill") > 0 }
  /// Whether a fork was refused.
  var hasRefused: Bool { count("pids.events", "max") > 0 }

  private func count(_ file: String, _ key: String) -> Int {
    for directory in directories {
      guard let text = LimitEnforcer.read("\(directory)/\(file)") else { continue }
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 2, words[0] == key { return Int(words[1]) ?? 0 }
      }
    }
    return 0
  }

  func remove() {
    for directory in directories {
      // The last process may still be on its way out.
      for _ in 0..<100 {
        if rmdir(directory) == 0 || uwrx_errno() != EBUSY { break }
        usleep(2000)
      }
    }
  }

  /// Groups of supervisors that were killed.
  private static func removeStale() {
    for parent in ["/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory"] {
      for name in directoryEntries(parent) ?? [] {
        guard name.hasPrefix("uwrx-"), let pid = pid_t(name.dropFirst(5)), kill(pid, 0) < 0, uwrx_errno() == ESRCH
        else {
          continue
        }
        rmdir("\(parent)/\(name)")
      }
    }
  }

  private static func write(_ text: String, to path: String) -> Bool {
    let file = uwrx_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0)
    guard file >= 0 else { return false }
    defer { close(Int32(file)) }
    return Glibc.write(Int32(file), text, text.utf8.count) == text.utf8.count
  }
}

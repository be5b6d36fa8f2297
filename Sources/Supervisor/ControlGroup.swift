import CLinux
import Glibc
import SystemPackage

/// Control groups of the run's own, below those that the supervisor is in, so that the limits of these hold for the guest, too: of version
/// 2 where its controllers are to be had, else of version 1.
///
/// A group `uwrx-<pid>` has the group `guest`, and for memory `supervisor`, in which the kernel counts what the supervisor takes for the
/// guest: the files of /tmp that it writes are its own to the kernel.
struct ControlGroup {
  enum Controller: String, CaseIterable { case pids, memory, cpuacct }

  private struct Place {
    let own: String
    let isUnified: Bool
    var top: String { "\(own)/\(name)" }
    var guest: String { "\(top)/guest" }
    var supervisor: String { "\(top)/supervisor" }
  }

  private var places: [Controller: Place] = [:]
  private var hasMoved = false

  private static var name: String { "uwrx-\(getpid())" }

  /// Makes the groups that these limits need, as far as the user may.
  /// - Returns: nil if there can be none.
  static func make(_ limits: Limits) -> ControlGroup? {
    guard let groups = LimitEnforcer.read("/proc/self/cgroup"), let mounts = LimitEnforcer.read("/proc/self/mountinfo")
    else { return nil }
    let own = OwnControlGroups(groups: groups, mounts: mounts)
    var wanted: [(Controller, value: Int?)] = []
    // Guest init counts too, and is not the guest's. PID_MAX_LIMIT, 2^22, is the most that the kernel takes.
    if let processes = limits.processes { wanted.append((.pids, min(processes, (1 << 22) - 1) + 1)) }
    if let memory = limits.memory { wanted.append((.memory, memory)) }
    if limits.processorTime != nil { wanted.append((.cpuacct, nil)) }
    var group = ControlGroup()
    for (controller, value) in wanted {
      for (directory, isUnified) in [(own.unified, true), (own.directories[controller.rawValue], false)] {
        guard group.places[controller] == nil, let directory, holdsThisProcess(directory) else { continue }
        let place = Place(own: directory, isUnified: isUnified)
        guard group.prepare(place, controller) else { continue }
        group.places[controller] = place
        if let value, !group.limit(controller, to: value) {
          group.places[controller] = nil
          if !group.places.values.contains(where: { $0.top == place.top }) { removeGroups(place) }
        }
      }
    }
    return group.places.isEmpty ? nil : group
  }

  /// In doubt there is no group: what is mounted may be another part of the hierarchy than it seems.
  private static func holdsThisProcess(_ directory: String) -> Bool {
    LimitEnforcer.read("\(directory)/cgroup.procs")?.split(separator: "\n").contains("\(getpid())") == true
  }

  private func prepare(_ place: Place, _ controller: Controller) -> Bool {
    if places.values.contains(where: { $0.top == place.top }) { return enable(place, controller) }
    Self.removeStale(place.own)
    guard mkdir(place.top, 0o755) == 0 else { return false }
    if enable(place, controller), mkdir(place.guest, 0o755) == 0, mkdir(place.supervisor, 0o755) == 0 { return true }
    Self.removeGroups(place)
    return false
  }

  /// A group of version 2 has the controllers that the one above it hands down; the processor time it always knows.
  private func enable(_ place: Place, _ controller: Controller) -> Bool {
    guard place.isUnified, controller != .cpuacct else { return true }
    return Self.write("+\(controller)", to: "\(place.top)/cgroup.subtree_control")
  }

  private func limit(_ controller: Controller, to value: Int) -> Bool {
    let place = places[controller]!
    func set(_ name: String, _ value: Int) -> Bool { Self.write(String(value), to: "\(place.guest)/\(name)") }
    switch controller {
    case .pids: return set("pids.max", value)
    case .memory where place.isUnified:
      _ = set("memory.swap.max", 0)
      _ = set("memory.oom.group", 1)
      return set("memory.max", value)
    case .memory:
      guard set("memory.limit_in_bytes", value) else { return false }
      // Memory and swap together; only where swap is counted.
      _ = set("memory.memsw.limit_in_bytes", value)
      return true
    case .cpuacct: return true
    }
  }

  func has(_ controller: Controller) -> Bool { places[controller] != nil }

  /// Puts guest init into the groups.
  /// - Returns: false if it could not be put into all of them.
  func add(_ pid: Int32) -> Bool {
    places.values.allSatisfy { Self.write(String(pid), to: "\($0.guest)/cgroup.procs") }
  }

  /// From here on the kernel counts apart what this process takes. Its other memory stays with the group that it was in.
  mutating func moveSupervisor() {
    guard let place = places[.memory] else { return }
    hasMoved = Self.write(String(getpid()), to: "\(place.supervisor)/cgroup.procs")
  }

  // MARK: What was used

  /// Bytes that the guest has, but for files that the kernel can forget.
  var guestMemory: Int {
    guard let place = places[.memory] else { return 0 }
    let used =
      LimitEnforcer.number("\(place.guest)/\(place.isUnified ? "memory.current" : "memory.usage_in_bytes")") ?? 0
    let statistics = Statistics("\(place.guest)/memory.stat")
    let prefix = place.isUnified ? "" : "total_"
    return max(0, used - statistics["\(prefix)inactive_file"] - statistics["\(prefix)active_file"])
  }

  /// Bytes of memory files (tmpfs(5), memfd_create(2)) that are the supervisor's to the kernel, and of its own memory since it moved;
  /// nil if it has not.
  var supervisorMemory: (shared: Int, own: Int)? {
    guard hasMoved, let place = places[.memory] else { return nil }
    let statistics = Statistics("\(place.supervisor)/memory.stat")
    return (statistics["shmem"], statistics[place.isUnified ? "anon" : "rss"])
  }

  /// Bytes of memory files that are the guest's to the kernel.
  var guestShared: Int {
    guard let place = places[.memory] else { return 0 }
    return Statistics("\(place.guest)/memory.stat")[place.isUnified ? "shmem" : "total_shmem"]
  }

  /// Seconds of processor time of all processes that are or were in the group.
  var processorTime: Double? {
    guard let place = places[.cpuacct] else { return nil }
    if place.isUnified { return Double(Statistics("\(place.guest)/cpu.stat")["usage_usec"]) / 1e6 }
    return LimitEnforcer.number("\(place.guest)/cpuacct.usage").map { Double($0) / 1e9 }
  }

  /// Whether a process was killed for want of memory.
  var hasKilled: Bool {
    guard let place = places[.memory] else { return false }
    return Statistics("\(place.guest)/\(place.isUnified ? "memory.events" : "memory.oom_control")")["oom_kill"] > 0
  }

  /// Whether a fork was refused; nil if no group holds the number of processes.
  var hasRefused: Bool? {
    places[.pids].map { Statistics("\($0.guest)/pids.events")["max"] > 0 }
  }

  /// Lines of a key and a number.
  private struct Statistics {
    private let text: String
    init(_ path: String) { text = LimitEnforcer.read(path) ?? "" }

    subscript(key: String) -> Int {
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 2, words[0] == key { return Int(words[1]) ?? 0 }
      }
      return 0
    }
  }

  // MARK: The end

  func remove() {
    if hasMoved, let place = places[.memory] { _ = Self.write(String(getpid()), to: "\(place.own)/cgroup.procs") }
    for place in places.values { Self.removeGroups(place) }
  }

  private static func removeGroups(_ place: Place) { removeGroups(place.top) }

  private static func removeGroups(_ top: String) {
    for directory in ["\(top)/guest", "\(top)/supervisor", top] {
      // The last process may still be on its way out.
      for _ in 0..<100 {
        if rmdir(directory) == 0 || uwrx_errno() != EBUSY { break }
        usleep(2000)
      }
    }
  }

  /// Groups of supervisors that were killed.
  private static func removeStale(_ own: String) {
    for name in directoryEntries(own) ?? [] {
      guard name.hasPrefix("uwrx-"), let pid = pid_t(name.dropFirst(5)),
        pid == getpid() || kill(pid, 0) < 0 && uwrx_errno() == ESRCH
      else { continue }
      for directory in ["\(name)/guest", "\(name)/supervisor", name] { rmdir("\(own)/\(directory)") }
    }
  }

  private static func write(_ text: String, to path: String) -> Bool {
    let file = uwrx_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0)
    guard file >= 0 else { return false }
    defer { close(Int32(file)) }
    return Glibc.write(Int32(file), text, text.utf8.count) == text.utf8.count
  }
}

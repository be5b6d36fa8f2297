/// A file of /proc: who may open it, and where what it says comes from.
struct ProcEntry: Sendable {
  enum Source: Sendable {
    /// The guest reads the kernel's own file, which says at each read what is true then. Who may know is asked by the kernel when it is
    /// read (and then of the reader), or is everybody.
    case live
    /// The same, but the kernel asks when it is opened whether the opener may look into the process (ptrace(2), "Ptrace access mode
    /// checking"): it would ask about the supervisor, so the virtual kernel asks about the guest.
    case inspected
    /// Names of the guest's files or users are put in when it is opened; it stays as it was then.
    case rewritten
    /// The same of a process's memory: who may look into the process may.
    case mapped
    /// Written by the virtual kernel when it is opened.
    case made
    /// Is there, and nobody may open it.
    case withheld
    /// A directory whose names are the kernel's, and whose files are live.
    case mirror
    /// The same; the kernel tells who opens such a file of the opener's own namespaces, so guest init opens it.
    case insideMirror
    /// What has a kind of node of its own.
    case node(ProcNode.Kind)
  }

  struct Places: OptionSet, Sendable {
    var rawValue: UInt8
    static let system = Places(rawValue: 1)
    static let process = Places(rawValue: 2)
    static let task = Places(rawValue: 4)
    static let both: Places = [.process, .task]
  }

  struct Writing: OptionSet, Sendable {
    var rawValue: UInt8
    /// A process may write it about itself or its user's other processes: handed through, the kernel checks the writer.
    static let allowed = Writing(rawValue: 1)
    /// It can be opened for writing, but not changed.
    static let fixed = Writing(rawValue: 2)
  }

  let name: StaticString
  let kind: FileKind
  let permissions: UInt32
  let source: Source
  let places: Places
  let writing: Writing

  init(_ name: StaticString, _ permissions: UInt32, _ source: Source, _ places: Places, _ writing: Writing = []) {
    self.name = name
    self.permissions = permissions
    self.source = source
    self.places = places
    self.writing = writing
    switch source {
    case .mirror, .insideMirror: kind = .directory
    case .node(let node): kind = node.isLink ? .symbolicLink : .directory
    default: kind = .regular
    }
  }

  var nameBytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }

  func isNamed(_ other: StaticString) -> Bool {
    nameBytes.elementsEqual(UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
  }
}

/// Every file of a Linux 6.18's /proc that the guest has (proc(5)). What is not listed does not exist: the directories of hardware
/// (acpi, bus, driver, fs, irq, scsi). Nor does what this kernel does not have.
enum ProcTables {
  static let entries: [ProcEntry] = [
    ProcEntry("buddyinfo", 0o444, .live, .system),
    ProcEntry("cgroups", 0o444, .live, .system),
    ProcEntry("consoles", 0o444, .live, .system),
    ProcEntry("cpuinfo", 0o444, .live, .system),
    ProcEntry("crypto", 0o444, .live, .system),
    ProcEntry("devices", 0o444, .live, .system),
    ProcEntry("diskstats", 0o444, .live, .system),
    ProcEntry("dma", 0o444, .live, .system),
    ProcEntry("execdomains", 0o444, .live, .system),
    ProcEntry("filesystems", 0o444, .live, .system),
    ProcEntry("interrupts", 0o444, .live, .system),
    ProcEntry("loadavg", 0o444, .live, .system),
    ProcEntry("meminfo", 0o444, .live, .system),
    ProcEntry("misc", 0o444, .live, .system),
    ProcEntry("partitions", 0o444, .live, .system),
    ProcEntry("schedstat", 0o444, .live, .system),
    ProcEntry("softirqs", 0o444, .live, .system),
    ProcEntry("stat", 0o444, .live, .system),
    ProcEntry("swaps", 0o444, .live, .system),
    ProcEntry("uptime", 0o444, .live, .system),
    ProcEntry("version", 0o444, .live, .system),
    ProcEntry("vmstat", 0o444, .live, .system),
    ProcEntry("zoneinfo", 0o444, .live, .system),
    ProcEntry("pressure", 0o555, .mirror, .system),
    ProcEntry("tty", 0o555, .mirror, .system),
    ProcEntry("sys", 0o555, .insideMirror, .system),
    ProcEntry("sysvipc", 0o555, .insideMirror, .system),
    ProcEntry("cmdline", 0o444, .made, .system),
    ProcEntry("modules", 0o444, .made, .system),
    // The host's keys, addresses, pages, log and locks, and what only an administrator reads.
    ProcEntry("config.gz", 0o444, .withheld, .system),
    ProcEntry("iomem", 0o444, .withheld, .system),
    ProcEntry("ioports", 0o444, .withheld, .system),
    ProcEntry("kallsyms", 0o444, .withheld, .system),
    ProcEntry("kcore", 0o400, .withheld, .system),
    ProcEntry("key-users", 0o444, .withheld, .system),
    ProcEntry("keys", 0o444, .withheld, .system),
    ProcEntry("kmsg", 0o400, .withheld, .system),
    ProcEntry("kpagecgroup", 0o400, .withheld, .system),
    ProcEntry("kpagecount", 0o400, .withheld, .system),
    ProcEntry("kpageflags", 0o400, .withheld, .system),
    ProcEntry("locks", 0o444, .withheld, .system),
    ProcEntry("mtrr", 0o644, .withheld, .system),
    ProcEntry("pagetypeinfo", 0o400, .withheld, .system),
    ProcEntry("slabinfo", 0o400, .withheld, .system),
    ProcEntry("sysrq-trigger", 0o200, .withheld, .system),
    ProcEntry("timer_list", 0o400, .withheld, .system),
    ProcEntry("vmallocinfo", 0o400, .withheld, .system),

    ProcEntry("arch_status", 0o444, .live, .both),
    ProcEntry("attr", 0o555, .mirror, .both),
    ProcEntry("autogroup", 0o644, .live, .process),
    ProcEntry("auxv", 0o400, .inspected, .both),
    ProcEntry("cgroup", 0o444, .made, .both),
    ProcEntry("children", 0o444, .live, .task),
    ProcEntry("clear_refs", 0o200, .live, .both, .allowed),
    ProcEntry("cmdline", 0o444, .live, .both),
    ProcEntry("comm", 0o644, .live, .both, .allowed),
    ProcEntry("coredump_filter", 0o644, .live, .process, .allowed),
    ProcEntry("cpuset", 0o444, .made, .both),
    ProcEntry("cwd", 0o777, .node(.workingDirectory), .both),
    ProcEntry("environ", 0o400, .inspected, .both),
    ProcEntry("exe", 0o777, .node(.executable), .both),
    ProcEntry("fd", 0o500, .node(.descriptors), .both),
    ProcEntry("fdinfo", 0o555, .node(.descriptorInformation), .both),
    ProcEntry("gid_map", 0o644, .made, .both),
    ProcEntry("io", 0o400, .live, .both),
    ProcEntry("ksm_merging_pages", 0o400, .live, .both),
    ProcEntry("ksm_stat", 0o400, .live, .both),
    ProcEntry("limits", 0o444, .live, .both),
    ProcEntry("loginuid", 0o644, .live, .both),
    ProcEntry("map_files", 0o500, .node(.mappedFiles), .process),
    ProcEntry("maps", 0o444, .mapped, .both),
    ProcEntry("mem", 0o600, .inspected, .both, .allowed),
    ProcEntry("mountinfo", 0o444, .made, .both),
    ProcEntry("mounts", 0o444, .made, .both),
    ProcEntry("mountstats", 0o400, .made, .process),
    ProcEntry("net", 0o555, .insideMirror, .both),
    ProcEntry("ns", 0o511, .node(.namespaces), .both),
    ProcEntry("numa_maps", 0o444, .withheld, .both),
    ProcEntry("oom_adj", 0o644, .live, .both),
    ProcEntry("oom_score", 0o444, .live, .both),
    // Without a privilege of uwrx's the kernel lets a process go back to what it was before uwrx gave it the highest value: then
    // the host's programs would be ended for the guest's want of memory.
    ProcEntry("oom_score_adj", 0o644, .live, .both, .fixed),
    ProcEntry("pagemap", 0o400, .inspected, .both),
    ProcEntry("personality", 0o400, .live, .both),
    ProcEntry("projid_map", 0o644, .made, .both),
    ProcEntry("root", 0o777, .node(.rootDirectory), .both),
    ProcEntry("sched", 0o644, .live, .both),
    ProcEntry("schedstat", 0o444, .live, .both),
    ProcEntry("sessionid", 0o444, .live, .both),
    ProcEntry("setgroups", 0o644, .made, .both),
    ProcEntry("smaps", 0o444, .mapped, .both),
    ProcEntry("smaps_rollup", 0o444, .mapped, .both),
    ProcEntry("stack", 0o400, .withheld, .both),
    ProcEntry("stat", 0o444, .live, .both),
    ProcEntry("statm", 0o444, .live, .both),
    ProcEntry("status", 0o444, .rewritten, .both),
    ProcEntry("syscall", 0o400, .live, .both),
    ProcEntry("task", 0o555, .node(.tasks), .process),
    ProcEntry("timens_offsets", 0o644, .live, .process),
    ProcEntry("timers", 0o444, .inspected, .process),
    // It can be read but not written, as it says whose child a process is (CredentialsTable).
    ProcEntry("timerslack_ns", 0o666, .rewritten, .process),
    ProcEntry("uid_map", 0o644, .made, .both),
    ProcEntry("wchan", 0o444, .live, .both),
  ]

  static let namespaces: [String] = [
    "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts",
  ]

  /// The index of a name in one of the places.
  static func index(of name: UnsafeBufferPointer<UInt8>, in place: ProcEntry.Places) -> Int? {
    entries.firstIndex { $0.places.contains(place) && $0.nameBytes.elementsEqual(name) }
  }

  // MARK: Mirrors

  /// Of /proc/sys: where the guest finds what the kernel has there. The rest is of hardware and file systems of the host's.
  private static let settings: [String] = [
    "sys/abi", "sys/debug", "sys/fs", "sys/kernel", "sys/net", "sys/user", "sys/vm",
  ]

  /// What names programs of the host's, or is a file system of its own.
  private static let hiddenSettings: Set<String> = [
    "sys/fs/binfmt_misc", "sys/kernel/firmware_config", "sys/kernel/hotplug", "sys/kernel/modprobe",
    "sys/kernel/poweroff_cmd",
    "sys/kernel/usermodehelper",
  ]

  /// Whether a name of a mirrored directory is the guest's to see. The supervisor looks at /proc/sys from the host's network, whose
  /// interfaces are not.
  static func isMirrored(_ path: String, _ name: String, in directory: String) -> Bool {
    if directory == "tty" { return name == "drivers" || name == "ldiscs" }
    guard path.hasPrefix("sys/") else { return true }
    if directory.hasPrefix("sys/net/"), directory.hasSuffix("/conf") || directory.hasSuffix("/neigh") {
      return ["all", "default", "lo"].contains(name)
    }
    return settings.contains { path == $0 || path.hasPrefix($0 + "/") } && !hiddenSettings.contains(path)
  }
}

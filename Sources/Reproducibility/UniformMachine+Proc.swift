/// The files of /proc that tell of the machine (proc(5)). What is not here and differs from machine to machine does not exist: kernels
/// may lack it.
extension UniformMachine {
  /// - Parameter path: below /proc.
  /// - Returns: nil for a file that is not the machine's.
  public func text(of path: String) -> String? {
    if let value = setting(path) { return value + "\n" }
    switch path {
    case "cgroups": return "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
    case "cpuinfo": return information
    case "devices": return Self.devices
    case "filesystems": return Self.fileSystems
    case "loadavg": return "0.00 0.00 0.00 1/2 2\n"
    case "meminfo": return Self.memoryInformation
    case "stat": return statistics
    case "swaps": return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    case "version": return "Linux version \(release) (uwrx@uwrx) (gcc, ld) \(Self.version)\n"
    case "vmstat":
      return "nr_free_pages \(Self.freeMemory / 4096)\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\n"
    default: return nil
    }
  }

  /// Whether the guest has a file or directory of the kernel's at a path below /proc.
  public func has(_ path: String) -> Bool {
    if path == "sys" { return true }
    guard path.hasPrefix("sys/") else { return !Self.varying.contains(path) }
    // random(4)
    if path == "sys/kernel/random" || path.hasPrefix("sys/kernel/random/") { return true }
    return setting(path) != nil || Self.settings.contains { $0.key.hasPrefix(path + "/") }
  }

  /// Whether a process has a file of the kernel's in its directory.
  public func hasOfProcess(_ name: String) -> Bool { !Self.varyingOfProcess.contains(name) }

  /// Counters of devices, and what a kernel may have been built without.
  private static let varying: Set<String> = [
    "buddyinfo", "config.gz", "consoles", "crypto", "diskstats", "dma", "execdomains", "interrupts", "iomem", "ioports",
    "kallsyms", "key-users", "keys", "kpagecgroup", "kpagecount", "kpageflags", "locks", "misc", "modules", "mtrr",
    "pagetypeinfo", "partitions", "pressure", "schedstat", "slabinfo", "softirqs", "timer_list", "tty", "vmallocinfo",
    "zoneinfo",
  ]

  private static let varyingOfProcess: Set<String> = [
    "arch_status", "attr", "autogroup", "ksm_merging_pages", "ksm_stat", "loginuid", "numa_maps", "oom_adj", "sched",
    "schedstat", "sessionid", "stack", "timens_offsets", "wchan",
  ]

  private func setting(_ path: String) -> String? {
    switch path {
    case "sys/kernel/osrelease": release
    case "sys/kernel/hostname": hostname
    default: Self.settings[path]
    }
  }

  /// What programs read of /proc/sys, and what a kernel says without a word of its administrator's.
  private static let settings: [String: String] = [
    "sys/fs/dentry-state": "1024\t512\t45\t0\t128\t0", "sys/fs/file-max": "9223372036854775807",
    "sys/fs/file-nr": "1024\t0\t9223372036854775807", "sys/fs/inode-nr": "1024\t256",
    "sys/fs/inode-state": "1024\t256\t0\t0\t0\t0\t0", "sys/fs/inotify/max_queued_events": "16384",
    "sys/fs/inotify/max_user_instances": "128", "sys/fs/inotify/max_user_watches": "65536", "sys/fs/nr_open": "1048576",
    "sys/fs/pipe-max-size": "1048576", "sys/fs/protected_hardlinks": "1", "sys/fs/protected_symlinks": "1",
    "sys/fs/aio-max-nr": "65536", "sys/kernel/cap_last_cap": "40", "sys/kernel/core_pattern": "core",
    "sys/kernel/core_uses_pid": "0", "sys/kernel/domainname": "(none)", "sys/kernel/hostname": "uwrx",
    "sys/kernel/msgmax": "8192", "sys/kernel/msgmnb": "16384", "sys/kernel/msgmni": "32000",
    "sys/kernel/ngroups_max": "65536", "sys/kernel/osrelease": usualRelease, "sys/kernel/ostype": "Linux",
    "sys/kernel/overflowgid": "65534", "sys/kernel/overflowuid": "65534", "sys/kernel/pid_max": "4194304",
    "sys/kernel/randomize_va_space": "2", "sys/kernel/sem": "32000\t1024000000\t500\t32000",
    "sys/kernel/shmall": "18446744073692774399", "sys/kernel/shmmax": "18446744073692774399",
    "sys/kernel/shmmni": "4096", "sys/kernel/tainted": "0", "sys/kernel/threads-max": "65536",
    "sys/kernel/version": version, "sys/net/core/somaxconn": "4096", "sys/net/ipv4/ip_local_port_range": "32768\t60999",
    "sys/vm/max_map_count": "65530", "sys/vm/mmap_min_addr": "65536", "sys/vm/nr_hugepages": "0",
    "sys/vm/overcommit_memory": "0", "sys/vm/overcommit_ratio": "50", "sys/vm/swappiness": "60",
  ]

  private static let fileSystems = """
    nodev\tsysfs
    nodev\ttmpfs
    nodev\tproc
    nodev\tdevtmpfs
    nodev\tpipefs
    nodev\tsockfs
    nodev\tdevpts
    \text4
    nodev\toverlay

    """

  private static let devices = """
    Character devices:
      1 mem
      5 /dev/tty
      5 /dev/console
      5 /dev/ptmx
    136 pts

    Block devices:

    """

  private static let memoryInformation: String = {
    func line(_ name: String, _ bytes: UInt64) -> String {
      let digits = String(bytes / 1024)
      let title = name + ":"
      return title + String(repeating: " ", count: max(1, 24 - title.utf8.count - digits.utf8.count)) + digits + " kB\n"
    }
    let lines: [(String, UInt64)] = [
      ("MemTotal", memory), ("MemFree", freeMemory), ("MemAvailable", freeMemory), ("Buffers", 0), ("Cached", 0),
      ("SwapCached", 0), ("Active", 0), ("Inactive", 0), ("SwapTotal", 0), ("SwapFree", 0), ("Dirty", 0),
      ("Writeback", 0),
      ("AnonPages", 0), ("Mapped", 0), ("Shmem", 0), ("Slab", 0), ("SReclaimable", 0), ("SUnreclaim", 0),
      ("CommitLimit", memory / 2), ("Committed_AS", 0), ("Hugepagesize", 2 << 20),
    ]
    return lines.map { line($0.0, $0.1) }.joined()
  }()

  private var statistics: String {
    let zeros = " 0 0 0 0 0 0 0 0 0 0\n"
    let lines = (0..<processors).map { "cpu\($0)" + zeros }.joined()
    return "cpu " + zeros + lines
      + "intr 0\nctxt 0\nbtime \(Self.startTime)\nprocesses 2\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n"
  }

  /// The instructions are those that every processor of the architecture has; what this one has besides it tells itself.
  private var information: String {
    (0..<processors).map { number in
      #if arch(x86_64)
        """
        processor\t: \(number)
        vendor_id\t: unknown
        cpu family\t: 6
        model\t\t: 0
        model name\t: uwrx
        stepping\t: 0
        cpu MHz\t\t: 1000.000
        cache size\t: 1024 KB
        physical id\t: 0
        siblings\t: \(processors)
        core id\t\t: \(number)
        cpu cores\t: \(processors)
        apicid\t\t: \(number)
        fpu\t\t: yes
        cpuid level\t: 13
        wp\t\t: yes
        flags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm
        bogomips\t: 2000.00
        clflush size\t: 64
        cache_alignment\t: 64
        address sizes\t: 48 bits physical, 48 bits virtual


        """
      #else
        """
        processor\t: \(number)
        BogoMIPS\t: 100.00
        Features\t: fp asimd
        CPU implementer\t: 0x00
        CPU architecture: 8
        CPU variant\t: 0x0
        CPU part\t: 0x000
        CPU revision\t: 0


        """
      #endif
    }.joined()
  }
}

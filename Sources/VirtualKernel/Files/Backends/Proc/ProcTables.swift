/// The files of /proc that are the same in content for a guest as the kernel writes them for the guest's pid namespace, and
/// that tell nothing of the host's files or processes. What is not listed does not exist.
enum ProcTables {
  /// Of the whole system.
  static let system: [String] = [
    "cpuinfo", "meminfo", "stat", "uptime", "loadavg", "version", "filesystems", "vmstat", "devices", "misc", "swaps",
    "sys/kernel/ostype", "sys/kernel/osrelease", "sys/kernel/version", "sys/kernel/hostname", "sys/kernel/domainname",
    "sys/kernel/pid_max", "sys/kernel/threads-max", "sys/kernel/cap_last_cap", "sys/kernel/ngroups_max",
    "sys/kernel/overflowuid", "sys/kernel/overflowgid", "sys/kernel/randomize_va_space", "sys/kernel/sem",
    "sys/kernel/shmmax", "sys/kernel/shmall", "sys/kernel/shmmni", "sys/kernel/msgmax", "sys/kernel/msgmnb",
    "sys/kernel/msgmni", "sys/kernel/core_uses_pid", "sys/kernel/perf_event_paranoid",
    "sys/kernel/sched_child_runs_first",
    "sys/kernel/seccomp/actions_avail", "sys/kernel/random/boot_id", "sys/kernel/random/entropy_avail",
    "sys/kernel/random/poolsize", "sys/kernel/random/uuid", "sys/kernel/pty/max", "sys/kernel/pty/nr",
    "sys/kernel/keys/maxkeys", "sys/kernel/io_uring_disabled", "sys/kernel/unprivileged_bpf_disabled",
    "sys/fs/file-max", "sys/fs/file-nr", "sys/fs/nr_open", "sys/fs/pipe-max-size", "sys/fs/aio-max-nr", "sys/fs/aio-nr",
    "sys/fs/pipe-user-pages-hard", "sys/fs/pipe-user-pages-soft", "sys/fs/lease-break-time", "sys/fs/leases-enable",
    "sys/fs/inotify/max_queued_events", "sys/fs/inotify/max_user_instances", "sys/fs/inotify/max_user_watches",
    "sys/fs/mqueue/msg_default", "sys/fs/mqueue/msg_max", "sys/fs/mqueue/msgsize_default", "sys/fs/mqueue/msgsize_max",
    "sys/fs/mqueue/queues_max", "sys/fs/epoll/max_user_watches", "sys/fs/overflowuid", "sys/fs/overflowgid",
    "sys/vm/overcommit_memory", "sys/vm/overcommit_ratio", "sys/vm/max_map_count", "sys/vm/mmap_min_addr",
    "sys/vm/swappiness", "sys/vm/nr_hugepages", "sys/vm/overcommit_kbytes", "sys/vm/dirty_ratio",
    "sys/net/core/somaxconn", "sys/net/ipv4/ip_local_port_range", "sys/net/ipv4/tcp_rmem", "sys/net/ipv4/tcp_wmem",
    "sys/net/ipv4/tcp_fin_timeout", "sys/net/ipv4/tcp_keepalive_time", "sys/net/ipv4/ip_unprivileged_port_start",
    "sys/net/ipv4/tcp_max_syn_backlog", "sys/net/ipv4/tcp_syncookies", "sys/net/unix/max_dgram_qlen",
  ]

  /// Of a process and of a thread.
  static let process: [String] = [
    "stat", "status", "statm", "cmdline", "comm", "environ", "limits", "oom_score", "oom_adj", "oom_score_adj", "wchan",
    "sched", "schedstat", "auxv", "personality", "io", "loginuid", "sessionid", "syscall", "timers", "timerslack_ns",
    "coredump_filter", "mem",
  ]

  /// Those that name files that are mapped.
  static let maps: Set<String> = ["maps", "smaps", "smaps_rollup"]

  /// What the kernel or the supervisor writes at once, whatever a process is like: all others are read without the lock.
  static let quick: Set<String> = Set(made).union(system.compactMap { $0.split(separator: "/").last.map(String.init) })
    .union([
      "stat", "status", "statm", "comm", "limits", "oom_score", "oom_adj", "oom_score_adj", "personality", "loginuid",
      "sessionid", "timerslack_ns", "coredump_filter",
    ]).subtracting(maps)

  /// Of guest init, which has the run of the host's namespaces: what tells that it lives, and nothing to hold it by.
  static let initial: [String] = ["stat", "status", "statm", "comm", "limits"]

  /// Of a process, written by the virtual kernel.
  static let made: [String] = [
    "maps", "smaps", "smaps_rollup", "mounts", "mountinfo", "mountstats", "cgroup", "uid_map", "gid_map", "setgroups",
  ]

  /// Files that a process may write about itself, handed through: the kernel checks the writer. Not timerslack_ns, which says
  /// who a process's children are (CredentialsTable).
  static let writable: Set<String> = ["comm", "oom_score_adj", "coredump_filter", "clear_refs", "mem"]

  /// Those of them that can be opened, but not changed. Without a privilege of uwrx's the kernel lets a process go back to what it
  /// was before uwrx gave it the highest value: then the host's programs would be ended for the guest's want of memory.
  static let fixed: Set<String> = ["oom_score_adj"]

  static let namespaces: [String] = ["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "user", "uts"]

  /// Of the guest's network namespace.
  static let network: [String] = [
    "arp", "dev", "fib_trie", "if_inet6", "igmp", "ipv6_route", "netlink", "netstat", "packet", "protocols", "psched",
    "raw", "raw6", "route", "rt_cache", "snmp", "snmp6", "sockstat", "sockstat6", "tcp", "tcp6", "udp", "udp6", "unix",
    "wireless",
  ]
}

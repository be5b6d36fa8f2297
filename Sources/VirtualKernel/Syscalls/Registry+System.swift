import SystemPackage

// Calls on the whole system. Most need a privilege, which no guest has, and are answered as an unprivileged process is
// answered by Linux, or as by a kernel that was built without them.

extension Registry {
  /// Mounts and roots: what the guest sees is the virtual tree, which only the supervisor changes.
  static var mounts: [SyscallEntry] {
    [
      .deny(.mount, .notPermitted, mountReason),
      .deny(.umount2, .notPermitted, mountReason),
      .deny(.pivot_root, .notPermitted, mountReason),
      .deny(.open_tree, .notPermitted, mountReason),
      .deny(.open_tree_attr, .notPermitted, mountReason),
      .deny(.move_mount, .notPermitted, mountReason),
      .deny(.fsopen, .notPermitted, mountReason),
      .deny(.fsconfig, .invalidArgument, "There is no filesystem context that it could be called with."),
      .deny(.fsmount, .notPermitted, mountReason),
      .deny(.fspick, .notPermitted, mountReason),
      .deny(.mount_setattr, .notPermitted, mountReason),
      .deny(.statmount, .noFunction, "Would show the mounts of the skeleton; only since Linux 6.8."),
      .deny(.listmount, .noFunction, "Would show the mounts of the skeleton; only since Linux 6.8."),
      .deny(.quotactl, .noFunction, "Quotas are of the host's filesystems; kernels may lack them."),
      .deny(.quotactl_fd, .noFunction, "Quotas are of the host's filesystems; kernels may lack them."),
      .deny(.swapon, .notPermitted, "Needs CAP_SYS_ADMIN."),
      .deny(.swapoff, .notPermitted, "Needs CAP_SYS_ADMIN."),
    ]
  }

  private static var mountReason: StaticString { "Only the supervisor mounts; needs CAP_SYS_ADMIN." }

  /// The kernel itself: what it tells, and what changes it.
  static var kernel: [SyscallEntry] {
    [
      .native(.uname, "The names are of the guest's own UTS namespace.").emulated(.uniform, Syscalls.uname),
      .native(.sysinfo, "Totals of memory and load, which every program may read.").emulated(
        [.uniform, .timed], Syscalls.sysinfo),
      .native(.getrandom, "The kernel's randomness, or what --seed makes of it.").emulated(.seeded, Syscalls.getrandom),
      .deny(.sethostname, .notPermitted, "Needs CAP_SYS_ADMIN."),
      .deny(.setdomainname, .notPermitted, "Needs CAP_SYS_ADMIN."),
      .deny(.io_uring_setup, .noFunction, "Its requests bypass the filter; libraries fall back."),
      .deny(.io_uring_enter, .noFunction, "Its requests bypass the filter; libraries fall back."),
      .deny(.io_uring_register, .noFunction, "Its requests bypass the filter; libraries fall back."),
      .deny(.bpf, .notPermitted, "Loads code into the kernel; needs CAP_BPF."),
      .deny(.perf_event_open, .permissionDenied, "Measures the host; needs CAP_PERFMON."),
      .deny(.add_key, .noFunction, keyReason),
      .deny(.request_key, .noFunction, keyReason),
      .deny(.keyctl, .noFunction, keyReason),
      .deny(.kexec_load, .notPermitted, "Needs CAP_SYS_BOOT."),
      .deny(.kexec_file_load, .notPermitted, "Needs CAP_SYS_BOOT."),
      .deny(.reboot, .notPermitted, "Needs CAP_SYS_BOOT."),
      .deny(.init_module, .notPermitted, "Needs CAP_SYS_MODULE."),
      .deny(.finit_module, .notPermitted, "Needs CAP_SYS_MODULE."),
      .deny(.delete_module, .notPermitted, "Needs CAP_SYS_MODULE."),
      .deny(.acct, .notPermitted, "Needs CAP_SYS_PACCT."),
      .deny(.syslog, .notPermitted, "The host's kernel log; needs CAP_SYSLOG where dmesg_restrict is set."),
      .deny(.vhangup, .notPermitted, "Needs CAP_SYS_TTY_CONFIG."),
      .deny(.nfsservctl, .noFunction, "Removed from Linux in 3.1."),
      .deny(.lookup_dcookie, .noFunction, "Removed from Linux in 6.7."),
    ]
  }

  private static var keyReason: StaticString { "Key rings are of the user, not of the guest; kernels may lack them." }

  #if arch(x86_64)
    static var kernelOfX86: [SyscallEntry] {
      [
        .deny(.iopl, .notPermitted, "Needs CAP_SYS_RAWIO."),
        .deny(.ioperm, .notPermitted, "Needs CAP_SYS_RAWIO."),
        .deny(.ustat, .noFunction, "Tells of the host's filesystems by device number; statfs replaced it."),
        .native(.sysfs, "Names the file systems that the kernel knows, as /proc/filesystems does.").strict(.noFunction),
        .deny(.uselib, .noFunction, "Loads a.out libraries; kernels may lack it."),
        .deny(._sysctl, .noFunction, "Removed from Linux in 5.5."),
        .deny(.create_module, .noFunction, "Removed from Linux in 2.6."),
        .deny(.get_kernel_syms, .noFunction, "Removed from Linux in 2.6."),
        .deny(.query_module, .noFunction, "Removed from Linux in 2.6."),
        .deny(.getpmsg, .noFunction, "Never implemented in Linux."),
        .deny(.putpmsg, .noFunction, "Never implemented in Linux."),
        .deny(.afs_syscall, .noFunction, "Never implemented in Linux."),
        .deny(.tuxcall, .noFunction, "Never implemented in Linux."),
        .deny(.security, .noFunction, "Never implemented in Linux."),
        .deny(.vserver, .noFunction, "Never implemented in Linux."),
      ]
    }
  #else
    static var kernelOfX86: [SyscallEntry] { [] }
  #endif
}

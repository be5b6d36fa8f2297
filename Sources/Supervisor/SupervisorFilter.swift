import CLinux
import SystemPackage
import VirtualKernel

/// What the supervisor itself cannot do any more once the guest's walls stand: a second wall, should hostile bytes ever lead it astray.
///
/// There is no Landlock domain beside it: a process in one may look into those of its own domain only (landlock(7), "Ptrace
/// restrictions"), and the guest, whose init has to mount, cannot be made in the same.
enum SupervisorFilter {
  /// Other programs and processes, the network, mounts and namespaces, other users, and what only an administrator does.
  private static let refused: [SyscallNumber] = {
    var calls: [SyscallNumber] = [
      .execve, .execveat,
      // socketpair(2) reaches nobody.
      .socket, .bind, .connect, .listen, .accept, .accept4,
      .mount, .umount2, .pivot_root, .chroot, .move_mount, .open_tree, .fsopen, .fsconfig, .fsmount, .fspick,
      .mount_setattr, .setns, .unshare,
      .setuid, .setgid, .setreuid, .setregid, .setresuid, .setresgid, .setfsuid, .setfsgid, .setgroups, .capset,
      .ptrace, .bpf, .perf_event_open, .userfaultfd, .io_uring_setup, .io_uring_enter, .io_uring_register,
      .open_by_handle_at, .fanotify_init, .add_key, .request_key, .keyctl,
      .init_module, .finit_module, .delete_module, .kexec_load, .reboot, .swapon, .swapoff, .acct, .quotactl,
      .settimeofday, .clock_settime, .adjtimex, .clock_adjtime, .sethostname, .setdomainname, .syslog, .vhangup,
      .personality,
    ]
    #if arch(x86_64)
      calls += [.fork, .vfork, .iopl, .ioperm, .modify_ldt, .kexec_file_load]
    #endif
    return calls
  }()

  static let filter = make()

  /// For a run with process numbers: where the guest gives one to a call, the kernel's is put in its place. What the supervisor could do to
  /// other processes of its user with it, it can already do to their memory.
  static let tracingFilter = make(
    // PTRACE_DETACH, SYSCALL, GETREGSET, SETREGSET, SEIZE, INTERRUPT (include/uapi/linux/ptrace.h)
    allowing: [.ptrace: ([17, 24, 0x4204, 0x4205, 0x4206, 0x4207] as [UInt32]).map { [.low32(0, equals: $0)] }])

  private static func make(allowing allowed: [SyscallNumber: [[ArgumentCondition]]] = [:]) -> SyscallFilter {
    var errnos: [SyscallNumber: Errno] = [:]
    for call in refused { errnos[call] = .notPermitted }
    // glibc makes threads by clone(2) then, whose flags a filter can see.
    errnos[.clone3] = .noFunction
    return SyscallFilter(refusing: errnos, but: allowed)
  }

  /// - Parameter traces: a run with process numbers or a virtual clock, whose guests are made to make calls again.
  static func filter(traces: Bool) -> SyscallFilter { traces ? tracingFilter : filter }

  /// For the calling thread and those that it makes later.
  /// - Throws: where the kernel refuses a filter, which it did not refuse for the guest.
  static func install(_ filter: SyscallFilter) throws(SupervisorError) {
    let result = filter.program.withUnsafeBufferPointer { uwrx_install_filter($0.baseAddress!, $0.count) }
    if result < 0 {
      throw SupervisorError("cannot put the supervisor under its own filter: \(Errno(rawValue: Int32(-result)))")
    }
  }
}

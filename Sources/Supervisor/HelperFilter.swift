import SystemPackage
import VirtualKernel

/// What uwrx-proxy and uwrx-cache cannot do whatever bytes lead them astray: other than the supervisor they have the network, and nothing of processes.
enum HelperFilter {
  private static let refused: [SyscallNumber] = {
    var calls: [SyscallNumber] = [
      .execve, .execveat,
      .ptrace, .process_vm_readv, .process_vm_writev, .pidfd_getfd, .pidfd_open, .pidfd_send_signal, .kill, .tkill,
      .mount, .umount2, .pivot_root, .chroot, .move_mount, .open_tree, .fsopen, .fsconfig, .fsmount, .fspick,
      .mount_setattr, .setns, .unshare,
      .setuid, .setgid, .setreuid, .setregid, .setresuid, .setresgid, .setfsuid, .setfsgid, .setgroups, .capset,
      .bpf, .perf_event_open, .userfaultfd, .io_uring_setup, .io_uring_enter, .io_uring_register,
      .open_by_handle_at, .fanotify_init, .add_key, .request_key, .keyctl, .seccomp,
      .init_module, .finit_module, .delete_module, .kexec_load, .reboot, .swapon, .swapoff, .acct, .quotactl,
      .settimeofday, .clock_settime, .adjtimex, .clock_adjtime, .sethostname, .setdomainname, .syslog, .vhangup,
      .personality, .mknodat, .symlinkat, .fchmodat, .fchownat, .setxattr, .shmget, .msgget, .semget,
    ]
    #if arch(x86_64)
      calls += [
        .fork, .vfork, .iopl, .ioperm, .modify_ldt, .kexec_file_load, .mknod, .symlink, .link, .chmod, .chown, .lchown,
      ]
    #endif
    return calls
  }()

  /// Of a filter that a process gives itself (seccomp(2)): `struct sock_filter`s, 8 bytes each.
  static let program = make(refused)

  /// Of a process that has no network either.
  static let programWithoutNetwork = make(refused + [.socket, .bind, .connect, .listen, .accept, .accept4])

  private static func make(_ refused: [SyscallNumber]) -> [UInt64] {
    var errnos: [SyscallNumber: Errno] = [:]
    for call in refused { errnos[call] = .notPermitted }
    // glibc makes threads by clone(2) then, whose flags a filter can see.
    errnos[.clone3] = .noFunction
    return SyscallFilter(refusing: errnos).program
  }
}

import SystemPackage

// Calls on processes and threads. The guest's own pid and user namespaces make them right and harmless when the
// kernel runs them: a process of the host has no pid here.

extension Registry {
  /// Birth, exec, death, and reaching another process.
  static var processes: [SyscallEntry] {
    [
      .gate(
        .clone, Syscalls.clone, "Trapped only for a namespace, which is refused, or a shared current directory.",
        missing: "namespaces of the guest's own",
        nativeWhen: [
          [.clear(0, bits: namespaceFlags | shareFileSystemState)],
          // A thread of the caller's own group.
          [.bits(0, of: namespaceFlags | shareFileSystemState | sameGroup, equal: shareFileSystemState | sameGroup)],
        ]),
      .deny(.clone3, .noFunction, "Its flags are in memory, where BPF cannot check them; libc falls back to clone."),
      .gate(
        .unshare, Syscalls.unshare, "The flags are in a register: namespaces are refused, the rest is harmless.",
        missing: "namespaces of the guest's own"),
      .deny(.setns, .notPermitted, "Would leave the guest's namespaces; needs CAP_SYS_ADMIN."),
      .gate(.execve, Syscalls.execve, "The resolved file is bound at its path in the skeleton, and only that can run."),
      .gate(.execveat, Syscalls.execveat, "As execve, from a directory or a file descriptor."),
      .gate(.set_tid_address, Syscalls.birth, "Every libc makes it at the birth of a process, which is found here."),
      .gate(.set_robust_list, Syscalls.birth, "Every libc makes it at the birth of a thread, which is found here."),
      .native(.get_robust_list, "Reads a list head that the kernel keeps; ptrace access is checked.").numbered(0),
      .native(.exit, "Never trapped: a thread that ends cannot be answered."),
      .native(
        .exit_group, "What the process has used is recorded, then the kernel ends it.",
        observed: .from(.standard, Syscalls.exit_group)
      )
      .gated(.timed, Syscalls.exit_group),
      .native(.wait4, "Blocks, so must not be trapped; the children are of the guest's pid namespace.")
        .gated(.timed, Syscalls.wait4).numbered(0, groups: true),
      // P_PID and P_PGID (waitid(2)).
      .native(.waitid, "Blocks, so must not be trapped; the children are of the guest's pid namespace.")
        .gated(.timed, Syscalls.waitid).numbered(ifKindIsOneOf: 1...2),
      .native(.pidfd_open, "Only processes of the guest's pid namespace have a pid.").numbered(0),
      .gate(
        .pidfd_send_signal, Syscalls.pidfd_send_signal,
        "A pidfd is only of a process of the guest's tree; a directory of /proc is answered here.",
        missing: "the sender's pid if a directory of /proc is the pidfd"),
      .native(.pidfd_getfd, "Ptrace access is checked; a descriptor of the guest's tree stays in it.").strict(
        .notPermitted),
      .native(.ptrace, "Reaches the guest's own tree; the filter runs after a tracer has changed a call.").strict(
        .notPermitted
      ).numbered(1),
      .native(.kcmp, "Compares two processes of the guest's pid namespace; ptrace access is checked.").strict(
        .notPermitted
      ).numbered(0, 1),
      .native(.futex, "Blocks, so must not be trapped; the caller's own memory.")
        .gated(.timed, Syscalls.futex, nativeWhen: untimed),
      .native(.futex_waitv, "Blocks, so must not be trapped; the caller's own memory.")
        .emulated(.timed, Syscalls.futex_waitv, nativeWhen: .all(.clear(3, bits: .max))),
      .native(.futex_wake, "The caller's own memory."),
      .native(.futex_wait, "Blocks, so must not be trapped; the caller's own memory.")
        .emulated(.timed, Syscalls.futex_waitv, nativeWhen: .all(.clear(4, bits: .max))),
      .native(.futex_requeue, "The caller's own memory."),
      .native(.personality, "The caller's own execution domain.").strict(
        .notPermitted, nativeWhen: .low32(0, isOneOf: usualPersonalities)),
      .emulate(
        .prctl, Syscalls.prctl, "Options that concern only the caller are native; the others are refused.",
        missing: "PR_SET_MM, core scheduling, KSM, securebits", nativeWhen: .low32(0, isOneOf: processOptions)),
      .native(.seccomp, "Filters stack below ours; a second listener is refused by the kernel with EBUSY."),
      .deny(.landlock_create_ruleset, .notSupportedOnSocket, landlockReason),
      .deny(.landlock_add_rule, .notSupportedOnSocket, landlockReason),
      .deny(.landlock_restrict_self, .notSupportedOnSocket, landlockReason),
      .native(.lsm_get_self_attr, "Reads the caller's own security attributes.").strict(.noFunction),
      .deny(.lsm_set_self_attr, .notSupportedOnSocket, "Would change how the host's security module treats the guest."),
      .native(.lsm_list_modules, "Names the host's security modules, which tells nothing that a guest could use.")
        .strict(.noFunction),
    ]
  }

  /// FUTEX_WAKE, _REQUEUE, _CMP_REQUEUE, _WAKE_OP, _UNLOCK_PI, _TRYLOCK_PI, _WAKE_BITSET and _CMP_REQUEUE_PI have no time, and another
  /// argument in its place (futex(2)).
  private static let untimed: [[ArgumentCondition]] =
    .all(.clear(3, bits: .max)) + [1, 3, 4, 5, 7, 8, 10, 12].map { [.bits(1, of: 0x7f, equal: $0)] }

  /// PER_LINUX, PER_LINUX32, ADDR_NO_RANDOMIZE, and the question which one it is (include/uapi/linux/personality.h).
  private static let usualPersonalities: [UInt32] = [0, 8, 0x4_0000, 0xffff_ffff]

  private static var landlockReason: StaticString {
    "Emulated calls are not under it, so a rule set would be silently ignored; as if Landlock were off at boot."
  }

  /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (include/uapi/linux/sched.h). CLONE_NEWTIME
  /// (0x80) lies in clone's exit signal, so only clone3 and unshare can ask for it.
  static let namespaceFlags: UInt64 =
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000

  /// CLONE_FS and CLONE_THREAD.
  static let shareFileSystemState: UInt64 = 0x200
  private static let sameGroup: UInt64 = 0x1_0000

  #if arch(x86_64)
    static var processesOfX86: [SyscallEntry] {
      [
        .native(.fork, "Never trapped; the child is found at its first trapped call."),
        .native(.vfork, "Never trapped; the child is found at its first trapped call."),
        .native(.arch_prctl, "The caller's own segment bases, shadow stack and CPUID faulting."),
        .native(.modify_ldt, "The caller's own descriptor table.").strict(.noFunction),
        .deny(.set_thread_area, .noFunction, "Not a call of the 64-bit ABI."),
        .deny(.get_thread_area, .noFunction, "Not a call of the 64-bit ABI."),
        .native(.uretprobe, "Made by the kernel's own probe trampoline; from elsewhere it is SIGILL."),
        .native(.uprobe, "Made by the kernel's own probe trampoline; from elsewhere it is ENXIO."),
      ]
    }
  #else
    static var processesOfX86: [SyscallEntry] { [] }
  #endif

  /// Who a process is.
  static var identity: [SyscallEntry] {
    [
      .native(.getpid, "The pid in the guest's namespace.").emulated(.numbered, Syscalls.getpid),
      .native(.getppid, "The pid in the guest's namespace; 0 or 1 for what the supervisor started.").emulated(
        .numbered, Syscalls.getppid),
      .native(.gettid, "The thread id in the guest's namespace.").emulated(.numbered, Syscalls.gettid),
      .emulate(.getuid, Syscalls.getuid, idReason),
      .emulate(.geteuid, Syscalls.geteuid, idReason),
      .emulate(.getgid, Syscalls.getgid, idReason),
      .emulate(.getegid, Syscalls.getegid, idReason),
      .emulate(.getresuid, Syscalls.getresuid, idReason),
      .emulate(.getresgid, Syscalls.getresgid, idReason),
      .emulate(.getgroups, Syscalls.getgroups, idReason),
      .emulate(.setuid, Syscalls.setuid, changeReason),
      .emulate(.setgid, Syscalls.setgid, changeReason),
      .emulate(.setreuid, Syscalls.setreuid, changeReason),
      .emulate(.setregid, Syscalls.setregid, changeReason),
      .emulate(.setresuid, Syscalls.setresuid, changeReason),
      .emulate(.setresgid, Syscalls.setresgid, changeReason),
      .emulate(.setfsuid, Syscalls.setfsuid, changeReason),
      .emulate(.setfsgid, Syscalls.setfsgid, changeReason),
      .emulate(.setgroups, Syscalls.setgroups, changeReason),
      .emulate(
        .capget, Syscalls.capget, "Root of the guest has the capabilities that are about files and users.",
        missing: "those that need the kernel's"),
      .emulate(.capset, Syscalls.capset, changeReason),
      .native(.getpgid, "Process groups of the guest's pid namespace.").emulated(.numbered, Syscalls.getpgid),
      .native(.setpgid, "Process groups of the guest's pid namespace.").numbered(0, 1),
      .native(.getsid, "Sessions of the guest's pid namespace.").emulated(.numbered, Syscalls.getsid),
      .native(.setsid, "Sessions of the guest's pid namespace."),
    ]
      + identityOfX86
  }

  #if arch(x86_64)
    private static var identityOfX86: [SyscallEntry] {
      [
        .native(.getpgrp, "Process groups of the guest's pid namespace.").emulated(.numbered, Syscalls.getpgrp)
      ]
    }
  #else
    private static var identityOfX86: [SyscallEntry] { [] }
  #endif

  private static var idReason: StaticString { "Users are virtual: to the kernel all of the guest is one user." }
  private static var changeReason: StaticString {
    "Users are virtual: the ids decide about the guest's files, and the kernel's own never change."
  }

  /// Processor time, priorities and limits.
  static var scheduling: [SyscallEntry] {
    [
      .native(.sched_yield, schedulingReason),
      .native(.sched_setparam, schedulingReason).numbered(0),
      .native(.sched_getparam, schedulingReason).numbered(0),
      .native(.sched_setscheduler, schedulingReason).numbered(0),
      .native(.sched_getscheduler, schedulingReason).numbered(0),
      .native(.sched_setattr, schedulingReason).numbered(0),
      .native(.sched_getattr, schedulingReason).numbered(0),
      .emulate(.sched_setaffinity, Syscalls.sched_setaffinity, affinityReason, nativeWhen: .all(.low32(0, equals: 0)))
        .emulated(.uniform, Syscalls.setUniformAffinity),
      .emulate(.sched_getaffinity, Syscalls.sched_getaffinity, affinityReason, nativeWhen: .all(.low32(0, equals: 0)))
        .emulated(.uniform, Syscalls.uniformAffinity),
      .native(.sched_get_priority_max, "A constant of the kernel."),
      .native(.sched_get_priority_min, "A constant of the kernel."),
      .native(.sched_rr_get_interval, schedulingReason).numbered(0),
      .native(.getpriority, schedulingReason).numbered(ifKindIsOneOf: 0...1),
      .native(.setpriority, schedulingReason).numbered(ifKindIsOneOf: 0...1),
      .native(.ioprio_get, schedulingReason).numbered(ifKindIsOneOf: 1...2),
      .native(.ioprio_set, schedulingReason).numbered(ifKindIsOneOf: 1...2),
      .native(.getcpu, "The processor that the caller runs on.").emulated(.uniform, Syscalls.getcpu),
      .native(.getrusage, "The caller's own usage and that of its children.")
        .emulated(.timed, Syscalls.getrusage),
      .native(.times, "The caller's own usage and that of its children.")
        .emulated(.timed, Syscalls.times),
      .native(.getrlimit, "The caller's own limits.").emulated(.uniform, Syscalls.uniformGetrlimit),
      .emulate(
        .setrlimit, Syscalls.setrlimit, "The caller's own limits are native but for core files: there are none.",
        missing: "core files", nativeWhen: .low32(0, isOneOf: ownLimits)
      ).emulated(.uniform, Syscalls.uniformSetrlimit),
      .emulate(
        .prlimit64, Syscalls.prlimit64,
        "One's own limits, or reading, are native; to the kernel guest init is the same user.",
        missing: "core files",
        nativeWhen: setsOwnLimit + .all(.clear(2, bits: .max))
      ).emulated(.uniform, Syscalls.uniformPrlimit)
        .emulated(.numbered, Syscalls.numberedLimits, nativeWhen: setsOwnLimit + asksForLimitByKernelNumber),
    ]
  }

  /// Those of all resource limits (getrlimit(2)) but RLIMIT_CORE.
  private static let ownLimits = (0..<16 as Range<UInt32>).filter { $0 != 4 }

  private static var setsOwnLimit: [[ArgumentCondition]] {
    ownLimits.map { [.low32(0, equals: 0), .low32(1, equals: $0)] }
  }

  private static var asksForLimitByKernelNumber: [[ArgumentCondition]] {
    [[ArgumentCondition]].kernelNumbers([0]).map { $0 + [.clear(2, bits: .max)] }
  }

  private static var affinityReason: StaticString {
    "One's own is native; while another thread is handed a descriptor it has a single processor, which nobody may see."
  }

  private static var schedulingReason: StaticString {
    "Reaches only the guest's pid namespace, within what the caller's limits allow."
  }
}

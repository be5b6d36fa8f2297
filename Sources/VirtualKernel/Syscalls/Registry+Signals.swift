import SystemPackage

// Signals, clocks and timers.

extension Registry {
  static var signals: [SyscallEntry] {
    [
      .native(.kill, "Reaches only the guest's pid namespace, of which guest init ignores what it does not handle.")
        .numbered(0, groups: true),
      .native(.tkill, "Reaches only the guest's pid namespace.").numberedSignal(0),
      .native(.tgkill, "Reaches only the guest's pid namespace.").numberedSignal(0, 1),
      .native(.rt_sigqueueinfo, "Reaches only the guest's pid namespace.").numbered(0),
      .native(.rt_tgsigqueueinfo, "Reaches only the guest's pid namespace.").numbered(0, 1),
      // Garbage above the low half of the signal number passes the condition: the caller then keeps the EINTR that the
      // gate would have spared it, and nothing else.
      .gate(
        .rt_sigaction, Syscalls.rt_sigaction, "SIGCHLD handlers get SA_RESTART: trapped calls must not end in EINTR.",
        nativeWhen: .all(.differs(0, from: 17))),
      .native(.rt_sigprocmask, "The caller's own mask."),
      .native(.rt_sigpending, "The caller's own pending signals."),
      .native(.rt_sigsuspend, "Blocks, so must not be trapped; the caller's own mask."),
      .native(.rt_sigtimedwait, "Blocks, so must not be trapped; the caller's own signals.")
        .gated(.timed, Syscalls.ppoll, nativeWhen: .all(.clear(2, bits: .max))),
      .native(.rt_sigreturn, "Restores the registers of the caller; cannot be answered by anyone else."),
      .native(.restart_syscall, "The kernel makes the caller make it, to go on with a call that ran."),
      .native(.sigaltstack, "The caller's own stack."),
    ]
  }

  static var time: [SyscallEntry] {
    [
      .native(.nanosleep, "Blocks, so must not be trapped.")
        .gated(.timed, Syscalls.nanosleep),
      .native(.clock_nanosleep, "Blocks, so must not be trapped.")
        .gated(.timed, Syscalls.clock_nanosleep).numberedClock(),
      .native(.clock_gettime, "The host's clock, which every program may read.")
        .emulated(.timed, Syscalls.clock_gettime).numberedClock(Syscalls.numberedTime),
      .native(.clock_getres, "A constant of the kernel.").numberedClock(Syscalls.numberedResolution),
      .native(.gettimeofday, "The host's clock, which every program may read.")
        .emulated(.timed, Syscalls.gettimeofday),
      .native(.timer_create, "The caller's own timer.").numberedClock(),
      .native(.timer_settime, "The caller's own timer.")
        .gated(.timed, Syscalls.timer_settime),
      .native(.timer_gettime, "The caller's own timer."),
      .native(.timer_getoverrun, "The caller's own timer."),
      .native(.timer_delete, "The caller's own timer."),
      .native(.setitimer, "The caller's own timer.")
        .gated(.timed, Syscalls.setitimer),
      .native(.getitimer, "The caller's own timer."),
      .native(.adjtimex, "Reading is harmless, and setting needs CAP_SYS_TIME.").strict(.notPermitted)
        .emulated(.timed, Syscalls.adjtimex),
      .native(.clock_adjtime, "Reading is harmless, and setting needs CAP_SYS_TIME.").strict(.notPermitted)
        .emulated(.timed, Syscalls.adjtimex),
      .deny(.clock_settime, .notPermitted, "Would change the host's clock; needs CAP_SYS_TIME."),
      .deny(.settimeofday, .notPermitted, "Would change the host's clock; needs CAP_SYS_TIME."),
    ]
  }

  #if arch(x86_64)
    static var signalsOfX86: [SyscallEntry] {
      [.native(.pause, "Blocks, so must not be trapped.")]
    }

    static var timeOfX86: [SyscallEntry] {
      [
        .native(.time, "The host's clock, which every program may read.")
          .emulated(.timed, Syscalls.time),
        .native(.alarm, "The caller's own timer.")
          .gated(.timed, Syscalls.alarm),
      ]
    }
  #else
    static var signalsOfX86: [SyscallEntry] { [] }
    static var timeOfX86: [SyscallEntry] { [] }
  #endif
}

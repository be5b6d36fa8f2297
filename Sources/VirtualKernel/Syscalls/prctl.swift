import SystemPackage

extension Syscalls {
  /// Answers the options that are not native; the kernel sees none of them.
  @Sendable static func prctl(_ call: Call) throws(Errno) -> Outcome {
    // The kernel takes the option from the low half of the register.
    let option = UInt32(truncatingIfNeeded: call.arguments.0)
    if let outcome = try changeCapabilities(call, option) { return outcome }
    switch option {
    case 29: return try setTimerSlack(call)
    case 30: return try timerSlack(call)
    case 35, 57, 58:  // PR_SET_MM, PR_SET_IO_FLUSHER, PR_GET_IO_FLUSHER: need CAP_SYS_RESOURCE
      throw .notPermitted
    default:
      throw .invalidArgument
    }
  }
}

extension Registry {
  /// The options that concern only the caller, or that the kernel itself refuses to a process without capabilities. The
  /// numbers are those of include/uapi/linux/prctl.h.
  ///
  /// Left out on purpose: PR_SET_MM (rewrites what /proc says of the image), PR_SCHED_CORE (shares processors with
  /// another process), PR_SET_MEMORY_MERGE (makes the guest's pages comparable with the host's by time).
  static var processOptions: [UInt32] {
    [
      1, 2,  // PR_SET_PDEATHSIG, PR_GET_PDEATHSIG
      3, 4,  // PR_GET_DUMPABLE, PR_SET_DUMPABLE
      5, 6, 9, 10, 11, 12, 19, 20,  // PR_GET_ and PR_SET_UNALIGN, FPEMU, FPEXC, ENDIAN
      13, 14,  // PR_GET_TIMING, PR_SET_TIMING
      15, 16,  // PR_SET_NAME, PR_GET_NAME
      21, 22,  // PR_GET_SECCOMP, PR_SET_SECCOMP: filters stack below ours
      25, 26,  // PR_GET_TSC, PR_SET_TSC
      31, 32,  // PR_TASK_PERF_EVENTS_DISABLE, PR_TASK_PERF_EVENTS_ENABLE
      33, 34,  // PR_MCE_KILL, PR_MCE_KILL_GET
      36, 37,  // PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER
      38, 39,  // PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS
      40,  // PR_GET_TID_ADDRESS
      41, 42,  // PR_SET_THP_DISABLE, PR_GET_THP_DISABLE
      50, 51, 63, 64,  // PR_SVE_SET_VL, PR_SVE_GET_VL, PR_SME_SET_VL, PR_SME_GET_VL
      52, 53,  // PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL
      54, 60, 61,  // PR_PAC_RESET_KEYS, PR_PAC_SET_ENABLED_KEYS, PR_PAC_GET_ENABLED_KEYS
      55, 56,  // PR_SET_TAGGED_ADDR_CTRL, PR_GET_TAGGED_ADDR_CTRL
      59,  // PR_SET_SYSCALL_USER_DISPATCH
      65, 66,  // PR_SET_MDWE, PR_GET_MDWE
      74, 75, 76,  // PR_GET_, PR_SET_ and PR_LOCK_SHADOW_STACK_STATUS
      77, 78,  // PR_TIMER_CREATE_RESTORE_IDS, PR_FUTEX_HASH
      0x4155_5856,  // PR_GET_AUXV
      0x5356_4d41,  // PR_SET_VMA
      0x5961_6d61,  // PR_SET_PTRACER
    ]
  }
}

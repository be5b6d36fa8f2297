import CLinux

/// What root's supervisor keeps of root's power once the guest's walls stand.
enum SupervisorPrivileges {
  /// Bits as in include/uapi/linux/capability.h.
  private static let needed: UInt64 =
    1 << 1 | 1 << 2  // CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: sources and layers may hold anybody's files
    | 1 << 3 | 1 << 4  // CAP_FOWNER, CAP_FSETID: O_NOATIME on them, modes of the layer's files
    | 1 << 19  // CAP_SYS_PTRACE: memory and descriptors of a guest process that is not dumpable
    | 1 << 23  // CAP_SYS_NICE: the timer slack of another process (CredentialsTable)

  /// Mounts, networks, devices, clocks and modules are nothing that a supervisor led astray could touch from here on. Threads that are
  /// made later inherit this, so it must be called before the first.
  static func drop() { uwrx_keep_capabilities(needed) }
}

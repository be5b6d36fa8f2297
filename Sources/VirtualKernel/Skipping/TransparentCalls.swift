import Glibc
import SystemPackage

extension VirtualKernel {
  /// Whether all that a call asks and changes is told by what the tree notes of it, by the key of its unit, or is nobody's matter.
  static func isTransparent(_ number: Int32) -> Bool {
    number >= 0 && number < Registry.size && transparent[Int(number)]
  }

  private static let transparent: [Bool] = {
    var calls: [SyscallNumber] = [
      .read, .readv, .openat, .openat2, .fstat, .newfstatat, .statx, .faccessat, .faccessat2, .readlinkat, .getdents64,
      .chdir, .fchdir, .renameat2, .unlinkat, .fchmod, .fchmodat, .fchmodat2, .truncate, .fchown, .fchownat,
      .mkdirat, .symlinkat, .linkat, .utimensat, .mknodat, .umask, .statfs, .fstatfs,
      .execve, .execveat, .exit_group, .set_tid_address, .set_robust_list, .prlimit64, .copy_file_range,
      .mmap, .mprotect, .rt_sigaction, .getrandom, .prctl, .ioctl,
      .rseq, .getcpu, .nanosleep, .clock_nanosleep, .clock_gettime, .clock_getres, .gettimeofday, .times, .getrusage,
      .wait4, .waitid, .sched_getaffinity, .sysinfo,
      .getpid, .gettid, .getppid, .getpgid, .getuid, .geteuid, .getgid, .getegid, .getresuid, .getresgid, .getgroups,
    ]
    #if arch(x86_64)
      calls += [
        .open, .creat, .stat, .lstat, .access, .readlink, .getdents, .rename, .unlink, .chmod, .chown, .lchown, .time,
        .getrlimit,
        .getpgrp, .mkdir, .rmdir, .symlink, .link, .utime, .utimes, .futimesat, .mknod,
      ]
    #endif
    calls += identityCalls + vainCalls
    var table = [Bool](repeating: false, count: Registry.size)
    for call in calls { table[Int(call.rawValue)] = true }
    return table
  }()

  private static let timeCalls: [SyscallNumber] = {
    var calls: [SyscallNumber] = [.clock_gettime, .gettimeofday, .times, .getrusage, .sysinfo]
    #if arch(x86_64)
      calls.append(.time)
    #endif
    return calls
  }()

  static func asksForTime(_ number: Int32) -> Bool { timeCalls.contains { $0.rawValue == number } }

  private static let identityCalls: [SyscallNumber] = [
    .setuid, .setgid, .setreuid, .setregid, .setresuid, .setresgid, .setfsuid, .setfsgid,
  ]

  static func changesIdentity(_ number: Int32) -> Bool { identityCalls.contains { $0.rawValue == number } }

  /// What matters only if there is something: extended attributes, which are no question, and whoever listens at a socket. C libraries look
  /// for nscd(8) whenever they are asked for a user's name.
  private static let vainCalls: [SyscallNumber] = [
    .getxattr, .lgetxattr, .fgetxattr, .listxattr, .llistxattr, .flistxattr, .setxattr, .lsetxattr, .fsetxattr,
    .connect,
  ]

  static func isUsuallyInVain(_ number: Int32) -> Bool { vainCalls.contains { $0.rawValue == number } }

  /// Errors that a process meets because a name is missing, which is noted, or whatever the files are.
  private static let harmlessErrors: Set<Errno> = [
    .noSuchFileOrDirectory, Errno(rawValue: ENOTTY), .invalidArgument, .noFunction, .interrupted, .badFileDescriptor,
    // What is there was asked for.
    .fileExists, .noChildProcess, Errno(rawValue: ENODATA), .notSupported,
    // Rust's library asks with no address whether there is statx(2).
    .badAddress,
  ]

  /// Calls whose refusal follows from what is noted of the file.
  private static let askingCalls: Set<Int32> = {
    var calls: Set<Int32> = [SyscallNumber.faccessat.rawValue, SyscallNumber.faccessat2.rawValue]
    #if arch(x86_64)
      calls.insert(SyscallNumber.access.rawValue)
    #endif
    return calls
  }()

  /// A call of a process in a unit has failed.
  func note(_ error: Errno, of call: Call, in unit: Unit) {
    if Self.harmlessErrors.contains(error) { return }
    if error == .permissionDenied, Self.askingCalls.contains(call.notification.number) { return }
    let name = Registry.entry(call.notification.number)?.name ?? "a call"
    unit.chain.cannotBeRecorded("\(name) has failed: \(error)")
  }
}

import CLinux
import Glibc
import SystemPackage

/// What the running kernel must have, and what it may have.
enum KernelFeatures {
  /// SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 6.0: a call that was received is not interrupted by a signal.
  static var filterFlags: UInt64 { release >= (6, 0) ? 1 << 5 : 0 }

  /// Half of the machine's process numbers, for a guest that has no limit of its own, and all below those that `ProcessNumbers` gives; 0
  /// before Linux 6.14, where the setting is not one of a pid namespace but of all.
  static var processNumbers: UInt32 {
    guard release >= (6, 14), let text = LimitEnforcer.read("/proc/sys/kernel/pid_max") else { return 0 }
    return min((UInt32(text.prefix { $0 != "\n" }) ?? 0) / 2, 1 << 21)
  }

  /// - Throws: a message that names what is missing.
  static func require() throws(SupervisorError) {
    // 5.14 has SECCOMP_ADDFD_FLAG_SEND, which answers a call with a descriptor in one step.
    guard release >= (5, 14) else {
      throw SupervisorError(
        "this kernel is Linux \(release.0).\(release.1), and uwrx needs 5.14 or later: the seccomp notifier of older ones "
          + "cannot answer a call with a descriptor (SECCOMP_ADDFD_FLAG_SEND)")
    }
    guard uwrx_seccomp_action_available(0x7fc0_0000) == 0 else {
      throw SupervisorError(
        "this kernel has no seccomp user notifier (CONFIG_SECCOMP_FILTER, SECCOMP_RET_USER_NOTIF); "
          + "a sandbox around uwrx may also hide it")
    }
  }

  /// What a run with a virtual clock needs.
  /// - Throws: a message that names what is missing.
  static func requireClock() throws(SupervisorError) {
    guard VirtualDSO.canBePatched else {
      throw SupervisorError(
        "this kernel lets nobody write over the code that it gives to each program to tell the time (vdso(7), proc_mem.force_override), "
          + "so the guest's clocks cannot be virtual: leave out --time, or write --time real")
    }
  }

  /// What a run needs of descriptors before its first program: about half of it, and some for what the guest opens.
  private static let fewestDescriptors = 64

  /// - Throws: a message that says how to have more.
  static func requireDescriptors() throws(SupervisorError) {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_max < fewestDescriptors else {
      return
    }
    throw SupervisorError(
      "uwrx may open \(limit.rlim_max) files, and needs \(fewestDescriptors) at least: raise the limit with ulimit -n")
  }

  /// Not what uname(2) tells, but where there is no /proc: `setarch --uname-2.6` lets it tell a version that there never was.
  private static let release: (Int, Int) = {
    let text = LimitEnforcer.read("/proc/sys/kernel/osrelease") ?? named
    let parts = text.utf8.split(whereSeparator: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }).prefix(2)
      .map { Int(Substring($0)) ?? 0 }
    return parts.count == 2 ? (parts[0], parts[1]) : (0, 0)
  }()

  private static var named: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "" }
    return withUnsafeBytes(of: name.release) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

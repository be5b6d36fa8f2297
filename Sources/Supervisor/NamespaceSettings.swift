import Glibc

/// What guest init writes below /proc/sys in the guest's namespaces, and the size of what it mounts there.
enum NamespaceSettings {
  /// What the kernel counts by user and user namespace (namespaces(7), /proc/sys/user): the guest has half of what the user has, as of
  /// process numbers.
  private static let counted = ["user/max_inotify_instances", "user/max_inotify_watches"]

  /// Those of the guest's user namespace: outside of one they are the host's.
  static var ofUser: [(String, String)] {
    counted.compactMap { path in LimitEnforcer.number("/proc/sys/\(path)").map { (path, "\($0 / 2)") } }
  }

  /// Pairs of a path below /proc/sys and a value, of the other namespaces.
  static func all(_ limits: Limits) -> [(String, String)] {
    var settings: [(String, String)] = []
    if KernelFeatures.processNumbers > 0 { settings.append(("kernel/pid_max", "\(KernelFeatures.processNumbers)")) }
    if let memory = limits.memory { settings += interprocess(memory) }
    return settings
  }

  /// System V objects that no process has mapped live on (sysvipc(7)): as much memory as the guest may have of each kind.
  private static func interprocess(_ memory: Int) -> [(String, String)] {
    [
      ("kernel/shmall", "\(max(1, memory / Int(getpagesize())))"),
      ("kernel/shmmax", "\(memory)"),
      // A queue holds 16 KiB (msgmnb); a semaphore takes 64 bytes.
      ("kernel/msgmni", "\(max(1, min(32000, memory / 16384)))"),
      ("kernel/sem", "32000 \(max(32000, min(1_024_000_000, memory / 64))) 500 32000"),
    ]
  }

  /// The tmpfs of /tmp and /dev/shm, and that of the guest's root: each takes at most what the guest may have, and a name in it a
  /// kibibyte of the kernel's memory (tmpfs(5)).
  static func memoryOptions(_ limits: Limits) -> String {
    guard let memory = limits.memory else { return "" }
    return ",size=\(memory),nr_inodes=\(max(1024, memory / bytesOfInode))"
  }

  static let bytesOfInode = 1024
}

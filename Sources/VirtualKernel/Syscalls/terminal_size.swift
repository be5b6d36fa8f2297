import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// TIOCGWINSZ (ioctl_tty(2))
  static let windowSize: UInt32 = 0x5413

  /// ioctl(2) in a run on which every machine is the same: the terminal that the run was started from has 24 lines of 80 columns. What the
  /// guest makes itself has the size that it was given.
  @Sendable static func reproducibleIoctl(_ call: Call) throws(Errno) -> Outcome {
    guard UInt32(truncatingIfNeeded: call.arguments.1) == windowSize else { return try numberedIoctl(call) }
    guard call.kernel.reproduction.machine != nil else { return .continue }
    try call.requireOpen()
    let status = try call.kernel.descriptors.status(of: Int32(truncatingIfNeeded: call.arguments.0), in: call.thread)
    // Documentation/admin-guide/devices.txt: consoles, serial lines and pseudo-terminals.
    let isTerminal = status.st_mode & S_IFMT == S_IFCHR && isOfTerminal(uwrx_major(UInt64(status.st_rdev)))
    let isGiven = call.kernel.inherited.contains(HostIdentity(status)) || UInt64(status.st_rdev) == uwrx_makedev(5, 0)
    // Another size than this is all that the kernel could tell whoever exchanges the descriptor now.
    guard isTerminal, isGiven else { return .continue }
    // struct winsize
    try call.write(SIMD4<UInt16>(24, 80, 0, 0), at: call.arguments.2)
    return .value(0)
  }

  private static func isOfTerminal(_ major: UInt32) -> Bool { [4, 5].contains(major) || (136...143).contains(major) }
}

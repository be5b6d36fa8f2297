/// How a process has ended, as wait(2) tells it.
public struct WaitStatus: Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// What it gave to exit(2); nil if a signal has ended it.
  public var exitStatus: Int? { rawValue & 0x7f == 0 && rawValue <= 0xffff ? Int(rawValue >> 8) : nil }

  /// The number of the signal that has ended it.
  public var signal: Int? {
    let number = rawValue & 0x7f
    return number != 0 && number != 0x7f && rawValue <= 0xff ? Int(number) : nil
  }

  /// Whether the kernel has written a core file.
  public var hasDumpedCore: Bool { signal != nil && rawValue & 0x80 != 0 }

  /// `exit 3`, `killed by SIGSEGV`.
  public var description: String {
    if let exitStatus { return "exit \(exitStatus)" }
    guard let signal else { return "status 0x" + String(rawValue, radix: 16) }
    return "killed by \(Self.name(ofSignal: signal))" + (hasDumpedCore ? " (core dumped)" : "")
  }

  /// `SIGSEGV`, `SIGRTMIN+2`, or the number.
  public static func name(ofSignal number: Int) -> String {
    if names.indices.contains(number) { return "SIG" + names[number] }
    return (34...64).contains(number) ? (number == 34 ? "SIGRTMIN" : "SIGRTMIN+\(number - 34)") : "signal \(number)"
  }

  /// signal(7), by number.
  private static let names = [
    "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR",
    "SYS",
  ]
}

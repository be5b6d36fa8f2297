import SystemPackage

/// The one table of system calls: who runs each call, and why. It is the only source for the seccomp filter, for
/// `uwrx syscalls`, for the names in a trace and for the coverage of the conformance report.
///
/// A number that is not here is answered with ENOSYS.
public enum Registry {
  /// Every call of this architecture, in ascending order of its number.
  public static let entries: [SyscallEntry] = byNumber.compactMap { $0 }

  /// The entry of a number, or nil if this architecture has no such call.
  public static func entry(_ number: Int32) -> SyscallEntry? {
    guard number >= 0, Int(number) < byNumber.count else { return nil }
    return byNumber[Int(number)]
  }

  /// The errno for a call that no handler decides.
  static func refusal(_ number: Int32, _ rules: CallRules) -> Errno {
    if case .deny(let errno) = entry(number)?.under(rules).disposition { return errno }
    return .noFunction
  }

  private static let byNumber: [SyscallEntry?] = {
    var table = [SyscallEntry?](repeating: nil, count: size)
    for family in families {
      for entry in family {
        let index = Int(entry.number.rawValue)
        precondition(table[index] == nil, "two entries for one system call")
        table[index] = entry
      }
    }
    return table
  }()

  /// More than the largest number of Linux 6.18, 469.
  static let size = 512

  private static var families: [[SyscallEntry]] {
    [
      files, filesOfX86, metadata, metadataOfX86, descriptors, descriptorsOfX86, events, eventsOfX86,
      memory, processes, processesOfX86, identity, scheduling, signals, signalsOfX86, time, timeOfX86,
      sockets, interprocess, mounts, kernel, kernelOfX86,
    ]
  }
}

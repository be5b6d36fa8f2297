import SystemPackage

/// All the credentials that threads of this run have or had, each once.
///
/// Who a new thread is, the kernel cannot tell us: to it all guests are one user. fork(2) is not trapped, and when the child makes its first call
/// its parent may have changed its ids, or be gone. So credentials that differ from the run's first ones have a mark that the kernel itself
/// hands on at every clone(2) and keeps across execve(2): the timer slack (prctl(2), PR_SET_TIMERSLACK), some nanoseconds above the usual.
public final class CredentialsTable {
  /// Enough for any honest program; a hostile one is stopped before it fills memory.
  private static let limits = (count: 50_000, groups: 2_000_000)
  /// Linux's timer slack for all but real-time threads, in nanoseconds.
  static let usualSlack: UInt64 = 50_000

  private let storage = UnsafeMutablePointer<Credentials>.allocate(capacity: limits.count)
  private var numbers: [Credentials: Int] = [:]
  private var groupCount = 0

  init(_ initial: Credentials) {
    storage.initialize(to: initial)
    numbers[initial] = 0
  }

  deinit {
    storage.deinitialize(count: numbers.count)
    storage.deallocate()
  }

  /// Those of the run's first process.
  var initial: UnsafePointer<Credentials> { UnsafePointer(storage) }

  /// False as long as every thread is who the first was.
  var hasOthers: Bool { numbers.count > 1 }

  /// A pointer that stays good for as long as the table.
  /// - Throws: `.noMemory` if there are too many.
  func intern(_ credentials: Credentials) throws(Errno) -> UnsafePointer<Credentials> {
    if let number = numbers[credentials] { return UnsafePointer(storage + number) }
    let number = numbers.count
    guard number < Self.limits.count, groupCount + credentials.groups.count <= Self.limits.groups else {
      throw .noMemory
    }
    (storage + number).initialize(to: credentials)
    numbers[credentials] = number
    groupCount += credentials.groups.count
    return UnsafePointer(storage + number)
  }

  /// The timer slack of a thread with these credentials.
  func slack(for credentials: UnsafePointer<Credentials>) -> UInt64 {
    Self.usualSlack + UInt64(credentials - UnsafePointer(storage))
  }

  /// Whether a slack stands for credentials that are or may yet be in the table.
  func isReserved(_ slack: UInt64) -> Bool {
    slack > Self.usualSlack && slack < Self.usualSlack + UInt64(Self.limits.count)
  }

  /// The credentials that a timer slack stands for, or nil if it is a slack like any other.
  func marked(by slack: UInt64) -> UnsafePointer<Credentials>? {
    guard slack > Self.usualSlack, slack < Self.usualSlack + UInt64(numbers.count) else { return nil }
    return UnsafePointer(storage + Int(slack - Self.usualSlack))
  }
}

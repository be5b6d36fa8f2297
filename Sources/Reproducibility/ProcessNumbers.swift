/// The numbers by which processes know themselves and each other in a run that is to give the same bytes again.
///
/// A process gets its number when somebody first asks for it, and keeps it: it is made of who the process is at that moment (`ProcessIdentity`).
/// No two processes of a run have the same, also one after the other, as no two have it by the kernel's numbers as long as those last.
public struct ProcessNumbers {
  /// Above all of the kernel's, of which a guest has fewer than 2^21, and up to the largest that Linux can have (PID_MAX_LIMIT). The
  /// first is left out, since as a negative argument, which names a process group, it could not be told from the kernel's.
  public static let range: Range<Int32> = first..<1 << 22
  private static let first: Int32 = 1 << 21 + 1

  /// A bit for each number that was given out.
  private var taken: [UInt64] = []
  private var takenCount = 0
  /// The kernel's numbers, by these.
  private var processes: [Int32: Int32] = [:]
  /// These, by the kernel's, of processes that have ended: their groups and sessions may live on.
  private var ended: [Int32: Int32] = [:]
  /// The kernel's numbers in `ended` in the order in which they came there, as a ring.
  private var endings: [Int32] = []
  private var oldest = 0
  private static let mostEnded = 1 << 16

  public init() {}

  /// The number of a process that has none yet. Where another process has the one that it should have, the next is made of its identity, too.
  /// - Parameter process: the kernel's.
  public mutating func assign(_ identity: ProcessIdentity, to process: Int32) -> Int32 {
    if takenCount >= Self.range.count / 4 * 3 || taken.isEmpty { takeOnlyKnown() }
    var attempt: UInt64 = 0
    var number = identity.number(attempt)
    while isTaken(number) {
      attempt += 1
      number = identity.number(attempt)
    }
    take(number)
    processes[number] = process
    return number
  }

  /// The kernel's number of a process that has or had this one.
  public func process(_ number: Int32) -> Int32? { processes[number] }

  /// The number of a process that has ended, by the kernel's.
  public func number(ofEnded process: Int32) -> Int32? { ended[process] }

  /// A process has this number of the kernel's now, and no group or session has it from one before.
  public mutating func didBegin(_ process: Int32) {
    if let number = ended.removeValue(forKey: process) { processes[number] = nil }
  }

  /// - Parameter isReplaced: the kernel has given its number to another one already.
  public mutating func didEnd(_ process: Int32, _ number: Int32, isReplaced: Bool) {
    guard processes[number] == process else { return }
    if isReplaced {
      processes[number] = nil
      return
    }
    ended[process] = number
    if endings.count < Self.mostEnded {
      endings.append(process)
      return
    }
    // What has stood longest is forgotten.
    let forgotten = endings[oldest]
    if forgotten != process, let number = ended.removeValue(forKey: forgotten) { processes[number] = nil }
    endings[oldest] = process
    oldest = (oldest + 1) % Self.mostEnded
  }

  private func isTaken(_ number: Int32) -> Bool {
    let index = Int(number - Self.first)
    return taken[index >> 6] & 1 << UInt64(index & 63) != 0
  }

  private mutating func take(_ number: Int32) {
    let index = Int(number - Self.first)
    taken[index >> 6] |= 1 << UInt64(index & 63)
    takenCount += 1
  }

  /// After a million and a half of processes numbers are given out again.
  private mutating func takeOnlyKnown() {
    taken = Array(repeating: 0, count: Self.range.count / 64 + 1)
    takenCount = 0
    for number in processes.keys { take(number) }
  }
}

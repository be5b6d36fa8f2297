/// The number of a trace's track, which tells whose it is. Small numbers make a small trace, so that the two lowest bits tell the kind.
struct TrackNumber: Equatable {
  private enum Kind: UInt64 {
    case process, row, mainThread, thread
  }

  /// A thread's id is less (PID_MAX_LIMIT of include/linux/threads.h).
  static let maximumThread: UInt32 = 1 << 22
  /// Of what is of no process: pids of the trace begin at 1.
  static let run = TrackNumber(mainThreadOf: 0)
  /// Of the rows of all processes.
  static let rows = TrackNumber(rowOf: 0)

  let uuid: UInt64

  init(process pid: UInt32) { uuid = UInt64(pid) << 2 | Kind.process.rawValue }

  /// That of the process's programs in the tree of all processes.
  init(rowOf pid: UInt32) { uuid = UInt64(pid) << 2 | Kind.row.rawValue }

  /// The thread whose id is that of its process in the guest.
  init(mainThreadOf pid: UInt32) { uuid = UInt64(pid) << 2 | Kind.mainThread.rawValue }

  init(pid: UInt32, thread: UInt32) {
    uuid = (UInt64(pid) << 22 | UInt64(thread)) << 2 | Kind.thread.rawValue
  }

  /// - Returns: nil if no track has it.
  init?(_ uuid: UInt64) {
    guard uuid > 0, uuid >> (uuid & 3 == Kind.thread.rawValue ? 56 : 34) == 0 else { return nil }
    self.uuid = uuid
  }

  private var kind: Kind { Kind(rawValue: uuid & 3)! }
  var isRow: Bool { kind == .row }
  var isMainThread: Bool { kind == .mainThread && self != .run }
  var pid: UInt32 { UInt32(truncatingIfNeeded: uuid >> (kind == .thread ? 24 : 2)) }
  /// Its id; 0 if the number does not tell it.
  var thread: UInt32 { kind == .thread ? UInt32(truncatingIfNeeded: uuid >> 2) & (Self.maximumThread - 1) : 0 }
}

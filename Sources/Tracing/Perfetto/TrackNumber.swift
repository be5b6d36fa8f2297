/// The number of a trace's track, which tells whose it is. Small numbers make a small trace, so that the two lowest bits tell the kind of all but
/// connections.
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

  /// Connections, whose numbers know no process, stand apart from all those.
  private static let connections: UInt64 = 1 << 60
  /// Of a connection; more requests at once are told elsewhere.
  static let maximumLanes = 256

  /// - Parameter lane: where the requests of a connection overlap, each has one; the first is the connection's own track.
  init(connection: UInt32, lane: Int = 0) {
    uuid = Self.connections | UInt64(connection) << 10 | UInt64(lane) << 2
  }

  /// - Returns: nil if no track has it.
  init?(_ uuid: UInt64) {
    let isConnection = uuid & ~(1 << 42 - 1) == Self.connections && uuid & 3 == 0
    guard isConnection || uuid > 0 && uuid >> (uuid & 3 == Kind.thread.rawValue ? 56 : 34) == 0 else { return nil }
    self.uuid = uuid
  }

  var isConnection: Bool { uuid >= Self.connections }
  private var kind: Kind { Kind(rawValue: uuid & 3)! }
  var isRow: Bool { kind == .row }
  var isMainThread: Bool { kind == .mainThread && self != .run }
  var pid: UInt32 { UInt32(truncatingIfNeeded: uuid >> (kind == .thread ? 24 : 2)) }
  /// Its id; 0 if the number does not tell it.
  var thread: UInt32 { kind == .thread ? UInt32(truncatingIfNeeded: uuid >> 2) & (Self.maximumThread - 1) : 0 }
}

/// The number of a trace's track, which tells whose it is.
struct TrackNumber: Equatable {
  /// A thread's id is less (PID_MAX_LIMIT of include/linux/threads.h).
  static let maximumThread: UInt32 = 1 << 22
  /// Of what is of no process: pids of the trace begin at 1.
  static let run = TrackNumber(pid: 0, thread: 1)
  /// Of the rows of all processes.
  static let rows = TrackNumber(rowOf: 0)

  let uuid: UInt64

  /// - Parameter thread: the guest's id; 0 for the process itself.
  init(pid: UInt32, thread: UInt32) { uuid = UInt64(pid) << 23 | UInt64(thread) << 1 }

  /// That of the process's programs in the tree of all processes.
  init(rowOf pid: UInt32) { uuid = UInt64(pid) << 23 | 1 }

  /// - Returns: nil if no track has it.
  init?(_ uuid: UInt64) {
    guard uuid > 0, uuid >> 55 == 0 else { return nil }
    self.uuid = uuid
  }

  var isRow: Bool { uuid & 1 != 0 }
  var pid: UInt32 { UInt32(uuid >> 23) }
  /// Of the events on it that tell no other.
  var thread: UInt32 { self == .run ? 0 : UInt32(truncatingIfNeeded: uuid >> 1) & (Self.maximumThread - 1) }
}

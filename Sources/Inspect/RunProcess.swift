import Tracing

/// A program that a process ran.
public struct Program: Sendable, Equatable {
  /// The executable; `.none` if it has no path, as a memory file.
  public var executable: PathTable.ID
  /// Of the executable; 0 is what was there before the run.
  public var version: UInt32
  /// Nanoseconds of the trace's clock.
  public var time: UInt64
  /// The arguments, each with its NUL; nil if they were not recorded.
  public var argumentBytes: [UInt8]?
  /// More arguments were given than were recorded.
  public var argumentsAreCut = false
  /// Its environment's number, for `RunHistory.environment`; 0 if it was not recorded.
  public var environment: UInt32 = 0
  /// The current directory; `.none` if it was not recorded.
  public var directory = PathTable.ID.none

  /// `argv`; empty if it was not recorded.
  public var arguments: [[UInt8]] { argumentBytes.map { strings($0) } ?? [] }
}

/// A thread that has made a call which the trace tells of.
public struct RunThread: Sendable, Equatable {
  /// Its id in the guest.
  public var id: UInt32
  /// When its first and last calls were received, in nanoseconds of the trace's clock.
  public var firstTime: UInt64
  public var lastTime: UInt64
}

/// A process of a run.
public struct RunProcess: Sendable {
  /// The trace's own number, which is never used twice. `RunHistory.number(of:)` is what it is shown by.
  public let pid: UInt32
  /// Its id in the guest and on the host; nil if the trace does not tell.
  public internal(set) var guestPid: UInt32?
  public internal(set) var hostPid: UInt32?
  /// nil if the trace does not tell, or tells what cannot be; `Event.supervisor` for the command itself.
  public internal(set) var parent: UInt32?
  /// In the order in which they were found.
  public internal(set) var children: [UInt32] = []
  /// The programs that it ran itself, in order.
  public internal(set) var programs: [Program] = []
  /// What its parent ran when it was forked.
  public internal(set) var inherited: Program?
  public internal(set) var threads: [RunThread] = []
  /// When it was found, in nanoseconds of the trace's clock, which is no later than its first traced call. For a process that
  /// the trace does not introduce: its first event.
  public internal(set) var start: UInt64
  /// nil if it was not seen to end.
  public internal(set) var end: UInt64?
  /// nil if it was not seen to end.
  public internal(set) var status: WaitStatus?
  /// nil if it was not seen to end, or could not be asked.
  public internal(set) var use: ResourceUse?
  /// Events that tell of it.
  public internal(set) var eventCount = 0
  /// Nanoseconds that uwrx took to answer its calls, of those that the trace tells of.
  public internal(set) var answerTime: UInt64 = 0
  /// Bytes written to its descriptors 1 and 2, as far as they were recorded.
  public internal(set) var outputSize = 0
  /// Whether the trace has introduced it.
  public internal(set) var isAnnounced = false

  /// For the forest that `RunHistory` keeps: an ancestor.
  var root: UInt32
  var firstAccess: UInt32 = .max
  var lastAccess: UInt32 = .max
  var continuesArguments = false

  init(pid: UInt32, time: UInt64) {
    self.pid = pid
    root = pid
    start = time
  }

  /// What it runs, or ran last: its own program or the one that it was forked from.
  public var program: Program? { programs.last ?? inherited }

  /// What it ran at a time.
  public func program(at time: UInt64) -> Program? { programs.last { $0.time <= time } ?? inherited }
}

/// Splits a block of strings, each with its NUL; a last one may lack it.
func strings(_ bytes: [UInt8]) -> [[UInt8]] {
  var parts = bytes.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
  if parts.last?.isEmpty == true { parts.removeLast() }
  return parts
}

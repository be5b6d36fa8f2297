/// What an event tells. The raw values are the format of a trace's `events` file.
public enum EventKind: UInt8, Sendable, CaseIterable {
  /// Defines a node, a name in a directory: `node` is its number, `version` that of the directory, `name` the name. A number
  /// whose name is no more can be defined again.
  case node = 1
  /// A process was found: `pid` is its own, `node` its parent's, `version` its id in the guest, `name` its id on the host (4 bytes).
  case spawn
  /// A process was let through an execve(2) of `node`.
  case exec
  /// A process has ended: `version` is its wait status (wait(2)), `name` a `ResourceUse`, or nothing if it could not be asked. The
  /// time is that of its exit_group(2) if it made one, which is some milliseconds before the event was written.
  case exit
  /// An open for reading.
  case read
  case stat
  /// A look-up that failed: `node` is the directory, `name` the name.
  case missing
  /// A symbolic link was read, or walked.
  case readLink
  /// A directory was listed.
  case list
  /// A new regular file, FIFO or socket.
  case create
  /// An open for writing, or a truncation: `version` is what it made.
  case write
  case delete
  case renameFrom
  case renameTo
  case makeDirectory
  case removeDirectory
  case changeMode
  case changeOwner
  case symbolicLink
  case link
  /// Where a version that is not the last of its file is kept: `name` is the path below the trace.
  case stored
  /// A truncation of a file by its path or its descriptor; `version` is what it made. An open with O_TRUNC is a `write`.
  case truncate
  /// What an `exec` was given, right after it: `node` is the current directory, `version` the number of its environment, `name`
  /// the arguments, each with its NUL.
  case arguments
  /// Defines an environment, once for all processes that have the same: `version` is its number, from 1, `name` the variables,
  /// each with its NUL, in the order in which the program finds them.
  case environment
  /// Bytes that a process has asked to be written to its descriptor `version`, 1 or 2: `name` is the bytes.
  case output
  /// A socket was connected, bound, or waited on for a connection: `version` is the descriptor, `name` the `sockaddr`, which for
  /// `accept` is the socket's own.
  case connect
  case bind
  case accept
  /// A call that uwrx refuses whatever its arguments are: `version` is its number, `node` the errno. Told once for each process. Of calls that
  /// seem not to exist (ENOSYS) nothing is told: programs ask for them as a matter of course.
  case denied
  /// A limit was reached: `name` is the line for the user.
  case limit
  /// With `--trace=io`: `version` is the descriptor, `node` the file or 0, `name` the number of bytes that were asked for (8 bytes);
  /// for `close` nothing.
  case readBytes
  case writeBytes
  case close
  /// A parameter of the run: `name` is its name, a NUL and its value. They come first.
  case parameter
  /// The wall clock at the event's time: `name` is nanoseconds since 1970 (8 bytes). The second event of a trace.
  case clock
  /// At the end of a run, for each call that was trapped: `version` is its number, `name` a `CallTotals`.
  case totals
  /// In a run that answers for the processor, a process runs code that asks it itself: `node` is the file or 0, `name` the reason. Told once for
  /// each file in a process.
  case unanswered
  /// A name was asked for: `name` is a `LookUpRecord`.
  case lookUp
  /// A connection beyond the guest: `version` is its number, `name` the host and port, as text.
  case connection
  /// Its end: `version` is its number, `name` how many bytes went out and came in (8 bytes each).
  case connectionEnd
  /// A request on a connection and its answer, when that has ended: `version` is the connection's number, `name` a `RequestRecord`.
  case request
  /// A connection that the run does not let through: `name` is the host and port, a NUL, and the option that would, or that keeps it out.
  case refusal
  /// Of a replay: something that the recorded run has not asked for, as text.
  case miss
  /// Something of the run's network as a whole, as text: a port of the guest's that is published, a proxy that was started again.
  case network
  /// A process was not run: what it had done before was done again. `name` is a `SkippedProcess`.
  case skipped
  /// A process that could have been skipped was run, as it is not known or the first question that has another answer than when it ran
  /// before shows: `name` is an `UnskippedProcess`, `version` that of the file which stands there.
  case unskipped
  /// A process that was run could not be recorded, to be skipped later: `name` is an `UnrecordedProcess`.
  case unrecorded

  /// The word for it in `files.meta`, or nil for what changes no file.
  public var metaName: String? {
    switch self {
    case .create: "create"
    case .write, .truncate: "write"
    case .delete: "delete"
    case .renameFrom: "rename_from"
    case .renameTo: "rename_to"
    case .makeDirectory: "mkdir"
    case .removeDirectory: "rmdir"
    case .changeMode: "chmod"
    case .changeOwner: "chown"
    case .symbolicLink: "symlink"
    case .link: "link"
    default: nil
    }
  }

  /// Whether it tells that a process has used or changed what stands at a path: `node`, with `name` below it for `missing`.
  public var isAccess: Bool {
    switch self {
    case .exec, .read, .stat, .missing, .readLink, .list: true
    default: metaName != nil
    }
  }
}

/// What a process used. 32 bytes, little-endian.
public struct ResourceUse: Sendable, BitwiseCopyable, Equatable {
  /// Nanoseconds of processor time, of all its threads.
  public var userTime: UInt64
  public var systemTime: UInt64
  /// Bytes; 0 if it is not known.
  public var peakMemory: UInt64
  /// 0 for now.
  public var reserved: UInt64 = 0

  public init(userTime: UInt64, systemTime: UInt64, peakMemory: UInt64) {
    self.userTime = userTime
    self.systemTime = systemTime
    self.peakMemory = peakMemory
  }
}

/// How a system call was used in a run. 24 bytes, little-endian.
public struct CallTotals: Sendable, BitwiseCopyable, Equatable {
  public var count: UInt64
  /// Nanoseconds from the receipt of a call to its answer.
  public var totalTime: UInt64
  public var longestTime: UInt64

  public init(count: UInt64, totalTime: UInt64, longestTime: UInt64) {
    self.count = count
    self.totalTime = totalTime
    self.longestTime = longestTime
  }
}

/// One record of a trace's events, without its name: 32 bytes, little-endian, in this order.
///
/// The name follows, padded with zeros to a multiple of 8 bytes. A record of kind 0 ends the file.
public struct Event: Sendable, BitwiseCopyable {
  /// In `flags`: the bytes go on in the next record of the same kind and process.
  public static let continues: UInt8 = 1
  /// In `flags`: bytes beyond these were not recorded.
  public static let isCut: UInt8 = 2

  public var kind: UInt8
  public var flags: UInt8 = 0
  public var nameLength: UInt16 = 0
  /// The trace's own number of the process.
  public var pid: UInt32
  /// A name in a directory, as a `node` event has defined it; 1 is the guest's root.
  public var node: UInt32
  /// The version of the file that the process saw or made; 0 is what stood there before the run.
  public var version: UInt32
  /// Nanoseconds of the monotonic clock, when the call was received; of a call they are whole microseconds.
  public var time: UInt64
  /// The guest's id of the thread that made the call; 0 if none did.
  public var thread: UInt32 = 0
  /// Nanoseconds from the call's receipt to its answer, at most 4.29 s; 0 for all but the first event of a call. What only
  /// defines something (`node`, `environment`, `spawn`) does not count as one.
  public var duration: UInt32 = 0

  public init(_ kind: EventKind, pid: UInt32, node: UInt32, version: UInt32, time: UInt64 = 0) {
    self.kind = kind.rawValue
    self.pid = pid
    self.node = node
    self.version = version
    self.time = time
  }

  public static let rootNode: UInt32 = 1
  /// The supervisor's own number; the guest's processes count from 2.
  public static let supervisor: UInt32 = 1
}

/// Takes the events of a run. Called on the path of every notification: must neither wait nor allocate.
public protocol EventSink: AnyObject {
  /// - Parameter event: during a call its time and thread are the call's; else the time is now unless it is set.
  func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>)

  /// The events that follow are of one call.
  /// - Parameters:
  ///   - time: when it was received, in nanoseconds of the monotonic clock.
  ///   - thread: the guest's id of its thread.
  ///   - first: what `suspendCall` gave if the call is taken up again, else 0.
  func beginCall(time: UInt64, thread: UInt32, first: UInt64)
  /// The call must wait for something: other calls come first.
  /// - Returns: where the call's first event is, for `beginCall`.
  func suspendCall() -> UInt64
  /// The call was answered, this many nanoseconds after its receipt.
  func endCall(duration: UInt64)
}

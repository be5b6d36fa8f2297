/// What an event tells. The raw values are the format of a trace's `events` file.
public enum EventKind: UInt8, Sendable, CaseIterable {
  /// Defines a node, a name in a directory: `node` is the new one, `version` that of the directory, `name` the name.
  case node = 1
  /// A process was found: `pid` is its own, `node` its parent's, `version` its id in the guest, `name` its id on the host (4 bytes).
  case spawn
  /// A process was let through an execve(2) of `node`.
  case exec
  /// A process has ended.
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

  /// The word for it in `files.meta`, or nil for what changes no file.
  public var metaName: String? {
    switch self {
    case .create: "create"
    case .write: "write"
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
}

/// One record of a trace's `events` file, without its name: 24 bytes, little-endian, in this order.
///
/// The name follows, padded with zeros to a multiple of 8 bytes. A record of kind 0 ends the file.
public struct Event: Sendable, BitwiseCopyable {
  public var kind: UInt8
  public var flags: UInt8 = 0
  public var nameLength: UInt16 = 0
  /// The trace's own number of the process.
  public var pid: UInt32
  /// A name in a directory, as a `node` event has defined it; 1 is the guest's root.
  public var node: UInt32
  /// The version of the file that the process saw or made; 0 is what stood there before the run.
  public var version: UInt32
  /// Nanoseconds of the monotonic clock.
  public var time: UInt64

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
  func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>)
}

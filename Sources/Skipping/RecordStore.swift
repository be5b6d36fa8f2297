import SystemPackage
import Tracing

/// What is known of a file's contents.
public struct ContentDigest: Sendable, Hashable {
  /// SHA-256.
  public let bytes: [UInt8]
  /// It is text in which a name of the preprocessor's stands that means the time of the day: `__DATE__`, `__TIME__`, `__TIMESTAMP__`.
  public let asksForTime: Bool

  public init(bytes: [UInt8], asksForTime: Bool) {
    self.bytes = bytes
    self.asksForTime = asksForTime
  }
}

/// What tells a file's contents from others that it has had: fstat(2).
public struct ContentIdentity: Sendable, Hashable {
  public let device: UInt64
  public let inode: UInt64
  public let size: Int64
  /// Nanoseconds since 1970.
  public let modified: Int64
  public let changed: Int64

  public init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64) {
    self.device = device
    self.inode = inode
    self.size = size
    self.modified = modified
    self.changed = changed
  }
}

/// Tells the records of a key apart that cannot match from the one that does: every trial of a configure script calls the compiler with the same
/// arguments, and the file that they name holds something else.
public struct RecordHint: Sendable, Hashable {
  /// 16 of a digest's.
  public let bytes: [UInt8]

  /// - Parameter contents: digests of the files that the arguments name, in their order.
  public init(_ contents: [[UInt8]]) { bytes = Array(SHA256.digest(Array(contents.joined())).prefix(16)) }
}

/// Where records are kept and the contents that they need. Safe for many threads and runs at a time.
public protocol RecordStore: AnyObject, Sendable {
  /// The records of a key, the newest first; what is damaged is none.
  /// - Parameter hint: the records with this one come before all others, of which there are only a few.
  func records(of key: [UInt8], near hint: RecordHint) -> [SkipRecord]
  /// Whether there may be more than these, which take longer to come by.
  var hasFurtherRecords: Bool { get }
  /// More records of a key with a hint, for who has found none among the others that matches.
  func furtherRecords(of key: [UInt8], near hint: RecordHint) -> [SkipRecord]
  /// Whether it is of use to say how a process was started.
  var wantsCommands: Bool { get }
  /// Keeps a record whose contents were kept before.
  /// - Parameter started: how the process was started, if that is known.
  func add(_ record: SkipRecord, of key: [UInt8], near hint: RecordHint, started: StartedCommand?) throws(Errno)
  /// Keeps what a step was started with, in place of what it was before, for who asks why there is no record. It may fail.
  func note(_ note: StepNote, of step: [UInt8])
  /// What a step was last started with; nil if that is not known.
  func note(of step: [UInt8]) -> StepNote?
  /// Reads a file to its end.
  func digest(of file: FileDescriptor) throws(Errno) -> ContentDigest
  /// Keeps a file's contents, and tells what they are.
  func keep(_ file: FileDescriptor) throws(Errno) -> ContentDigest
  /// Copies contents to a file that is empty, and verifies them.
  /// - Throws: `.noSuchFileOrDirectory` if they are not kept or not whole.
  func copy(_ digest: [UInt8], to file: FileDescriptor) throws(Errno)
  /// What the contents were that a file had when it was so, as far as anybody knows.
  func digest(of identity: ContentIdentity) -> ContentDigest?
  func remember(_ digest: ContentDigest, of identity: ContentIdentity)
  /// The run has ended: what was learnt is kept for others.
  /// - Returns: what the user is to know.
  func finish() -> [String]
}

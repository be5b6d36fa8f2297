import SystemPackage

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

/// Where records are kept and the contents that they need. Safe for many threads and runs at a time.
public protocol RecordStore: AnyObject, Sendable {
  /// The records of a key, the newest first; what is damaged is none.
  func records(of key: [UInt8]) -> [SkipRecord]
  /// Whether there may be more than these, which take longer to come by.
  var hasFurtherRecords: Bool { get }
  /// More records of a key, for who has found none among the others that matches.
  func furtherRecords(of key: [UInt8]) -> [SkipRecord]
  /// Whether it is of use to say how a process was started.
  var wantsCommands: Bool { get }
  /// Keeps a record whose contents were kept before.
  /// - Parameter started: how the process was started, if that is known.
  func add(_ record: SkipRecord, of key: [UInt8], started: StartedCommand?) throws(Errno)
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

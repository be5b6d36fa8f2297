/// What a process and all that it started have asked, what came of it, and how it ended: where the same questions have the same answers, it
/// need not run again.
public struct SkipRecord: Sendable, Equatable {
  /// A question about a path of the guest's, which leads there without symbolic links, and its answer.
  public struct Question: Sendable, Equatable {
    public var path: [UInt8]
    public let answer: Answer
    /// When the file was last modified, in nanoseconds since 1970, if that matters (``Timing``).
    public var modified: Int64?

    public init(path: [UInt8], answer: Answer, modified: Int64? = nil) {
      self.path = path
      self.answer = answer
      self.modified = modified
    }
  }

  public enum Answer: Sendable, Equatable {
    /// A regular file was read, or run.
    case contents(Status, digest: [UInt8])
    /// stat(2) and the like, without times and numbers.
    case status(Status)
    case missing
    /// A symbolic link was walked, or read.
    case link(target: [UInt8])
    /// A directory was listed: SHA-256 of its names and their kinds.
    case names(digest: [UInt8])
  }

  /// What stat(2) tells of a file and does not change when the file is made anew.
  public struct Status: Sendable, Hashable {
    /// st_mode with the type.
    public let mode: UInt32
    public let uid: UInt32
    public let gid: UInt32
    /// Of a regular file, in bytes; else 0.
    public let size: Int64

    public init(mode: UInt32, uid: UInt32, gid: UInt32, size: Int64) {
      self.mode = mode
      self.uid = uid
      self.gid = gid
      self.size = size
    }
  }

  /// A path that is another afterwards.
  public struct Output: Sendable, Equatable {
    public var path: [UInt8]
    /// What stood there before; nil for nothing. Its contents matter only if a question asks for them, its size never.
    public let before: Status?
    /// What stands there afterwards; nil for nothing.
    public let after: Standing?

    public init(path: [UInt8], before: Status?, after: Standing?) {
      self.path = path
      self.before = before
      self.after = after
    }
  }

  public enum Standing: Sendable, Equatable {
    case file(File)
    /// A symbolic link.
    case link(target: [UInt8])
    /// A directory, which was made, or has other permissions.
    case directory(mode: UInt32)
    /// Another name of a file that stands at a path which comes before it (link(2)).
    case name(of: [UInt8])
  }

  /// A regular file.
  public struct File: Sendable, Equatable {
    /// Permissions.
    public let mode: UInt32
    public let size: Int64
    /// SHA-256 of its contents.
    public let digest: [UInt8]
    /// The time that it was given, in nanoseconds since 1970; nil if it has that of the moment.
    public let modified: Int64?

    public init(mode: UInt32, size: Int64, digest: [UInt8], modified: Int64? = nil) {
      self.mode = mode
      self.size = size
      self.digest = digest
      self.modified = modified
    }
  }

  /// Bytes that were written to standard output or standard error.
  public struct Piece: Sendable, Equatable {
    /// 1 or 2.
    public let descriptor: Int32
    public var bytes: [UInt8]

    public init(descriptor: Int32, bytes: [UInt8]) {
      self.descriptor = descriptor
      self.bytes = bytes
    }
  }

  /// How times of files that were asked for matter.
  public enum Timing: UInt8, Sendable, Comparable {
    /// Not at all.
    case none
    /// By which of two files is the newer one: make(1).
    case order
    /// As they are: tar(1).
    case exact

    public static func < (one: Timing, other: Timing) -> Bool { one.rawValue < other.rawValue }
  }

  /// Where it ran: the trace's directory, and the process's number there.
  public var origin: [UInt8]
  public var process: UInt32
  /// Nanoseconds that it took.
  public var duration: UInt64
  public var timing: Timing
  /// What its virtual clock showed when it began, in nanoseconds since 1970, if it has asked what time it is.
  public var clock: UInt64?
  /// In the order in which they were asked.
  public var questions: [Question]
  /// In the order in which they can be made.
  public var outputs: [Output]
  public var said: [Piece]
  /// What exit(3) was given.
  public var status: UInt8

  public init(
    origin: [UInt8], process: UInt32, duration: UInt64, timing: Timing = .none, clock: UInt64? = nil,
    questions: [Question], outputs: [Output], said: [Piece], status: UInt8
  ) {
    self.clock = clock
    self.origin = origin
    self.process = process
    self.duration = duration
    self.timing = timing
    self.questions = questions
    self.outputs = outputs
    self.said = said
    self.status = status
  }

  /// The contents that its outputs have.
  var contents: [ContentName] {
    outputs.compactMap { output in
      guard case .file(let file) = output.after else { return nil }
      return ContentName(digest: file.digest, size: file.size)
    }
  }
}

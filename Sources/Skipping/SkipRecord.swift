/// What a process and all that it started have asked, what came of it, and how it ended: where the same questions have the same answers, it
/// need not run again.
public struct SkipRecord: Sendable, Equatable {
  /// A question about a path of the guest's, which leads there without symbolic links, and its answer.
  public struct Question: Sendable, Equatable {
    public let path: [UInt8]
    public let answer: Answer

    public init(path: [UInt8], answer: Answer) {
      self.path = path
      self.answer = answer
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
    public let path: [UInt8]
    /// What stood there before; nil for nothing. Its contents do not matter.
    public let before: Status?
    /// What stands there afterwards; nil for nothing.
    public let after: File?

    public init(path: [UInt8], before: Status?, after: File?) {
      self.path = path
      self.before = before
      self.after = after
    }
  }

  /// A regular file.
  public struct File: Sendable, Equatable {
    /// Permissions.
    public let mode: UInt32
    public let size: Int64
    /// SHA-256 of its contents.
    public let digest: [UInt8]

    public init(mode: UInt32, size: Int64, digest: [UInt8]) {
      self.mode = mode
      self.size = size
      self.digest = digest
    }
  }

  /// Bytes that were written to standard output or standard error.
  public struct Piece: Sendable, Equatable {
    /// 1 or 2.
    public let descriptor: Int32
    public let bytes: [UInt8]

    public init(descriptor: Int32, bytes: [UInt8]) {
      self.descriptor = descriptor
      self.bytes = bytes
    }
  }

  /// Where it ran: the trace's directory, and the process's number there.
  public var origin: [UInt8]
  public var process: UInt32
  /// Nanoseconds that it took.
  public var duration: UInt64
  /// In the order in which they were asked.
  public var questions: [Question]
  public var outputs: [Output]
  public var said: [Piece]
  /// What exit(3) was given.
  public var status: UInt8

  public init(
    origin: [UInt8], process: UInt32, duration: UInt64, questions: [Question], outputs: [Output], said: [Piece],
    status: UInt8
  ) {
    self.origin = origin
    self.process = process
    self.duration = duration
    self.questions = questions
    self.outputs = outputs
    self.said = said
    self.status = status
  }

  /// The contents that its outputs have.
  var contents: [ContentName] {
    outputs.compactMap { $0.after.map { ContentName(digest: $0.digest, size: $0.size) } }
  }
}

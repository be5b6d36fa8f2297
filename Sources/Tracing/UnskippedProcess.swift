/// What an `unskipped` event tells: why a process ran that may be skipped. The event's own version is that of the file which stands at the path.
///
/// As bytes, version 1: three little-endian numbers of 8 bytes (the version, the process, nanoseconds), and six texts with a NUL between them:
/// the trace, the reason, the path, what was asked, what the answer was, what it is.
public struct UnskippedProcess: Sendable, Equatable {
  static let version: UInt64 = 1

  /// What was asked of a path, or is to be written there.
  public enum Question: String, Sendable, CaseIterable {
    case contents, status, missing, link, names, output
  }

  /// Where the record was made that comes nearest: the trace's directory and the process's number; empty and 0 where there is no record.
  public var origin: [UInt8] = []
  public var process: UInt32 = 0
  /// Nanoseconds that it took there.
  public var duration: UInt64 = 0
  /// What is other than it was, as a sentence about the path.
  public var reason: String
  /// Empty where it is not about a file.
  public var path: [UInt8] = []
  /// nil where it is not about a file.
  public var question: Question?
  /// The answer that was recorded, and today's: `missing`, `link TARGET`, `names DIGEST`, `file MODE UID GID SIZE`, for contents also
  /// ` DIGEST` as far as it is known, or `unreachable`. Modes are octal with the type, digests are SHA-256.
  public var was: [UInt8] = []
  public var now: [UInt8] = []

  public init(reason: String) { self.reason = reason }

  public var hasRecord: Bool { process != 0 }

  public var bytes: [UInt8] {
    EventFields.bytes(
      [Self.version, UInt64(process), duration],
      [origin, Array(reason.utf8), path, Array((question?.rawValue ?? "").utf8), was, now])
  }

  /// nil for what is none, or another version.
  public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let (numbers, texts) = EventFields.read(bytes, numbers: 3, texts: 6), numbers[0] == Self.version,
      let process = UInt32(exactly: numbers[1])
    else { return nil }
    self.process = process
    duration = numbers[2]
    origin = texts[0]
    reason = String(decoding: texts[1], as: UTF8.self)
    path = texts[2]
    question = Question(rawValue: String(decoding: texts[3], as: UTF8.self))
    (was, now) = (texts[4], texts[5])
  }
}

/// What a `skipped` event tells: where the process ran whose work was taken.
///
/// As bytes, version 1: three little-endian numbers of 8 bytes (the version, the process, nanoseconds), and the trace.
public struct SkippedProcess: Sendable, Equatable {
  static let version: UInt64 = 1

  /// The trace's directory.
  public var origin: [UInt8]
  /// Its number there.
  public var process: UInt32
  /// Nanoseconds from the start of its program to its end, there.
  public var duration: UInt64

  public init(origin: [UInt8], process: UInt32, duration: UInt64) {
    self.origin = origin
    self.process = process
    self.duration = duration
  }

  public var bytes: [UInt8] { EventFields.bytes([Self.version, UInt64(process), duration], [origin]) }

  /// nil for what is none, or another version.
  public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let (numbers, texts) = EventFields.read(bytes, numbers: 3, texts: 1), numbers[0] == Self.version,
      let process = UInt32(exactly: numbers[1])
    else { return nil }
    self.init(origin: texts[0], process: process, duration: numbers[2])
  }
}

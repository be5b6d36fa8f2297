import SystemPackage
import Tracing

/// What the processes of a run printed: the bytes as they were written, in order.
public struct OutputReport {
  public enum Stream: UInt32, Sendable, CaseIterable {
    case stdout = 1
    case stderr = 2
  }

  private let process: ProcessNumber?
  private let stream: Stream?

  /// - Parameters:
  ///   - process: nil means all.
  ///   - stream: nil means both.
  public init(of process: ProcessNumber? = nil, stream: Stream? = nil) {
    self.process = process
    self.stream = stream
  }

  /// What there is to say beside the report.
  public struct Outcome: Sendable {
    /// A process of which some bytes were not recorded.
    public struct Cut: Sendable {
      public var process: ProcessNumber
      /// How many bytes were recorded before the first that were not.
      public var recorded: Int
    }

    public var cut: [Cut] = []
    /// Whether the events end in the middle.
    public var isDamaged = false
  }

  /// The bytes as they were written.
  /// - Throws: `TraceError` if the trace cannot be read or has no such process, `Errno` if the report cannot be written.
  public func raw(_ trace: TraceDirectory, to output: OutputBuffer) throws -> Outcome {
    try forEach(trace) { event, bytes, _ in
      output.append(bytes)
      try output.drain()
    }
  }

  /// An object per line and write: `{"time","pid","thread","stream","text" or "base64","cut"}`.
  ///
  /// `time` is nanoseconds since the start of the run, `stream` is `stdout` or `stderr`. Bytes that are UTF-8 are `text`, with JSON's own escapes only,
  /// others `base64`; `cut` tells that there were more than were recorded. A write of more than 16 MiB is told in several objects.
  public func json(_ trace: TraceDirectory, to output: OutputBuffer) throws -> Outcome {
    var line = JSONText()
    let numbers = try TraceNumbers(trace)
    var pending: (event: Event, time: Int64, bytes: [UInt8])?
    func tell() throws(Errno) {
      guard let (event, time, bytes) = pending else { return }
      pending = nil
      line.clear()
      line.object { line in
        line.number("time", time)
        line.process("pid", numbers[event.pid])
        line.number("thread", event.thread)
        line.string("stream", event.version == Stream.stdout.rawValue ? "stdout" : "stderr")
        bytes.withUnsafeBufferPointer { bytes in
          if String(validating: bytes, as: UTF8.self) != nil {
            line.text("text", bytes)
          } else {
            line.base64("base64", bytes)
          }
        }
        line.flag("cut", event.flags & Event.isCut != 0)
      }
      output.append(line.bytes)
      try output.endLine()
    }
    let outcome = try forEach(trace) { event, bytes, start in
      if let begun = pending?.event, begun.pid != event.pid || begun.version != event.version { try tell() }
      if pending == nil { pending = (event, Int64(bitPattern: event.time &- start), []) }
      pending?.event.flags |= event.flags & Event.isCut
      pending?.bytes.append(contentsOf: bytes)
      if event.flags & Event.continues == 0 || pending?.bytes.count ?? 0 >= 1 << 24 { try tell() }
    }
    try tell()
    return outcome
  }

  private func forEach(
    _ trace: TraceDirectory, _ body: (Event, UnsafeBufferPointer<UInt8>, _ start: UInt64) throws -> Void
  ) throws -> Outcome {
    let events = try EventStream(trace)
    let numbers = try TraceNumbers(trace)
    let wanted = process.flatMap { numbers.pid(of: $0) }
    if let process, wanted == nil { throw process.unknown(in: trace) }
    var isKnown = process == nil
    var start: UInt64 = 0
    var outcome = Outcome()
    var cut: Set<UInt32> = []
    var recorded: [UInt32: Int] = [:]
    while let (event, bytes) = try events.next() {
      if start == 0 { start = event.time }
      guard wanted == nil || wanted == event.pid else { continue }
      isKnown = isKnown || event.pid > Event.supervisor
      guard event.kind == EventKind.output.rawValue, let from = Stream(rawValue: event.version),
        stream == nil || from == stream
      else { continue }
      recorded[event.pid, default: 0] += bytes.count
      if event.flags & Event.isCut != 0, cut.insert(event.pid).inserted {
        outcome.cut.append(Outcome.Cut(process: numbers[event.pid], recorded: recorded[event.pid] ?? 0))
      }
      try body(event, bytes, start)
    }
    if let process, !isKnown { throw process.unknown(in: trace) }
    outcome.isDamaged = events.isDamaged
    return outcome
  }
}

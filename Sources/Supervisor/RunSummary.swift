import Tracing

/// What a run did, in figures.
public struct RunSummary: Sendable, Equatable {
  /// Processes of the guest.
  public var processes = 0
  /// Programs that were run, each time counted.
  public var programs = 0
  /// Names of files that were opened for reading or run; with `TraceLevel.off` only the latter are known.
  public var filesRead = 0
  /// Names of files that were made or changed, removed ones included.
  public var filesWritten = 0
  /// Programs that were not run, as what they do was done before; they count among the others.
  public var skipped = 0
  /// Seconds that these took when they ran, together.
  public var skippedSeconds = 0.0
  /// System calls that uwrx answered.
  public var calls: UInt64 = 0
  /// Seconds from the receipt of each of them to its answer, together.
  public var seconds = 0.0
  /// Bytes on the disk of the events, and of the whole trace.
  public var eventBytes = 0
  public var traceBytes = 0

  /// Counts in the trace of a run that has ended.
  /// - Throws: a message if its events cannot be read.
  public init(_ trace: TraceDirectory) throws(TraceError) {
    let reader = try trace.events()
    var read: Set<UInt32> = []
    var written: Set<UInt32> = []
    while let (event, name) = try Self.next(reader, trace) {
      guard let kind = EventKind(rawValue: event.kind) else { continue }
      switch kind {
      case .node:
        // The number is another name's from here on.
        if read.remove(event.node) != nil { filesRead += 1 }
        if written.remove(event.node) != nil { filesWritten += 1 }
      case .spawn: processes += 1
      case .exec:
        programs += 1
        read.insert(event.node)
      case .skipped:
        skipped += 1
        skippedSeconds += Double(SkippedProcess(name)?.duration ?? 0) / 1e9
      case .read: read.insert(event.node)
      case .totals where name.count >= MemoryLayout<CallTotals>.size:
        let totals = UnsafeRawBufferPointer(name).loadUnaligned(as: CallTotals.self)
        calls &+= totals.count
        seconds += Double(totals.totalTime) / 1e9
      default: if kind.metaName != nil { written.insert(event.node) }
      }
    }
    filesRead += read.count
    filesWritten += written.count
    eventBytes = reader.offset
    traceBytes = LayerUsage(tree: trace.path).bytes
  }

  private static func next(
    _ reader: EventReader, _ trace: TraceDirectory
  ) throws(TraceError) -> (Event, UnsafeBufferPointer<UInt8>)? {
    do { return try reader.next() } catch { throw TraceError("cannot read \(trace.path)/events: \(error)") }
  }
}

/// Makes `files.meta` of a trace's events: a line per change, in the order in which they happened.
public enum MetaWriter {
  /// - Parameter write: takes the text, piece by piece.
  /// - Throws: a message if the events cannot be read or are damaged.
  public static func write(
    _ trace: TraceDirectory, to write: ([UInt8]) throws(TraceError) -> Void
  ) throws(TraceError) {
    let reader = try trace.events()
    var nodes = NodeTable()
    var executables: [UInt32: [UInt8]] = [:]
    var text: [UInt8] = []
    while let (event, name) = try next(reader, trace) {
      guard let kind = EventKind(rawValue: event.kind) else { continue }
      switch kind {
      case .node: _ = nodes.define(event, name)
      case .spawn: executables[event.pid] = executables[event.node]
      case .exec: executables[event.pid] = Escaping.escape([UInt8(ascii: "/")] + nodes.path(of: event.node))
      case .exit: executables[event.pid] = nil
      default:
        guard let operation = kind.metaName else { continue }
        text += Escaping.escape([UInt8(ascii: "/")] + nodes.path(of: event.node))
        text += Array("\t\(event.pid)\t\(operation)\t".utf8)
        text += executables[event.pid] ?? []
        text.append(UInt8(ascii: "\n"))
        if text.count > 1 << 16 {
          try write(text)
          text.removeAll(keepingCapacity: true)
        }
      }
    }
    try write(text)
  }

  private static func next(
    _ reader: EventReader, _ trace: TraceDirectory
  ) throws(TraceError) -> (Event, UnsafeBufferPointer<UInt8>)? {
    do { return try reader.next() } catch { throw TraceError("cannot read \(trace.path)/perfetto: \(error)") }
  }
}

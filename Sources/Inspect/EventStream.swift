import SystemPackage
import Tracing

/// The events of a trace one by one, with messages for what goes wrong.
public struct EventStream {
  private let trace: TraceDirectory
  private let reader: EventReader

  /// - Throws: a message if the trace has no events.
  public init(_ trace: TraceDirectory) throws(TraceError) {
    self.trace = trace
    reader = try trace.events()
  }

  /// Whether the events end in the middle, or with one that makes no sense.
  public var isDamaged: Bool { reader.isDamaged }

  /// The next event; its name is valid until the next call.
  /// - Returns: nil at the end. While the run goes on more may have come by the next call.
  /// - Throws: a message if it cannot be read.
  public func next() throws(TraceError) -> (Event, UnsafeBufferPointer<UInt8>)? {
    do throws(Errno) { return try reader.next() } catch {
      throw TraceError("cannot read the events of \(trace.path): \(error)")
    }
  }
}

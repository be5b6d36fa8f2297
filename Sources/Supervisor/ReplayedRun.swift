import Inspect
import Tracing

/// The recorded run that a run makes again.
public struct ReplayedRun: Sendable {
  /// Of its trace.
  public let path: String
  private let processes: ProcessForest

  /// - Throws: a message if the trace does not tell who its processes are.
  public init(_ trace: TraceDirectory, _ history: RunHistory) throws(TraceError) {
    guard !history.isDamaged else {
      throw TraceError(
        "the events of the trace \(trace.path) are damaged or cut off, so that it cannot be known which process is which: see uwrx check"
      )
    }
    path = trace.path
    processes = ProcessForest(history)
  }

  /// The numbers of the processes of a replay whose guest has ended, and whose record has not.
  func renumbering(of replay: String) throws(TraceError) -> TraceRenumbering {
    let history = try RunHistory(TraceDirectory(replay))
    guard !history.isDamaged else { throw TraceError("its events are damaged") }
    return ReplayMatching(processes, replay: history).renumbering
  }
}

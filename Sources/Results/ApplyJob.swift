import Tracing

/// What stands around an application.
public enum ApplyJob {
  /// Puts back what an application has done that was killed.
  /// - Returns: whether there was one.
  public static func finishCutOff(_ trace: TraceDirectory, trusts: Bool) throws(TraceError) -> Bool {
    guard let undo = try Undo(trace, trusts: trusts), undo.isCutOff else { return false }
    let conflicts = try undo.conflicts()
    guard conflicts.isEmpty else {
      throw TraceError(
        "an earlier apply of \(trace.path) was cut off, and since then was changed: "
          + conflicts.prefix(10).map(\.path).joined(separator: ", ")
          + "; uwrx undo --force puts back what was there before")
    }
    _ = try undo.perform(forces: false)
    return true
  }
}

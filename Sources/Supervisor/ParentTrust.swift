import Glibc
import Tracing

/// Whether a run may stand on a trace: what its files say is done with this user's rights, so this user's uwrx must have made it.
struct ParentTrust {
  let configuration: RunConfiguration
  let key: UserKey?

  /// - Throws: a message that says what the trace would add and how to accept it, unless it is this user's and unchanged.
  /// - Parameter what: what is to be done with it.
  func require(
    _ trace: TraceDirectory, _ sources: TraceSources, to what: StaticString = "stand on"
  ) throws(SupervisorError) {
    if configuration.trustsParents { return }
    let reason: String
    do throws(TraceError) {
      guard let found = try doubt(trace) else { return }
      reason = found
    } catch {
      reason = error.description
    }
    let added = sources.sources.filter { !isGiven($0) }.map {
      "it would add \($0.destination) = \($0.kind == .host ? "" : "\($0.kind.rawValue):")\($0.hostPath)"
    }
    throw SupervisorError(
      "cannot \(what) the trace \(trace.path): \(reason); give --trust-parent to accept it as it is", details: added)
  }

  /// Why the trace is not to be believed; nil if it is.
  private func doubt(_ trace: TraceDirectory) throws(TraceError) -> String? {
    guard let signature = try TraceSignature(trace) else {
      return trace.isComplete
        ? "it is not signed, so it may be somebody else's" : "it was not recorded to its end: see uwrx check --repair"
    }
    // Whatever the key is, the run has one if it can.
    if key == nil { _ = try UserKey() }
    switch signature.origin(key) {
    case .other: return "it was not made by this user's uwrx here"
    case .forged: return "its signature is not the one that was made"
    case .user: return try signature.changes(in: trace, rereads: false, limit: 1).first.map { "it was changed: \($0)" }
    }
  }

  /// Whether the user has given it anyway.
  private func isGiven(_ source: Source) -> Bool {
    configuration.sources.contains { given in
      guard given.kind == source.kind else { return false }
      let prefix = given.hostPath == "/" ? "/" : given.hostPath + "/"
      let isBelow = source.hostPath.hasPrefix(prefix) && !source.hostPath.contains("/../")
      return source.hostPath == given.hostPath || source.kind == .host && isBelow
    }
  }
}

/// What became of a case.
public struct Verdict: Sendable {
  public enum Outcome: Sendable {
    case passed
    /// What differs, an entry for each kind of difference.
    case failed([String])
    /// Why it could not be tried here.
    case skipped(String)
  }

  public let test: Case
  public let outcome: Outcome
  /// The intended differences that were seen, by their index in `Differences.entries`.
  public let applied: Set<Int>

  public var isFailed: Bool { if case .failed = outcome { true } else { false } }
  public var isSkipped: Bool { if case .skipped = outcome { true } else { false } }
}

/// How much of a run is recorded.
public enum TraceLevel: String, Sendable, CaseIterable, Comparable {
  /// What `files.meta` and the versions of files need: processes, the programs that they run, and every change of a file. Beyond that
  /// only what takes the same room in every run: its parameters, the clock, limits, and the totals of calls.
  case off
  /// Also what processes read, ask for, look for and miss, the arguments and environments of programs, what processes used, what they
  /// write to their descriptors 1 and 2, connections, and calls that are refused.
  case standard = "default"
  /// Also each read, write and close of a descriptor.
  case io

  private var rank: Int {
    switch self {
    case .off: 0
    case .standard: 1
    case .io: 2
    }
  }

  public static func < (left: TraceLevel, right: TraceLevel) -> Bool { left.rank < right.rank }
}

import Tracing

/// How a process fared that may be skipped, as the events of a run with `--cache` tell.
public struct ProcessSkipping: Sendable, Equatable {
  /// Where it ran, if it was skipped.
  public internal(set) var skipped: SkippedProcess?
  /// Why it ran.
  public internal(set) var unskipped: UnskippedProcess?
  /// When it was found that it must, in nanoseconds of the trace's clock, and the version of the file that is why; 0 for what the run has not
  /// made.
  public internal(set) var time: UInt64 = 0
  public internal(set) var version: UInt32 = 0
  /// Why it will run the next time as well.
  public internal(set) var unrecorded: UnrecordedProcess?
}

extension RunHistory {
  /// nil for a process that may not be skipped, or of a run without `--cache`.
  public func skipping(of pid: UInt32) -> ProcessSkipping? { skippings[pid] }

  mutating func takeSkipping(_ kind: EventKind, _ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    var skipping = skippings[event.pid] ?? ProcessSkipping()
    switch kind {
    case .skipped: skipping.skipped = SkippedProcess(name)
    case .unskipped:
      skipping.unskipped = UnskippedProcess(name)
      (skipping.time, skipping.version) = (event.time, event.version)
    default: skipping.unrecorded = UnrecordedProcess(name)
    }
    // What another version of uwrx has told, nobody knows.
    if skipping != ProcessSkipping() { skippings[event.pid] = skipping }
  }

  /// Nanoseconds from the start of a process's program to its end, or to the run's.
  func programTime(of process: RunProcess) -> UInt64 {
    let start = process.programs.last?.time ?? process.start
    let end = process.end ?? lastTime
    return end > start ? end - start : 0
  }

  /// Nanoseconds by which a skipped process was shorter than where it ran.
  func savedTime(of process: RunProcess, _ skipped: SkippedProcess) -> UInt64 {
    let time = programTime(of: process)
    return skipped.duration > time ? skipped.duration - time : 0
  }
}

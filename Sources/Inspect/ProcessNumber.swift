import Tracing

/// How a user names a process of a run: by its trace pid, or by the pids on the way to it where a run has replayed another one (`3.1`).
public struct ProcessNumber: Sendable, Hashable, CustomStringConvertible {
  public let components: [UInt32]

  /// - Returns: nil unless it is numbers with dots between.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    var components: [UInt32] = []
    for part in parts {
      guard let number = UInt32(part), part.allSatisfy(\.isNumber) else { return nil }
      components.append(number)
    }
    self.components = components
  }

  /// Whether it names the process with this trace pid.
  public func matches(_ pid: UInt32) -> Bool { components.count == 1 && components[0] == pid }

  func unknown(in trace: TraceDirectory) -> TraceError {
    TraceError("the trace \(trace.path) has no process \(self): see uwrx inspect procs for those that it has")
  }

  public var description: String { components.map { String($0) }.joined(separator: ".") }
}

extension RunHistory {
  /// The trace pid of a process that the run has.
  /// - Throws: a message if it has none.
  public func requireProcess(_ number: ProcessNumber, in trace: TraceDirectory) throws(TraceError) -> UInt32 {
    if number.components.count == 1, self[number.components[0]] != nil { return number.components[0] }
    throw number.unknown(in: trace)
  }
}

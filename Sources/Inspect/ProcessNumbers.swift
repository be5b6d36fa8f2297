import Tracing

@_exported import struct Tracing.ProcessNumber

extension RunHistory {
  /// By what a process is shown.
  public func number(of pid: UInt32) -> ProcessNumber { numbers[pid] }

  /// The trace's own number of a process that the run has.
  /// - Throws: a message if it has none.
  public func requireProcess(_ number: ProcessNumber, in trace: TraceDirectory) throws(TraceError) -> UInt32 {
    if let pid = numbers.pid(of: number), self[pid] != nil { return pid }
    throw number.unknown(in: trace)
  }

  /// In the order of their numbers.
  var processesInOrder: [RunProcess] {
    processes.map { (numbers[$0.pid], $0) }.sorted { $0.0 < $1.0 }.map(\.1)
  }
}

extension ProcessNumber {
  func unknown(in trace: TraceDirectory) -> TraceError {
    TraceError("the trace \(trace.path) has no process \(self): see uwrx inspect procs for those that it has")
  }
}

extension JSONText {
  /// A process's number: a string if it has dots.
  mutating func process(_ key: StaticString? = nil, _ number: ProcessNumber?) {
    if let number, number.isDotted {
      string(key, number.description)
    } else {
      self.number(key, number?.components.first)
    }
  }
}

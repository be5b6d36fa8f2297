import Tracing

extension TraceComparison {
  /// Whether the runs differ, if at all, in what processes have printed, and there in nothing but the numbers of the same processes.
  ///
  /// fork(2) returns the kernel's number, and that is another one after a program that has had another number of threads. fakeroot(1) tells
  /// such a number through a pipe to who will end its server.
  public func isEmptyButForNumbers() throws(TraceError) -> Bool {
    guard onlyFirst.isEmpty, onlySecond.isEmpty, files.isEmpty else { return false }
    for process in processes {
      guard process.outputs.allSatisfy({ $0 == .text }) else { return false }
      for input in process.inputs { guard case .textOf = input else { return false } }
    }
    if processes.isEmpty { return true }
    let ours = try first.texts(naming: names(in: first) { ($0.first, $0.first) })
    let theirs = try second.texts(naming: names(in: second) { ($0.second, $0.first) })
    return processes.allSatisfy { ours[$0.first] == theirs[$0.second] }
  }

  /// By the number that a run's kernel has given: that of the process in the first run's trace.
  private func names(
    in run: RunFiles, _ choose: (ProcessMatching.Pair) -> (own: UInt32, name: UInt32)
  ) -> [UInt32: UInt32] {
    pairs.reduce(into: [:]) { names, pair in
      let (own, name) = choose(pair)
      if let number = run.history[own]?.guestPid { names[number] = name }
    }
  }
}

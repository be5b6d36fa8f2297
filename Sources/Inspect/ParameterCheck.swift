import Tracing

/// Whether the text files of a trace say what the run's parameters were.
struct ParameterCheck {
  private var parameters: [(name: [UInt8], value: [UInt8])] = []
  private var continues = false

  mutating func add(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard event.kind == EventKind.parameter.rawValue else { return }
    if continues, !parameters.isEmpty {
      parameters[parameters.count - 1].value += name
    } else {
      parameters.append(parameter(of: name))
    }
    continues = event.flags & Event.continues != 0
  }

  /// Sentences that say which file cannot be read, or tells something else.
  /// - Parameter hasAll: whether all events were there.
  func problems(of trace: TraceDirectory, hasAll: Bool) -> [String] {
    // What was recorded by a library's user has none.
    guard hasAll, let command = values("command").first else {
      return ["cmd", "options", "sources"].compactMap { Self.problem(of: $0, in: trace) { _ in true } }
    }
    let named = ["command", "source", "seed"].map { Array($0.utf8) }
    let tab = [UInt8(ascii: "\t")]
    let expected: [(String, [[UInt8]])] = [
      ("cmd", command.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }),
      ("options", parameters.filter { !named.contains($0.name) }.map { $0.name + tab + $0.value }),
      ("sources", values("source")), ("seed.txt", values("seed")),
    ]
    return expected.compactMap { name, lines in
      Self.problem(of: name, in: trace) { $0.map { Array($0.joined(separator: tab)) } == lines }
    }
  }

  private static func problem(
    of name: String, in trace: TraceDirectory, unless isRight: ([[[UInt8]]]) -> Bool
  ) -> String? {
    do throws(TraceError) {
      return isRight(try trace.fields(of: name))
        ? nil : "\(trace.path)/\(name) does not say what the run was started with"
    } catch {
      return error.description
    }
  }

  private func values(_ name: String) -> [[UInt8]] { parameters.filter { $0.name == Array(name.utf8) }.map(\.value) }
}

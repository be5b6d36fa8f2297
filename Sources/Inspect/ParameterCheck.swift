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
      let parts = name.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      parameters.append((parts.first.map { Array($0) } ?? [], parts.count > 1 ? Array(parts[1]) : []))
    }
    continues = event.flags & Event.continues != 0
  }

  /// Sentences that say which file tells something else.
  func problems(of trace: TraceDirectory) -> [String] {
    // What was recorded by a library's user has none.
    guard let command = values("command").first else { return [] }
    let named = ["command", "source", "seed"].map { Array($0.utf8) }
    let tab = [UInt8(ascii: "\t")]
    let expected: [(String, [[UInt8]])] = [
      ("cmd", command.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }),
      ("options", parameters.filter { !named.contains($0.name) }.map { $0.name + tab + $0.value }),
      ("sources", values("source")), ("seed.txt", values("seed")),
    ]
    return expected.compactMap { name, lines in
      do throws(TraceError) {
        let found = try trace.fields(of: name).map { Array($0.joined(separator: tab)) }
        return found == lines ? nil : "\(trace.path)/\(name) does not say what the run was started with"
      } catch {
        return error.description
      }
    }
  }

  private func values(_ name: String) -> [[UInt8]] { parameters.filter { $0.name == Array(name.utf8) }.map(\.value) }
}

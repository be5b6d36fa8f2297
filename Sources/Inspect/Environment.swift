/// The environment of a program.
public struct Environment: Sendable, Equatable {
  /// The variables, `NAME=value` each with its NUL, in the order in which the program finds them.
  public internal(set) var bytes: [UInt8]
  /// There were more variables than were recorded.
  public internal(set) var isCut = false

  /// In the order in which the program finds them. One without `=` has no value.
  public var variables: [(name: [UInt8], value: [UInt8]?)] {
    strings(bytes).map { variable in
      // A name may begin with `=`, as those that some shells make for themselves.
      guard let equals = variable.dropFirst().firstIndex(of: UInt8(ascii: "=")) else { return (variable, nil) }
      return (Array(variable[..<equals]), Array(variable[(equals + 1)...]))
    }
  }
}

/// In what an environment differs from another one. Each list is sorted by name; of a name that occurs twice the first counts,
/// as for getenv(3).
public struct EnvironmentDifference: Sendable, Equatable {
  public struct Variable: Sendable, Equatable {
    public var name: [UInt8]
    /// Before and after; nil where there is no such variable, or none with a value.
    public var old: [UInt8]?
    public var new: [UInt8]?
  }

  public var added: [Variable] = []
  public var removed: [Variable] = []
  public var changed: [Variable] = []

  public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }

  public init(from old: Environment, to new: Environment) {
    let before = Dictionary(old.variables.map { ($0.name, $0.value) }) { first, _ in first }
    let after = Dictionary(new.variables.map { ($0.name, $0.value) }) { first, _ in first }
    for (name, value) in after {
      guard let known = before[name] else {
        added.append(Variable(name: name, old: nil, new: value))
        continue
      }
      if known != value { changed.append(Variable(name: name, old: known, new: value)) }
    }
    for (name, value) in before where after[name] == nil {
      removed.append(Variable(name: name, old: value, new: nil))
    }
    func order(_ left: Variable, _ right: Variable) -> Bool { left.name.lexicographicallyPrecedes(right.name) }
    added.sort(by: order)
    removed.sort(by: order)
    changed.sort(by: order)
  }
}

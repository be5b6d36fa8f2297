import Tracing

/// A trace as a command line names it: a run's directory, `last` for the newest run, `last~1` for the one before it, and so on; with the
/// directory that holds the runs before it (`DIRECTORY/last~1`) where that is not `build`. `RunList.newestOwnRuns` are counted.
public struct TraceName: Sendable {
  private let text: String
  private let build: String

  /// - Parameter build: the directory that holds the runs, where the name has none.
  public init(_ text: String, build: String = "build") {
    self.text = text
    self.build = build
  }

  /// Whether it is no path but `last` or the like.
  public var isReference: Bool { reference != nil }

  public func resolve() throws(TraceError) -> TraceDirectory {
    guard let (build, distance) = reference else { return try TraceDirectory(text) }
    let runs = try RunList(build: build).newestOwnRuns
    if let run = runs.dropFirst(distance).first { return run.trace }
    guard !runs.isEmpty else { throw TraceError("there is no run in \(build) that \(text) could be") }
    throw TraceError("\(text) is before the first run: \(build) keeps \(runs.count), uwrx list names them")
  }

  /// The build directory, and how many runs before the newest; nil for a path.
  private var reference: (build: String, distance: Int)? {
    let slash = text.lastIndex(of: "/")
    let name = slash.map { text[text.index(after: $0)...] } ?? text[...]
    guard name.hasPrefix("last") else { return nil }
    let rest = name.dropFirst(4)
    let build = slash.map { $0 == text.startIndex ? "/" : String(text[..<$0]) } ?? self.build
    if rest.isEmpty { return (build, 0) }
    guard rest.first == "~" else { return nil }
    let digits = rest.dropFirst()
    if digits.isEmpty { return (build, 1) }
    return digits.allSatisfy({ $0.isASCII && $0.isNumber }) ? Int(digits).map { (build, $0) } : nil
  }
}

import Glibc
import Tracing

/// The earlier runs that a run stands on, and theirs.
struct ParentStack {
  /// The latest first: each before all that it stands on.
  private(set) var traces: [TraceDirectory] = []
  /// Their sources, by the trace's path.
  private(set) var sources: [String: TraceSources] = [:]

  /// As many as layers can be stacked.
  private static let maximumRuns = 255

  /// - Throws: a message for a trace that is missing or incomplete, or stands on itself.
  init(
    _ parents: [TraceDirectory], given configuration: RunConfiguration, _ key: UserKey?
  ) throws(SupervisorError) {
    var states: [String: Bool] = [:]
    let trust = ParentTrust(configuration: configuration, key: key)
    for trace in parents { try visit(trace, trust, &states) }
    traces.reverse()
  }

  private mutating func visit(
    _ trace: TraceDirectory, _ trust: ParentTrust, _ states: inout [String: Bool]
  ) throws(SupervisorError) {
    switch states[trace.path] {
    case .some(true): return
    case .some(false): throw SupervisorError("the trace \(trace.path) stands on itself: its parents form a loop")
    case nil: break
    }
    guard states.count < Self.maximumRuns else {
      throw SupervisorError("more than \(Self.maximumRuns) parents cannot be stacked")
    }
    states[trace.path] = false
    let parents: [TraceDirectory]
    let found: TraceSources
    do throws(TraceError) {
      try trace.requireComplete()
      found = try TraceSources(trace)
      parents = try trace.parents()
    } catch {
      throw SupervisorError(error.description)
    }
    sources[trace.path] = found
    for parent in parents { try visit(parent, trust, &states) }
    try trust.require(trace, found)
    states[trace.path] = true
    traces.append(trace)
  }

  /// Whether a trace has the very same source: it then stays where that run had it, below what was written on top of it.
  func contains(_ source: Source) -> Bool {
    traces.contains { sources[$0.path]!.sources.contains { $0.isSame(source) } }
  }

  /// The sources of one trace that no trace below it has.
  func ownSources(of trace: TraceDirectory) -> [Source] {
    let position = traces.firstIndex { $0.path == trace.path }!
    return sources[trace.path]!.sources.filter { source in
      !traces[(position + 1)...].contains { below in sources[below.path]!.sources.contains { $0.isSame(source) } }
    }
  }

  var links: [Link] { traces.flatMap { sources[$0.path]!.links } }
  var emptyDirectories: [String] { traces.flatMap { sources[$0.path]!.emptyDirectories } }
}

/// What the `sources` file of a trace says.
struct TraceSources {
  private(set) var sources: [Source] = []
  private(set) var links: [Link] = []
  private(set) var emptyDirectories: [String] = []

  init(_ trace: TraceDirectory) throws(TraceError) {
    for fields in try trace.fields(of: "sources") {
      let text = fields.map { String(decoding: $0, as: UTF8.self) }
      guard text.count == 4, let priority = Int(text[1]) else {
        throw TraceError("the file \(trace.path)/sources is damaged")
      }
      switch text[2] {
      case "link": links.append(Link(path: text[0], target: text[3]))
      case "empty": emptyDirectories.append(text[0])
      default:
        guard let source = Source(destination: text[0], priority: priority, type: text[2], specification: text[3])
        else { throw TraceError("the file \(trace.path)/sources names a type \(text[2]) that this uwrx does not know") }
        sources.append(source)
      }
    }
  }
}

extension Source {
  /// The type in a trace's `sources`.
  var type: String {
    let words = [
      hidesPrivate ? "public" : kind.rawValue, isReadOnly ? Self.readOnly : "", hidesSecrets ? Self.discreet : "",
      isTool ? Self.tool : "",
    ]
    return words.filter { !$0.isEmpty }.joined(separator: ",")
  }
  private static let readOnly = "ro"
  private static let discreet = "no-secrets"
  private static let tool = "tool"

  init?(destination: String, priority: Int, type: String, specification: String) {
    let words = type.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let isPublic = words[0] == "public"
    guard let kind = isPublic ? .host : Kind(rawValue: words[0]),
      words.dropFirst().allSatisfy({ [Self.readOnly, Self.discreet, Self.tool].contains($0) })
    else { return nil }
    self.init(
      destination: destination, priority: priority, kind: kind, hostPath: specification, hidesPrivate: isPublic,
      isReadOnly: words.contains(Self.readOnly))
    hidesSecrets = words.contains(Self.discreet)
    isTool = words.contains(Self.tool)
  }

  func isSame(_ other: Source) -> Bool {
    destination == other.destination && hostPath == other.hostPath && type == other.type
  }
}

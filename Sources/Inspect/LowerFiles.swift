import Glibc
import Tracing

/// What stands below a run: the host's files of its sources, and the runs that it stands on with theirs.
///
/// Reads what the traces tell of that once, so that many paths can be asked for.
public struct LowerFiles: Sendable {
  /// A directory of the host at a path of the guest.
  private struct Source: Sendable, Equatable {
    var destination: [UInt8]
    var path: [UInt8]
    var type: [UInt8]

    /// What of a path is below the source; nil if it is not.
    func rest(of path: [UInt8]) -> ArraySlice<UInt8>? {
      guard path.starts(with: destination) else { return nil }
      let rest = path.dropFirst(destination.count)
      let isBelow = rest.isEmpty || rest.first == UInt8(ascii: "/") || destination.last == UInt8(ascii: "/")
      return isBelow ? rest : nil
    }
  }

  /// What a run wrote.
  private struct Layer: Sendable {
    var path: [UInt8]
    var index: LayerIndex
  }

  /// From the top, each run's layer and what it brought; the run itself has no layer here.
  private var strata: [(layer: Layer?, sources: [Source])] = []
  /// What a run with a network has above and below all others: no sources of the user's.
  private let first, last: Source

  /// - Throws: a message if the record of the run or of one below it cannot be read.
  public init(_ trace: TraceDirectory) throws(TraceError) {
    let network = Array("\(trace.path)/net/".utf8)
    first = Source(destination: [UInt8(ascii: "/")], path: network + Array("+root".utf8), type: [])
    last = Source(destination: [UInt8(ascii: "/")], path: network + Array("+base".utf8), type: [])
    var isFinished: [String: Bool] = [:]
    try add(trace, isTop: true, &isFinished)
    strata.reverse()
    // A source that a run below has, too, stays where that one had it.
    for index in strata.indices {
      let below = strata[(index + 1)...]
      strata[index].sources.removeAll { source in below.contains { $0.sources.contains(source) } }
    }
  }

  private mutating func add(
    _ trace: TraceDirectory, isTop: Bool, _ isFinished: inout [String: Bool]
  ) throws(TraceError) {
    if let isKnown = isFinished[trace.path] {
      if isKnown { return }
      throw TraceError("the trace \(trace.path) stands on itself: its parents form a loop")
    }
    guard isFinished.count < Self.maximumRuns else {
      throw TraceError("the trace \(trace.path) has more than \(Self.maximumRuns) runs above it")
    }
    isFinished[trace.path] = false
    for parent in try trace.parents() { try add(parent, isTop: false, &isFinished) }
    isFinished[trace.path] = true
    let layer = isTop ? nil : Layer(path: Array(trace.path.utf8), index: try trace.layerIndex())
    strata.append((layer, try Self.hostSources(trace)))
  }

  /// Beyond any real stack, and far below what the stack of a thread carries.
  private static let maximumRuns = 1000

  /// Where a path is on the host.
  /// - Parameter path: absolute, as the guest names it, without symbolic links on the way.
  /// - Returns: nil if nobody has it, or an archive has.
  public func file(_ path: [UInt8]) -> [UInt8]? {
    let relative = Array(path.dropFirst())
    if let file = file(path, in: first) { return file }
    for (layer, sources) in strata {
      if let layer {
        let line = layer.index[relative]
        if line?.directory == LayerIndex.absent { return nil }
        let file = layer.path + [UInt8(ascii: "/")] + (line?.directory ?? LayerIndex.files) + path
        // A whiteout is a character device.
        if let mode = mode(file) { return mode & S_IFMT == S_IFCHR ? nil : file }
      }
      for source in sources {
        if let file = file(path, in: source) { return file }
      }
    }
    return file(path, in: last)
  }

  private func file(_ path: [UInt8], in source: Source) -> [UInt8]? {
    guard let rest = source.rest(of: path) else { return nil }
    let hasSlash = rest.isEmpty || rest.first == UInt8(ascii: "/")
    let file = source.path + (hasSlash ? [] : [UInt8(ascii: "/")]) + rest
    return mode(file) == nil ? nil : file
  }

  /// Whether a source is there, whatever is in it now.
  public func isOfSource(_ path: [UInt8]) -> Bool {
    strata.contains { $0.sources.contains { $0.rest(of: path) != nil } }
  }

  private static func hostSources(_ trace: TraceDirectory) throws(TraceError) -> [Source] {
    var found: [(source: Source, priority: Int)] = []
    for fields in try trace.fields(of: "sources") where fields.count == 4 {
      guard fields[2].starts(with: "host".utf8) || fields[2].starts(with: "public".utf8) else { continue }
      let priority = Int(String(decoding: fields[1], as: UTF8.self)) ?? 0
      found.append((Source(destination: fields[0], path: fields[3], type: fields[2]), priority))
    }
    let ordered = found.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      if a.priority != b.priority { return a.priority < b.priority }
      if a.source.destination.count != b.source.destination.count {
        return a.source.destination.count > b.source.destination.count
      }
      return left.offset < right.offset
    }
    return ordered.map(\.element.source)
  }

  private func mode(_ path: [UInt8]) -> UInt32? { LongPath.status(path + [0]).map { UInt32($0.st_mode) } }
}

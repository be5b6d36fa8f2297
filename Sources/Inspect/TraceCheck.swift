import Glibc
import SystemPackage
import Tracing

/// Whether a trace is whole and fits together.
public enum TraceCheck {
  /// - Parameter acceptsKilled: whether it is all right if the run was killed and its record repaired.
  /// - Returns: what is wrong, a sentence each; empty if nothing is.
  public static func problems(of trace: TraceDirectory, acceptsKilled: Bool = false) -> [String] {
    var problems: [String] = []
    func check(_ body: () throws(TraceError) -> Void) {
      do throws(TraceError) { try body() } catch { problems.append(error.description) }
    }
    if !acceptsKilled || trace.state != .killed { check { () throws(TraceError) in try trace.requireComplete() } }
    check { () throws(TraceError) in try checkIndex(trace, &problems) }
    check { () throws(TraceError) in try checkSignature(trace, &problems) }
    check { () throws(TraceError) in try checkEvents(trace, &problems) }
    check { () throws(TraceError) in
      let stack = try lineages(trace)
      try checkConflicts(stack, &problems)
    }
    return problems
  }

  private static func checkIndex(_ trace: TraceDirectory, _ problems: inout [String]) throws(TraceError) {
    guard trace.isComplete else { return }
    for line in try trace.layerIndex().lines.values where line.directory != LayerIndex.absent {
      let place = line.directory + [UInt8(ascii: "/")] + line.path
      note(trace, place, &problems, ifMissing: "is missing, though files.index names it")
    }
  }

  private static func checkSignature(_ trace: TraceDirectory, _ problems: inout [String]) throws(TraceError) {
    guard trace.isComplete, let signature = try TraceSignature(trace) else { return }
    if signature.origin(try? UserKey()) == .forged {
      problems.append("the file \(trace.path)/signature is not the one that was made")
    }
    problems += try signature.changes(in: trace, rereads: true)
  }

  /// What to say of a complete trace without problems.
  public static func verdict(on trace: TraceDirectory) throws(TraceError) -> String {
    let advice = "no run stands on it without --trust-parent"
    switch try TraceSignature(trace)?.origin(try? UserKey()) {
    case .user?: return "the trace \(trace.path) is whole"
    case nil: return "the trace \(trace.path) is whole as far as it tells, but not signed: \(advice)"
    default: return "the trace \(trace.path) is whole, but signed by another key than this user's: \(advice)"
    }
  }

  private static func checkEvents(_ trace: TraceDirectory, _ problems: inout [String]) throws(TraceError) {
    let reader = try trace.events()
    var check = EventCheck()
    var parameters = ParameterCheck()
    // A run that goes on, or was killed, may be writing a line of it.
    let meta = trace.state == .unfinished ? nil : try metaComparison(trace)
    var metaIsSame = true
    do throws(Errno) {
      while let (event, name) = try reader.next() {
        check.add(event)
        parameters.add(event, name)
        try meta?.add(event, name)
        guard event.kind == EventKind.stored.rawValue else { continue }
        note(
          trace, Array(name), &problems,
          ifMissing: "is missing, though it is a version that a process has seen or made")
      }
      if let meta { metaIsSame = try meta.finish() }
    } catch {
      throw TraceError("cannot read \(trace.path)/perfetto or files.meta: \(error)")
    }
    if reader.isDamaged {
      problems.append("the file \(trace.path)/perfetto is damaged or cut off")
    } else if !metaIsSame {
      problems.append("\(trace.path)/files.meta does not say what the events say")
    }
    problems += parameters.problems(of: trace, hasAll: !reader.isDamaged)
    problems += check.problems.map { "\(trace.path)/perfetto: \($0)" }
  }

  private static func metaComparison(_ trace: TraceDirectory) throws(TraceError) -> MetaComparison {
    let numbers = try TraceNumbers(trace)
    do throws(Errno) { return try MetaComparison(trace, numbers) } catch {
      throw TraceError("cannot read \(trace.path)/files.meta: \(error)")
    }
  }

  private static func note(
    _ trace: TraceDirectory, _ place: [UInt8], _ problems: inout [String], ifMissing message: String
  ) {
    switch look(trace, place) {
    case nil: break
    case .noSuchFileOrDirectory?, .notDirectory?, .tooManySymbolicLinkLevels?:
      problems.append("\(text(trace, place)) \(message)")
    case let error?: problems.append("cannot look at \(text(trace, place)): \(error)")
    }
  }

  /// Beyond any real stack, and far below what the stack of a thread carries.
  private static let maximumRuns = 1000

  /// The parents of a run, each with the paths of all runs that it stands on.
  private static func lineages(_ trace: TraceDirectory) throws(TraceError) -> [(TraceDirectory, Set<String>)] {
    var finished: [String: Set<String>] = [:]
    var order: [TraceDirectory] = []
    var path: [String] = []
    func visit(_ trace: TraceDirectory) throws(TraceError) -> Set<String> {
      if let known = finished[trace.path] { return known }
      guard finished.count + path.count < maximumRuns else {
        throw TraceError("the trace \(trace.path) has more than \(maximumRuns) runs above it")
      }
      if path.contains(trace.path) {
        throw TraceError("the trace \(trace.path) stands on itself: its parents form a loop")
      }
      path.append(trace.path)
      defer { path.removeLast() }
      var below: Set<String> = []
      for parent in try trace.parents() {
        below.insert(parent.path)
        below.formUnion(try visit(parent))
      }
      finished[trace.path] = below
      order.append(trace)
      return below
    }
    _ = try visit(trace)
    return order.dropLast().map { ($0, finished[$0.path]!) }
  }

  /// Two parents of which neither stands on the other and that have changed the same path: which one wins depends on the order
  /// in which they were given.
  private static func checkConflicts(
    _ stack: [(TraceDirectory, Set<String>)], _ problems: inout [String]
  ) throws(TraceError) {
    var changed: [Set<[UInt8]>] = []
    for (trace, _) in stack {
      var paths: Set<[UInt8]> = []
      try trace.forEachLine(of: "files.meta") { fields in
        if fields.count == 4 { paths.insert(fields[0]) }
      }
      changed.append(paths)
    }
    for (position, (trace, below)) in stack.enumerated() {
      for (other, (earlier, belowEarlier)) in stack[..<position].enumerated()
      where !below.contains(earlier.path) && !belowEarlier.contains(trace.path) {
        for path in changed[position].intersection(changed[other]).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
          problems.append(
            "\(String(decoding: Escaping.escape(path), as: UTF8.self)) was changed by \(earlier.path) and by "
              + "\(trace.path), and neither stands on the other")
        }
      }
    }
  }

  private static func text(_ trace: TraceDirectory, _ place: [UInt8]) -> String {
    trace.path + "/" + String(decoding: Escaping.escape(place), as: UTF8.self)
  }

  /// - Returns: why it cannot be looked at.
  private static func look(_ trace: TraceDirectory, _ place: [UInt8]) -> Errno? {
    var directory = open(trace.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return Errno(rawValue: errno) }
    defer { close(directory) }
    // Directory by directory: the whole may be longer than a path can be, since a directory can be moved into a deep one.
    var components = place.split(separator: UInt8(ascii: "/")).map { $0.map { CChar(bitPattern: $0) } + [0] }
    guard let name = components.popLast() else { return nil }
    for component in components {
      let next = openat(directory, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard next >= 0 else { return Errno(rawValue: errno) }
      close(directory)
      directory = next
    }
    var status = stat()
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? nil : Errno(rawValue: errno)
  }
}

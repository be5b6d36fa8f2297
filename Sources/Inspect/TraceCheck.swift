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
    // A run that goes on, or was killed, may be writing a line of its last file.
    for name in ["cmd", "options", "sources"] + (trace.state == .unfinished ? [] : ["files.meta"]) {
      check { () throws(TraceError) in _ = try trace.fields(of: name) }
    }
    check { () throws(TraceError) in try checkIndex(trace, &problems) }
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
      if !exists(trace, place) { problems.append("\(text(trace, place)) is missing, though files.index names it") }
    }
  }

  private static func checkEvents(_ trace: TraceDirectory, _ problems: inout [String]) throws(TraceError) {
    let reader = try trace.events()
    var check = EventCheck()
    do throws(Errno) {
      while let (event, name) = try reader.next() {
        check.add(event)
        guard event.kind == EventKind.stored.rawValue, !exists(trace, Array(name)) else { continue }
        problems.append(
          "\(text(trace, Array(name))) is missing, though it is a version that a process has seen or made")
      }
    } catch {
      throw TraceError("cannot read \(trace.path)/perfetto: \(error)")
    }
    if reader.isDamaged { problems.append("the file \(trace.path)/perfetto is damaged or cut off") }
    problems += check.problems.map { "\(trace.path)/perfetto: \($0)" }
  }

  /// The parents of a run, each with the paths of all runs that it stands on.
  private static func lineages(_ trace: TraceDirectory) throws(TraceError) -> [(TraceDirectory, Set<String>)] {
    var finished: [String: Set<String>] = [:]
    var order: [TraceDirectory] = []
    var path: [String] = []
    func visit(_ trace: TraceDirectory) throws(TraceError) -> Set<String> {
      if let known = finished[trace.path] { return known }
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
      for fields in try trace.fields(of: "files.meta") where fields.count == 4 { paths.insert(fields[0]) }
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

  private static func exists(_ trace: TraceDirectory, _ place: [UInt8]) -> Bool {
    var directory = open(trace.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return false }
    defer { close(directory) }
    // Directory by directory: the whole may be longer than a path can be, since a directory can be moved into a deep one.
    var components = place.split(separator: UInt8(ascii: "/")).map { $0.map { CChar(bitPattern: $0) } + [0] }
    guard let name = components.popLast() else { return true }
    for component in components {
      let next = openat(directory, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard next >= 0 else { return false }
      close(directory)
      directory = next
    }
    var status = stat()
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0
  }
}

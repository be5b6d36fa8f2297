import Archives
import CLinux
import Glibc
import Supervisor
import SystemPackage
import Tracing
import VirtualKernel

/// Brings the last versions of what a run wrote out, without looking at what the host has.
public final class Export {
  private let view: MergedView
  private let written: Set<Int>
  /// Only what is in this directory of the guest, named from there.
  private let directory: [UInt8]
  private let selection: [[UInt8]]
  private let destination: Destination
  /// nil if no run had an authority.
  private let search: AuthoritySearch?

  public enum Destination: Sendable {
    /// A directory that is made, or empty.
    case directory(String)
    /// A tar archive; `-` is standard output.
    case tar(String)
  }
  /// The first name of a file of several names, by the run's file.
  private var linked: [HostIdentity: [UInt8]] = [:]
  /// Files, links and FIFOs.
  public private(set) var count = 0
  /// What could not be brought out, and why.
  public private(set) var leftOut: [Results.Note] = []
  private var matched: Set<[UInt8]> = []

  /// - Parameters:
  ///   - directory: of the guest.
  ///   - paths: below it; empty for all.
  ///   - forces: also what holds the certificate of a run's own authority.
  public init(
    _ trace: TraceDirectory, directory: String, paths: [String], withParents: Bool, forces: Bool = false,
    to destination: Destination
  ) throws(TraceError) {
    try trace.requireComplete()
    let layers: RunLayers
    do throws(SupervisorError) { layers = try RunLayers(trace, trusts: true) } catch {
      throw TraceError(error.description)
    }
    view = MergedView(layers.layers.map(\.layer))
    let runs = layers.layers.indices.filter { if case .run = layers.layers[$0].owner { true } else { false } }
    written = withParents ? Set(runs) : [0]
    let given = directory.hasPrefix("/") ? [] : Display.currentDirectory ?? []
    self.directory = Selection.components(given + [UInt8(ascii: "/")] + Array(directory.utf8))
    let base = self.directory
    selection = paths.map {
      Selection.components(
        $0.hasPrefix("/") ? Array($0.utf8) : base + [UInt8(ascii: "/")] + Array($0.utf8))
    }
    search = forces ? nil : try AuthoritySearch(layers)
    self.destination = destination
  }

  public func perform() throws(TraceError) {
    var parts = view.root
    if !directory.isEmpty {
      guard let found = try? view.find(path: directory), found.isDirectory else {
        throw TraceError("the run has no directory /\(Display.text(directory))")
      }
      parts = found.lowers
    }
    // All is looked at before anything is made.
    if let search {
      var sink = AuthoritySink(search)
      try walk(parts, directory, isReplaced: false, to: &sink)
      if !sink.found.isEmpty { throw Self.refusal(sink.found) }
      (linked, count, leftOut) = ([:], 0, [])
    }
    switch destination {
    case .directory(let path):
      var sink = try DirectorySink(path)
      try walk(parts, directory, isReplaced: false, to: &sink)
    case .tar(let path):
      var sink = try TarSink(path)
      try walk(parts, directory, isReplaced: false, to: &sink)
      try sink.finish()
    }
    if let missing = selection.first(where: { !matched.contains($0) }) {
      throw TraceError("the run has written nothing at /\(Display.text(missing))")
    }
  }

  private static func refusal(_ paths: [[UInt8]]) -> TraceError {
    let names = paths.prefix(10).map(Display.text).joined(separator: ", ") + (paths.count > 10 ? ", and more" : "")
    return TraceError(
      "nothing was exported: the certificate of the run's own authority, whose key lies in the trace, is in \(names); give the paths that "
        + "are wanted without \(paths.count == 1 ? "this one" : "these"), or --force")
  }

  private func isWanted(_ path: [UInt8], isDirectory: Bool) -> Bool {
    if selection.isEmpty { return true }
    let found = selection.filter { HostPlaces.isBelow(path, $0) }
    matched.formUnion(found)
    return !found.isEmpty || isDirectory && selection.contains { HostPlaces.isBelow($0, path) }
  }

  private func walk(
    _ parts: [LowerDirectory], _ path: [UInt8], isReplaced: Bool, to sink: inout some ExportSink
  ) throws(TraceError) {
    func looking<Value>(_ body: () throws(Errno) -> Value) throws(TraceError) -> Value {
      do throws(Errno) { return try body() } catch {
        throw TraceError("cannot look at /\(Display.text(path)): \(error)")
      }
    }
    let names = try looking { () throws(Errno) in
      try view.names(in: isReplaced ? parts : parts.filter { written.contains($0.layer) })
    }
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let found = try looking({ () throws(Errno) in try view.find(name, in: parts) }) else { continue }
      let child = path.isEmpty ? name : path + [UInt8(ascii: "/")] + name
      guard isWanted(child, isDirectory: found.isDirectory) else { continue }
      let outside = Array(child.dropFirst(directory.count).drop { $0 == UInt8(ascii: "/") })
      switch found.type {
      case S_IFDIR:
        try sink.add(found, outside, in: view, hardLink: nil)
        try walk(found.lowers, child, isReplaced: isReplaced || found.isReplaced, to: &sink)
        sink.leave(found, outside)
      case S_IFREG, S_IFLNK, S_IFIFO:
        var first: [UInt8]?
        if found.type == S_IFREG, found.entry.status.st_nlink > 1 {
          let key = HostIdentity(found.entry.status)
          first = linked[key]
          if first == nil { linked[key] = outside }
        }
        try sink.add(found, outside, in: view, hardLink: first)
        count += 1
      default: leftOut.append(Results.Note(path: "/" + Display.text(child), reason: "it is a socket"))
      }
    }
  }
}

/// Where an export goes.
protocol ExportSink {
  /// - Parameter hardLink: an earlier path of the same file.
  mutating func add(
    _ found: MergedView.Found, _ path: [UInt8], in view: MergedView, hardLink: [UInt8]?
  ) throws(TraceError)
  /// All that is in a directory was added.
  mutating func leave(_ found: MergedView.Found, _ path: [UInt8])
}

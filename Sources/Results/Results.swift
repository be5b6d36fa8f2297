import Glibc
import Inspect
import Supervisor
import SystemPackage
import Tracing

/// What a run has changed, compared with what is on the host, and brought there.
public struct Results {
  public struct Options: Sendable {
    /// Only these, and what is below them: paths of the host or of the guest; also outside of the project.
    public var paths: [String] = []
    /// Stands for the project's directory.
    public var target: String?
    /// Also what the runs have changed that the run stands on.
    public var withParents = false
    /// Also a trace that this user's uwrx has not made here, or that was changed since.
    public var trusts = false

    public init() {}
  }

  /// A path and what there is to say of it.
  public struct Note: Sendable {
    public var path: String
    public var reason: String
  }

  let trace: TraceDirectory
  let finder: ChangeFinder
  /// What is asked for.
  let changes: [Change]
  /// What cannot be applied, or only if its path is named.
  public private(set) var leftOut: [Note] = []

  public init(_ trace: TraceDirectory, _ options: Options) throws(TraceError) {
    self.trace = trace
    try trace.requireComplete()
    let layers: RunLayers
    do throws(SupervisorError) { layers = try RunLayers(trace, trusts: options.trusts) } catch {
      throw TraceError(error.description)
    }
    finder = try ChangeFinder(trace, layers, withParents: options.withParents, target: options.target)
    let found = try finder.find()
    let selection = Selection(options.paths)
    var changes: [Change] = []
    var leftOut: [(path: [UInt8], reason: String)] = []
    var needed: Set<[UInt8]> = []
    let elsewhere = options.target == nil ? found.elsewhere : []
    // What is in a directory is before it here, so that it is known whether the directory is needed.
    for var change in (found.changes + elsewhere).reversed() {
      let isNamed = selection.names(change)
      let isAsked =
        change.place.root.isProject
        ? options.paths.isEmpty || selection.contains(change) : selection.isIn(change.place.root, change)
      let isNeeded = needed.contains(change.path) && (change.kind == .added || change.kind == .removed)
      guard isAsked || isNeeded else {
        if options.paths.isEmpty, change.isShown {
          leftOut.append((change.place.fullPath, "it is outside of the project"))
        }
        continue
      }
      if isNamed || isNeeded, change.caution?.mayBeNamed == true { change.caution = nil }
      if change.new != nil, change.caution == nil {
        var directory = change.path[...]
        while let slash = directory.lastIndex(of: UInt8(ascii: "/")), !options.paths.isEmpty {
          directory = directory[..<slash]
          needed.insert(Array(directory))
        }
      }
      changes.append(change)
    }
    changes.reverse()
    leftOut.reverse()
    if options.paths.isEmpty {
      leftOut += found.leftOut.map { ([UInt8(ascii: "/")] + $0.path, $0.reason) }
    }
    if let search = try AuthoritySearch(layers) { try Self.mark(&changes, search, finder) }
    self.changes = changes
    self.leftOut = leftOut.map { Note(path: Display.text($0.path), reason: $0.reason) }
    if let missing = selection.unmatched {
      let isKnown = found.leftOut.contains { HostPlaces.isBelow([UInt8(ascii: "/")] + $0.path, missing) }
      throw TraceError(
        isKnown
          ? "\(Display.text(missing)) is in no directory of the host's that the run saw: uwrx export brings it out"
          : "the run \(trace.path) would change nothing at \(Display.text(missing))")
    }
  }

  private static func mark(
    _ changes: inout [Change], _ search: AuthoritySearch, _ finder: ChangeFinder
  ) throws(TraceError) {
    for (index, change) in changes.enumerated() where change.kind == .added || change.kind == .modified {
      guard let new = change.new, new.type == S_IFREG, !finder.isOnHost(new) else { continue }
      do throws(Errno) { changes[index].holdsAuthority = try search.isIn(new, of: finder.view) } catch {
        throw TraceError("cannot read /\(Display.text(change.path)): \(error)")
      }
    }
  }

  // MARK: Diff

  public enum Form: Sendable { case text, stat, nameStatus, json }

  /// - Throws: `TraceError` for what cannot be read, or the `Errno` that writing failed with.
  public func diff(_ form: Form, to output: OutputBuffer) throws {
    let report = DiffReport(finder, to: output)
    let shown = changes.filter(\.isShown)
    switch form {
    case .text: try report.text(shown)
    case .stat: try report.stat(shown)
    case .nameStatus: try report.nameStatus(shown)
    case .json: try report.json(shown)
    }
  }

  // MARK: Apply

  private func notes(_ changes: [Change], _ reason: (Change) -> String?) -> [Note] {
    let directory = Display.currentDirectory
    return changes.compactMap { change in
      reason(change).map { Note(path: Display.text(Display.path(change.place.fullPath, from: directory)), reason: $0) }
    }
  }

  /// What was changed on the host since the run has seen it.
  public var conflicts: [Note] { notes(changes.filter { $0.caution == nil }, \.conflict) }
  /// What holds the certificate of a run's own authority: on the host nobody is to trust that.
  public var authorities: [Note] {
    notes(changes) { $0.caution == nil && $0.holdsAuthority ? AuthoritySearch.reason : nil }
  }
  /// What is not applied unless its path is named.
  public var cautions: [Note] {
    notes(changes) { change in
      change.caution.map { $0.reason + ($0.mayBeNamed ? "; its own path, given, applies it" : "") }
    }
  }
  /// What is applied, and deserves a look.
  public var remarks: [Note] {
    notes(changes.filter { $0.caution == nil }) { change in
      if change.dropsSetID { return "without its set-id bits" }
      guard let new = change.new, new.type == S_IFLNK, let target = try? finder.view.linkTarget(new),
        Caution.leadsOut(target, from: change.place.path)
      else { return nil }
      return "a link that leads out of the directory, to \(Display.text(target))"
    }
  }
  /// What would be or was done: a letter as git's and the path.
  public var done: [Note] { notes(changes.filter { $0.caution == nil && $0.isShown }, \.letter) }

  /// Brings all that is not held back to the host; nobody has asked for what is in conflict unless it is forced.
  /// - Returns: how many paths were changed.
  @discardableResult
  public func apply() throws(TraceError) -> Int {
    var held: [[UInt8]] = []
    let wanted = changes.filter { change in
      // What is in a directory that is held back has no place.
      if change.caution != nil, change.new?.isDirectory == true { held.append(change.path) }
      return change.caution == nil && !held.contains { HostPlaces.isBelow(change.path, $0) }
    }
    if wanted.isEmpty { return 0 }
    do throws(TraceError) {
      try Application(trace, finder, wanted).perform(wanted)
    } catch {
      do throws(TraceError) { _ = try Undo(trace, trusts: true)?.perform(forces: false) } catch let other {
        throw TraceError("\(error), and what was done until then is not put back: \(other)")
      }
      throw TraceError("\(error); nothing was applied")
    }
    return wanted.count { $0.isShown }
  }
}

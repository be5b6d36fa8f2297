import Glibc
import Supervisor
import SystemPackage
import Tracing
import VirtualKernel

/// Compares what a run left with what stands on the host now.
final class ChangeFinder {
  let view: MergedView
  /// Without what is written: what the run has found.
  private let below: MergedView
  let places: HostPlaces
  /// Which layers are what runs wrote, of those whose changes are wanted.
  private let written: Set<Int>
  private let runs: Set<Int>
  let bases: FoundBases
  private(set) var result = ChangeSet()
  /// The directories on the way to what is looked at. A guest can make them deeper than a stack is.
  private var levels: [Level] = []

  private struct Level {
    let parts: [LowerDirectory]
    let path: [UInt8]
    /// What the host has in it and the run's view has not is gone.
    let isReplaced: Bool
    /// How many changes there were when it was told that it is added; nil if it is there.
    let added: Int?
    /// What is still to be visited, the next one last.
    var names: [[UInt8]]
  }

  private let build: [UInt8]

  /// - Parameters:
  ///   - withParents: also what the runs have changed that it stands on.
  ///   - target: stands for the project's directory.
  init(
    _ trace: TraceDirectory, _ layers: RunLayers, withParents: Bool, target: String? = nil
  ) throws(TraceError) {
    view = MergedView(layers.layers.map(\.layer))
    let runs = layers.layers.indices.filter { if case .run = layers.layers[$0].owner { true } else { false } }
    self.runs = Set(runs)
    written = withParents ? Set(runs) : [0]
    below = MergedView(view.layers, hiding: written)
    let options = try trace.fields(of: "options")
    func option(_ name: String) -> [UInt8] {
      options.first { $0.count == 2 && $0[0].elementsEqual(name.utf8) }?[1] ?? []
    }
    places = try HostPlaces(
      layers, workingDirectory: Array(option("workdir").drop { $0 == UInt8(ascii: "/") }), target: target)
    build = option("build")
    bases = try FoundBases(layers, view, runs: withParents ? runs : [0])
  }

  /// Whether it is no run's own: a directory was renamed that it is in.
  func isOnHost(_ found: MergedView.Found) -> Bool { !runs.contains(found.place.layer) }

  func find() throws(TraceError) -> ChangeSet {
    var path: [UInt8] = []
    do throws(Errno) {
      try enter(view.root, path, isReplaced: false)
      while let level = levels.last {
        guard let name = levels[levels.count - 1].names.popLast() else {
          leave()
          continue
        }
        path = level.path.isEmpty ? name : level.path + [UInt8(ascii: "/")] + name
        try visit(path, try view.find(name, in: level.parts), isReplaced: level.isReplaced)
      }
    } catch { throw TraceError("cannot look at /\(Display.text(path)): \(error)") }
    let (own, others) = (
      result.changes.filter { $0.place.root.isProject }, result.changes.filter { !$0.place.root.isProject }
    )
    result.changes = own
    result.elsewhere = others
    return result
  }

  /// What is in the directory comes next.
  private func enter(
    _ parts: [LowerDirectory], _ path: [UInt8], isReplaced: Bool, added: Int? = nil
  ) throws(Errno) {
    var names = try view.names(in: isReplaced ? parts : parts.filter { written.contains($0.layer) })
    if isReplaced, let place = try places.place(of: path), let status = try? place.status,
      status.st_mode & S_IFMT == S_IFDIR
    {
      names.formUnion(try place.root.directory.names(in: place.path))
    }
    levels.append(
      Level(
        parts: parts, path: path, isReplaced: isReplaced, added: added,
        names: names.sorted { $1.lexicographicallyPrecedes($0) }))
  }

  private func leave() {
    guard let added = levels.removeLast().added, result.changes.count == added, added > 0 else { return }
    result.changes[added - 1].isEmptyDirectory = true
  }

  private func visit(
    _ path: [UInt8], _ new: MergedView.Found?, isReplaced: Bool
  ) throws(Errno) {
    guard let place = try places.place(of: path) else {
      if let new, new.isDirectory { return try enter(new.lowers, path, isReplaced: false) }
      if new != nil || bases[path] != nil { result.leftOut.append((path, "it is in no directory of the host's")) }
      return
    }
    let old: stat?
    do throws(Errno) { old = try place.status } catch {
      guard error == .tooManySymbolicLinkLevels else { throw error }
      // What was there to be removed is not there.
      guard let new else { return }
      var change = Change(kind: .added, path: path, place: place, old: nil, new: new)
      change.conflict = "a symbolic link stands there in its way"
      add(change, checked: true)
      if new.isDirectory { try enter(new.lowers, path, isReplaced: isReplaced || new.isReplaced) }
      return
    }
    guard let new else {
      // What the run has not seen, or made and removed again, is nothing to who has it there.
      if let old, bases[path] != nil { try remove(path, place, old) }
      return
    }
    switch new.type {
    case S_IFDIR: try visitDirectory(path, place, old, new, isReplaced: isReplaced)
    case S_IFREG, S_IFLNK, S_IFIFO:
      if let old, UInt32(old.st_mode) & S_IFMT == S_IFDIR {
        try remove(path, place, old)
        add(Change(kind: .added, path: path, place: place, old: nil, new: new), checked: true)
      } else {
        try compare(path, place, old, new)
      }
    default: result.leftOut.append((path, "it is a socket"))
    }
  }

  private func visitDirectory(
    _ path: [UInt8], _ place: HostPlaces.Place, _ old: stat?, _ new: MergedView.Found, isReplaced: Bool
  ) throws(Errno) {
    let isThere = old.map { UInt32($0.st_mode) & S_IFMT == S_IFDIR } ?? false
    let base = bases[path]
    if let old, isThere {
      let wanted = new.mode & 0o777
      // Its mode is the run's only if the run has changed it.
      if let base, base.mode & S_IFMT == S_IFDIR, base.mode & 0o777 != wanted, UInt32(old.st_mode) & 0o777 != wanted {
        var change = Change(kind: .mode, path: path, place: place, old: old, new: new)
        if UInt32(old.st_mode) & 0o777 != base.mode & 0o777 {
          change.conflict = "its permissions were changed there since"
        }
        add(change, checked: true)
      }
    } else {
      if let old { try remove(path, place, old) }
      add(Change(kind: .added, path: path, place: place, old: nil, new: new), checked: old != nil)
    }
    try enter(
      new.lowers, path, isReplaced: isReplaced || new.isReplaced, added: isThere ? nil : result.changes.count)
  }

  private func compare(
    _ path: [UInt8], _ place: HostPlaces.Place, _ old: stat?, _ new: MergedView.Found
  ) throws(Errno) {
    guard let old else {
      return add(Change(kind: .added, path: path, place: place, old: nil, new: new), checked: false)
    }
    var change = Change(kind: .modified, path: path, place: place, old: old, new: new)
    if UInt32(old.st_mode) & S_IFMT == new.type, try hasSameContents(place, old, new) {
      if new.type == S_IFLNK { return }
      if UInt32(old.st_mode) & 0o777 != new.mode & 0o777 {
        change.kind = .mode
      } else {
        // Only a version of a run's own was touched by it.
        let isSame = Fingerprint.time(old.st_mtim) == Fingerprint.time(new.entry.status.st_mtim)
        guard new.type == S_IFREG, !isSame, written.contains(new.place.layer) else { return }
        change.kind = .touched
        // Whoever has made the same there needs no other time of it.
        if conflict(change) != nil { return }
      }
    }
    add(change, checked: false)
  }

  func hasSameContents(_ place: HostPlaces.Place, _ old: stat, _ new: MergedView.Found) throws(Errno) -> Bool {
    switch new.type {
    case S_IFLNK: return try place.root.directory.linkTarget(place.path) == view.linkTarget(new)
    case S_IFREG:
      guard Int64(old.st_size) == new.size else { return false }
      let here = try place.root.directory.open(file: place.path)
      defer { close(here.rawValue) }
      let there = try view.open(new)
      defer { close(there.rawValue) }
      return try FileContents.areEqual(here, there)
    default: return true
    }
  }

  /// Takes away what is there, the contents of a directory first.
  private func remove(_ path: [UInt8], _ place: HostPlaces.Place, _ old: stat) throws(Errno) {
    func removal(
      _ path: [UInt8], _ place: HostPlaces.Place, _ old: stat
    ) throws(Errno) -> (change: Change, names: [[UInt8]]) {
      var change = Change(kind: .removed, path: path, place: place, old: old, new: nil)
      guard UInt32(old.st_mode) & S_IFMT == S_IFDIR else { return (change, []) }
      let names = try place.root.directory.names(in: place.path)
      change.isEmptyDirectory = names.isEmpty
      return (change, names.reversed())
    }
    var removals = [try removal(path, place, old)]
    while let (above, names) = removals.last {
      guard let name = names.last else {
        add(above, checked: false)
        removals.removeLast()
        continue
      }
      removals[removals.count - 1].names.removeLast()
      let place = HostPlaces.Place(
        root: above.place.root,
        path: above.place.path.isEmpty ? name : above.place.path + [UInt8(ascii: "/")] + name)
      guard let status = try place.status else { continue }
      removals.append(try removal(above.path + [UInt8(ascii: "/")] + name, place, status))
    }
  }

  private func add(_ change: Change, checked: Bool) {
    var change = change
    if !checked { change.conflict = conflict(change) }
    if change.kind != .touched { change.caution = Caution.of(change, build: build) }
    result.changes.append(change)
  }

  // MARK: Conflicts

  /// Why what is there is not what the run has changed; nil if it is.
  private func conflict(_ change: Change) -> String? {
    guard let base = bases[change.path] else {
      guard change.old != nil else { return nil }
      return change.new == nil
        ? "the run, which removes the directory, has not seen it there" : "it was not there when the run made it"
    }
    let isMissing =
      "the run stands on another whose change of it is not there: apply that first, or give --with-parents"
    guard let old = change.old else {
      return change.new == nil ? nil : base.origin == .run ? isMissing : "it was removed there since"
    }
    switch base.origin {
    case .host:
      if change.place.root.isElsewhere { return isAsInProject(change, base) ? nil : "it differs from the project's" }
      return Fingerprint.matches(old, base) ? nil : "it was changed there since"
    case .run:
      // As that one has left it, if it was applied.
      if Fingerprint.matches(old, base) { return nil }
      guard let lower = try? below.find(path: change.path) else {
        return "it was changed there since"
      }
      let isDirectory = UInt32(old.st_mode) & S_IFMT == S_IFDIR
      if isDirectory, lower.isDirectory { return nil }
      if UInt32(old.st_mode) & S_IFMT == lower.type, (try? hasSameContents(change.place, old, lower)) == true {
        return nil
      }
      return isMissing
    case .archive: return "the run found it in an archive"
    }
  }

  /// In another directory than the run has seen a file is what the run found if it is as the project's, which has not changed.
  private func isAsInProject(_ change: Change, _ base: LowerBases.Base) -> Bool {
    guard let old = change.old, let lower = try? below.find(path: change.path) else {
      return false
    }
    let type = UInt32(old.st_mode) & S_IFMT
    guard type == lower.type, Fingerprint.matches(lower.entry.status, base) else { return false }
    return type == S_IFDIR || (try? hasSameContents(change.place, old, lower)) == true
  }
}

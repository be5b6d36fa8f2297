import Glibc
import Tracing

/// What became of a path in a run.
enum PathFate: String {
  /// It was made or changed, and left.
  case written
  case removed
  /// It was there before the run, and is as it was.
  case unchanged
  case absent
}

extension RunFiles {
  /// What the run shows at a path at its end, and how that came.
  /// - Parameter other: a run that has changed the path: it has found there what this one has found, as far as nothing tells otherwise.
  func left(at path: [UInt8], _ other: RunFiles) -> (fate: PathFate, entry: LeftEntry?) {
    if let entry = tree.entries[path] { return (.written, entry) }
    guard let place = tree.below(path) else {
      return (base(of: path) != nil || other.base(of: path) != nil ? .removed : .absent, nil)
    }
    if place == path, hasFoundNothing(at: path) { return (.absent, nil) }
    if let entry = sourceEntry(at: place) { return (.unchanged, entry) }
    guard let base = base(of: place) ?? other.base(of: place) else { return (.absent, nil) }
    let kept = [self, other].lazy.compactMap { $0.sourceFile(of: place, as: base) }.first
    return (.unchanged, LeftEntry(base, at: kept))
  }

  /// Whether a directory may be there only as it leads to what was changed: of a run that was killed nothing tells what it has found.
  func isOnTheWay(_ path: [UInt8]) -> Bool {
    guard !isComplete, tree.entries[path]?.kind == .directory else { return false }
    return history.paths.id(of: path).map { !isMade($0) } ?? true
  }

  /// What the run has found at a path where it has changed something.
  func base(of path: [UInt8]) -> LowerBases.Base? { bases[Array(path.dropFirst())] }

  /// What is below a directory that was renamed is told of by its names before.
  var renamedPaths: [[UInt8]] {
    if tree.origins.isEmpty { return [] }
    let slash = UInt8(ascii: "/")
    // In their order those below a directory stand together.
    let keys = bases.bases.keys.sorted { $0.lexicographicallyPrecedes($1) }
    return tree.origins.flatMap { directory, origin in
      let prefix = origin.dropFirst() + [slash]
      let below = keys[keys.firstIndex(notBefore: prefix)...].prefix { $0.starts(with: prefix) }
      return below.map { directory + [slash] + $0.dropFirst(prefix.count) }
    }
  }

  /// The host's file below the run, if it has not changed since the run has ended.
  private func sourceEntry(at path: [UInt8]) -> LeftEntry? {
    guard let file = places.lower?.file(path), let end = wallTime(history.lastTime) else { return nil }
    let place = file + [0]
    guard let status = LongPath.status(place), LeftEntry.nanoseconds(status.st_ctim) <= end else { return nil }
    var entry = LeftEntry(status, at: place)
    // Its other names are nobody's doing, and its owner may be another to the guest.
    entry.names = nil
    return entry
  }

  /// The host's file below the run, with its zero, if it still is what a run has found there.
  private func sourceFile(of path: [UInt8], as base: LowerBases.Base) -> [UInt8]? {
    guard let place = places.lower?.file(path).map({ $0 + [0] }), let entry = LeftEntry(at: place),
      entry.kind == LeftEntry.Kind(base.mode), entry.size == base.size, entry.modified == base.modified
    else { return nil }
    return place
  }

  /// Whether whoever looked first at a path has found nothing.
  func hasFoundNothing(at path: [UInt8]) -> Bool {
    history.paths.id(of: path).flatMap { history.accesses(of: $0).first }?.kind == .missing
  }

  /// Whether the run has written the contents there.
  func hasWritten(_ path: [UInt8], _ fate: PathFate) -> Bool {
    guard fate == .written, let id = history.paths.id(of: path) else { return false }
    return history.lastVersion(of: id) ?? 0 != 0
  }

  private static let makers: Set<EventKind> = [
    .create, .write, .truncate, .renameTo, .link, .symbolicLink, .makeDirectory,
  ]
  private static let removers: Set<EventKind> = [.delete, .renameFrom, .removeDirectory]

  /// Who has made a path what it is at the end of the run; nil where it was not changed, or a trace does not tell.
  /// - Parameter isSameInside: the modes and the like are asked for.
  func doer(of path: [UInt8], _ fate: PathFate, isSameInside: Bool) -> UInt32? {
    guard fate == .written || fate == .removed, let id = history.paths.id(of: path) else {
      return doer(above: path, fate)
    }
    let accesses = history.accesses(of: id)
    if fate == .removed { return accesses.last { Self.removers.contains($0.kind) }?.pid ?? doer(above: path, fate) }
    let marker = accesses.last { [.changeMode, .changeOwner].contains($0.kind) }?.pid
    if isSameInside, let marker { return marker }
    if let version = history.lastVersion(of: id), let origin = history.origin(ofVersion: version) {
      return origin.writer
    }
    return accesses.last { Self.makers.contains($0.kind) }?.pid ?? marker ?? doer(above: path, fate)
  }

  /// Of what has come or gone with a directory.
  private func doer(above path: [UInt8], _ fate: PathFate) -> UInt32? {
    guard fate == .written || fate == .removed else { return nil }
    var directory = path[...]
    while let slash = directory.lastIndex(of: UInt8(ascii: "/")), slash > 0 {
      directory = directory[..<slash]
      guard let id = history.paths.id(of: Array(directory)) else { continue }
      let kind: EventKind = fate == .written ? .renameTo : .renameFrom
      if let access = history.accesses(of: id).last(where: { $0.kind == kind }) { return access.pid }
    }
    return nil
  }
}

extension RunFiles {
  /// Whether the run has made something there, whatever stood there before.
  func isMade(_ path: PathTable.ID) -> Bool {
    if let known = made[path] { return known }
    let isMade = history.accesses(of: path).contains { Self.makers.contains($0.kind) }
    made[path] = isMade
    return isMade
  }

  /// Whether a source could have had something there and has not.
  func lacksSource(_ path: PathTable.ID) -> Bool {
    guard history.accesses(of: path).first?.kind == .missing else { return false }
    return places.lower?.isOfSource(history.paths.path(of: path)) ?? false
  }

  /// Whether the host has a directory below a path.
  func isSourceDirectory(_ path: PathTable.ID) -> Bool {
    file(ofVersion: 0, at: path).flatMap { LeftEntry(at: $0) }?.kind == .directory
  }

  /// The same path in another run; nil if nobody has used it there.
  func id(of path: PathTable.ID, in other: RunFiles) -> PathTable.ID? {
    if let known = counterparts[path] { return known }
    let id = other.history.paths.id(of: history.paths.path(of: path))
    counterparts[path] = .some(id)
    return id
  }
}

extension [[UInt8]] {
  /// Of sorted ones the first that is not less.
  fileprivate func firstIndex(notBefore other: ArraySlice<UInt8>) -> Int {
    var range = indices
    while let first = range.first, let last = range.last {
      let middle = first + (last - first) / 2
      range = self[middle].lexicographicallyPrecedes(other) ? middle + 1..<range.upperBound : first..<middle
    }
    return range.lowerBound
  }
}

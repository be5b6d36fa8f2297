import Tracing

/// The files of a run, their versions and who used them.
struct FileStates: Sendable {
  let keepsAccesses: Bool
  var accesses = AccessTable()
  /// Where versions are kept, below the trace.
  var places: [UInt32: [UInt8]] = [:]
  private(set) var origins: [UInt32: FileVersion] = [:]
  /// What stood at a path from which event on, for paths that the run changed: nil means nothing.
  private var changes: [PathTable.ID: [(order: Int, version: UInt32?)]] = [:]
  /// The events that introduced the processes.
  private var births: [UInt32: Int] = [:]
  private var lastBirth = 0

  init(keepsAccesses: Bool) { self.keepsAccesses = keepsAccesses }

  mutating func noteBirth(of pid: UInt32, order: Int) {
    births[pid] = order
    lastBirth = order
  }

  mutating func take(_ kind: EventKind, _ path: PathTable.ID, _ event: Event, order: Int, process: inout RunProcess) {
    switch kind {
    case .create, .write, .truncate:
      if event.version != 0, origins[event.version] == nil {
        origins[event.version] = FileVersion(writer: event.pid, path: path, time: event.time)
      }
      change(path, event.version, order)
    case .renameTo, .link, .symbolicLink, .makeDirectory: change(path, event.version, order)
    case .delete, .renameFrom, .removeDirectory: change(path, nil, order)
    default: break
    }
    guard keepsAccesses,
      let new = accesses.add(
        kind, path, pid: event.pid, program: UInt32(truncatingIfNeeded: process.programs.count), version: event.version,
        time: event.time, order: order)
    else { return }
    if process.lastAccess == AccessTable.none {
      process.firstAccess = new
    } else {
      accesses.chain(new, behind: process.lastAccess)
    }
    process.lastAccess = new
  }

  private mutating func change(_ path: PathTable.ID, _ version: UInt32?, _ order: Int) {
    guard keepsAccesses else { return }
    let last = changes[path]?.last
    if let last, last.version == version { return }
    // What no process found when it began is not asked for.
    if let last, last.order > lastBirth { changes[path]?.removeLast() }
    changes[path, default: []].append((order, version))
  }

  /// The paths that have a version at the end.
  var lastVersions: [UInt32: PathTable.ID] {
    var result: [UInt32: PathTable.ID] = [:]
    for (path, changes) in changes {
      if let version = changes.last?.version, version != 0 { result[version] = path }
    }
    return result
  }

  func lastVersion(of path: PathTable.ID) -> UInt32? { changes[path]?.last?.version }

  /// What stood at a path when a process began: nil if the run had not touched it.
  func change(of path: PathTable.ID, before pid: UInt32) -> (order: Int, version: UInt32?)? {
    let birth = births[pid] ?? 0
    return changes[path]?.last { $0.order < birth }
  }
}

/// A version of a file that the run made.
public struct FileVersion: Sendable, Equatable {
  /// The process that wrote it; of those that did at the same time, the first.
  public var writer: UInt32
  /// Where it wrote it.
  public var path: PathTable.ID
  /// When, in nanoseconds of the trace's clock.
  public var time: UInt64
}

/// Which file a process saw at a path.
public enum FileResolution: Sendable, Equatable {
  /// There was none.
  case missing
  /// A version that the run made: a path below the trace, nil if it was replaced by its own writer.
  case version(UInt32, place: [UInt8]?)
  /// What the sources and parents of the run have there.
  case below
}

extension RunHistory {
  /// The path that an event is about; `.none` if it is about none.
  /// - Parameter event: one that the history has taken.
  public func path(of event: Event, _ name: UnsafeBufferPointer<UInt8>) -> PathTable.ID {
    guard let kind = EventKind(rawValue: event.kind) else { return .none }
    switch kind {
    case .missing: return paths.find(name, in: path(ofNode: event.node)) ?? .none
    case .node, .readBytes, .writeBytes, .close: return path(ofNode: event.node)
    default: return kind.isAccess ? path(ofNode: event.node) : .none
    }
  }

  /// What was done with a path, in the order in which each first happened.
  public func accesses(of path: PathTable.ID) -> [Access] { files.accesses.accesses(of: path) }

  /// What a process did with files, in the order in which each first happened.
  public func accesses(by pid: UInt32) -> [Access] {
    self[pid].map { files.accesses.accesses(from: $0.firstAccess) } ?? []
  }

  /// Whether anyone did anything with a path itself.
  public func isUsed(_ path: PathTable.ID) -> Bool { files.accesses.isUsed(path) }

  /// Who made a version, and where; nil for 0, which is what was there before the run.
  public func origin(ofVersion version: UInt32) -> FileVersion? { files.origins[version] }

  /// Where a version is kept that is not the last of its path, below the trace; nil if it is the last, or was replaced by its own
  /// writer before anyone had read it.
  public func place(ofVersion version: UInt32) -> [UInt8]? { files.places[version] }

  /// All places that `place(ofVersion:)` tells.
  public var places: some Collection<[UInt8]> { files.places.values }

  /// The paths that have a version at the end; one of them if several have.
  var lastVersions: [UInt32: PathTable.ID] { files.lastVersions }

  /// The version that a path has at the end, 0 for what is no file of the run's; nil if it was not changed, or is gone.
  func lastVersion(of path: PathTable.ID) -> UInt32? { files.lastVersion(of: path) }

  /// - Parameter pid: the process. What it saw last counts; if it never looked, what stood there when it began.
  public func resolveFile(_ path: [UInt8], asOf pid: UInt32) -> FileResolution {
    guard let id = paths.id(of: path) else { return .below }
    if let seen = files.accesses.last(id, by: pid) {
      switch seen.kind {
      case .missing, .delete, .renameFrom, .removeDirectory: return .missing
      default: return resolution(seen.version)
      }
    }
    guard let change = files.change(of: id, before: pid) else { return .below }
    guard let version = change.version else { return .missing }
    return resolution(version)
  }

  private func resolution(_ version: UInt32) -> FileResolution {
    version == 0 ? .below : .version(version, place: files.places[version])
  }
}

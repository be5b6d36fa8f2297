import Tracing

/// What the processes of a run did with files, in the order in which they did it.
public struct FileHistory {
  /// One thing that one process did with one path.
  public struct Access: Sendable, Equatable {
    public var kind: EventKind
    public var pid: UInt32
    /// What the process saw or made; 0 is what was there before the run.
    public var version: UInt32
  }

  /// The accesses of each path. Absolute paths, as the guest named them.
  public private(set) var accesses: [[UInt8]: [Access]] = [:]
  /// The programs that each process ran, the last one last.
  public private(set) var executables: [UInt32: [[UInt8]]] = [:]
  /// The parent of each process.
  public private(set) var parents: [UInt32: UInt32] = [:]
  /// Where versions are kept, below the trace.
  public private(set) var places: [UInt32: [UInt8]] = [:]
  /// What stood at a path when a process began, for paths that the run changed: nil means nothing.
  private var changes: [[UInt8]: [(time: Int, version: UInt32?)]] = [:]
  private var births: [UInt32: Int] = [:]
  /// Whether the events end in the middle: the run was killed.
  public private(set) var isDamaged = false

  /// - Parameter only: keeps the accesses of one process; nil means all.
  /// - Throws: a message if the events cannot be read.
  public init(_ trace: TraceDirectory, only: UInt32? = nil) throws(TraceError) {
    let reader = try trace.events()
    var nodes = NodeTable()
    var time = 0
    while true {
      let next: (Event, UnsafeBufferPointer<UInt8>)?
      do { next = try reader.next() } catch { throw TraceError("cannot read \(trace.path)/perfetto: \(error)") }
      guard let (event, name) = next, let kind = EventKind(rawValue: event.kind) else { break }
      time += 1
      switch kind {
      case .node:
        if !nodes.define(event, name) { isDamaged = true }
      case .spawn:
        parents[event.pid] = event.node
        births[event.pid] = time
        if let inherited = executables[event.node]?.last { executables[event.pid] = [inherited] }
      case .stored: places[event.version] = Array(name)
      default:
        guard kind.isAccess else { continue }
        let slash = [UInt8(ascii: "/")]
        var path = slash + nodes.path(of: event.node)
        if kind == .missing { path += (path.count > 1 ? slash : []) + name }
        if kind == .exec { executables[event.pid, default: []].append(path) }
        note(kind, path, event.version, time)
        guard only == nil || only == event.pid else { continue }
        let access = Access(kind: kind, pid: event.pid, version: event.version)
        // A path is often asked for again and again.
        if accesses[path]?.last != access { accesses[path, default: []].append(access) }
      }
    }
    isDamaged = isDamaged || reader.isDamaged
  }

  private mutating func note(_ kind: EventKind, _ path: [UInt8], _ version: UInt32, _ time: Int) {
    switch kind {
    case .create, .write, .truncate, .renameTo, .link, .symbolicLink, .makeDirectory:
      changes[path, default: []].append((time, version))
    case .delete, .renameFrom, .removeDirectory: changes[path, default: []].append((time, nil))
    default: break
    }
  }

  /// Which file a process saw at a path.
  public enum Resolution: Sendable, Equatable {
    /// There was none.
    case missing
    /// A version that the run made: a path below the trace, nil if it was replaced by its own writer.
    case version(UInt32, place: [UInt8]?)
    /// What the sources and parents of the run have there.
    case below
  }

  /// - Parameter pid: the process. What it saw last counts; if it never looked, what stood there when it began.
  public func resolveFile(_ path: [UInt8], asOf pid: UInt32) -> Resolution {
    if let seen = accesses[path]?.last(where: { $0.pid == pid }) {
      switch seen.kind {
      case .missing, .delete, .renameFrom, .removeDirectory: return .missing
      default: return seen.version == 0 ? .below : .version(seen.version, place: places[seen.version])
      }
    }
    let birth = births[pid] ?? 0
    guard let last = changes[path]?.last(where: { $0.time < birth }) else { return .below }
    guard let version = last.version else { return .missing }
    return version == 0 ? .below : .version(version, place: places[version])
  }
}

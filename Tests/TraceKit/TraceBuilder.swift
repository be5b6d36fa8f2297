import Foundation
import Tracing

/// Builds the trace of a run from given events, in a directory that is removed with it. Times go on by a microsecond per event.
public final class TraceBuilder {
  /// The run's directory.
  public let path: String
  /// Where the events of a finished trace are.
  public var eventsFile: URL { URL(fileURLWithPath: path + "/perfetto") }
  /// Of the next event.
  public var time: UInt64 = 5_000_000_000
  private let root: String
  private let writer: EventWriter
  private var nodes: [String: UInt32] = ["/": Event.rootNode]

  public init() throws {
    root = "/var/tmp/uwrx-trace-kit-\(UUID().uuidString)"
    path = root + "/0/0"
    try FileManager.default.createDirectory(atPath: path + "/files", withIntermediateDirectories: true)
    for name in ["cmd", "sources"] { try Data().write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
    writer = try EventWriter(trace: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  public func directory() throws -> TraceDirectory { try TraceDirectory(path) }

  /// Completes the record and marks the run as complete.
  @discardableResult
  public func finish(_ renumbering: TraceRenumbering = TraceRenumbering()) throws -> TraceBuilder {
    try finishEvents(renumbering)
    try writer.removeBuffer()
    try Data("*\t0\t0\n".utf8).write(to: URL(fileURLWithPath: "\(path)/files.index"))
    try Data("exit\t0\n".utf8).write(to: URL(fileURLWithPath: "\(path)/status"))
    return self
  }

  /// Completes the record, whose run has not ended yet.
  public func finishEvents(_ renumbering: TraceRenumbering = TraceRenumbering()) throws {
    try writer.finish()
    try writer.renumber(renumbering)
  }

  public func add(
    _ kind: EventKind, _ pid: UInt32, node: UInt32 = 0, version: UInt32 = 0, _ name: [UInt8] = [], flags: UInt8 = 0,
    thread: UInt32 = 0, duration: UInt32 = 0
  ) {
    var event = Event(kind, pid: pid, node: node, version: version, time: time)
    event.flags = flags
    event.thread = thread
    event.duration = duration
    name.withUnsafeBufferPointer { writer.append(event, $0) }
    time += 1000
  }

  /// The node of a path, which is defined if it is not yet.
  public func node(_ path: String) -> UInt32 {
    if let known = nodes[path] { return known }
    let parts = path.split(separator: "/")
    let parent = node("/" + parts.dropLast().joined(separator: "/"))
    let new = UInt32(nodes.count) + 1
    nodes[path] = new
    add(.node, 0, node: new, version: parent, Array(parts.last!.utf8))
    return new
  }

  public func spawn(_ pid: UInt32, by parent: UInt32 = Event.supervisor, guest: UInt32? = nil) {
    add(.spawn, pid, node: parent, version: guest ?? pid, bytes(of: 1000 &+ pid))
  }

  public func exec(
    _ pid: UInt32, _ path: String, _ arguments: [String], environment: UInt32 = 0, in directory: String = "/",
    version: UInt32 = 0
  ) {
    let (node, place) = (node(path), node(directory))
    add(.exec, pid, node: node, version: version)
    add(.arguments, pid, node: place, version: environment, Array(arguments.map { $0 + "\0" }.joined().utf8))
  }

  public func environment(_ number: UInt32, _ variables: [String]) {
    add(.environment, 0, version: number, Array(variables.map { $0 + "\0" }.joined().utf8))
  }

  public func exit(_ pid: UInt32, status: UInt32 = 0, use: ResourceUse? = nil) {
    add(.exit, pid, version: status, use.map { bytes(of: $0) } ?? [])
  }

  public func file(_ kind: EventKind, _ pid: UInt32, _ path: String, version: UInt32 = 0) {
    add(kind, pid, node: node(path), version: version)
  }

  public func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}

import SwiftProtobuf

/// Turns the events of a run into Perfetto's packets, in their order.
///
/// Each event is one packet: a slice or an instant of its thread's track, whose name is the kind and whose arguments are the
/// fields, see `EventShape`. There is more for those who look at it: a slice for each program on its process's track, which
/// `arguments` begins and `exit` ends, and an arrow to it from its `spawn`. What packets say together, `TraceDecoder` tells.
final class TraceEncoder {
  /// The number of the format, for `SystemInfo.tracing_service_version`.
  static let version = "uwrx trace 2"
  static let sequence: UInt64 = 1
  /// Clocks of their own begin at 64.
  static let clock: UInt64 = 64
  static let monotonicClock: UInt64 = 3
  /// Event names below are those of kinds, but for the one that ends the trace.
  static let firstProgramName: UInt64 = 64
  static let endName: UInt64 = 63
  /// The path of the root.
  static let rootPath: UInt32 = 1
  /// A longer path is told by the number of its node: paths of which each is longer than the one before by a name would
  /// grow with the square of their number.
  static let maximumPathLength = 4096
  /// Of the arguments on a process's track; its program's slice has them all.
  static let maximumCommandLength = 4096
  static let maximumNameLength = 255
  static let maximumProgramNames = 1 << 14
  /// Of an interned string, beyond what Perfetto knows: the number of the node that has the path.
  static let nodeField: UInt32 = 1000

  struct Process {
    var parent: UInt32 = 0
    var program: [UInt8] = []
    var isRunning = false
    /// And has a row.
    var isNamed = false
    /// Those that have a track.
    var threads: [UInt32] = []
  }

  /// As many paths have numbers before all of them are forgotten: neither who writes nor who reads keeps more.
  private let maximumPaths: UInt32
  var packets = PacketWriter(capacity: 1 << 20)
  private(set) var nodes = NodeTable()
  var lastTime: UInt64 = 0
  var hasBegun = false
  var eventCount: UInt64 = 0
  /// The number of the path of each node; 0 if it has none.
  private var nodePaths: [UInt32] = [0, rootPath]
  private var lastPath = rootPath
  private var missing = MissingNames()
  var processes: [UInt32: Process] = [:]
  /// Those that are described; of the dead none are.
  var tracks: Set<UInt64> = []
  var lastTrack: (pid: UInt32, thread: UInt32, track: TrackNumber?) = (0, 0, nil)
  var programs: [[UInt8]: UInt64] = [:]
  /// A program whose slice has not begun, since its arguments may follow.
  private var starting: (pid: UInt32, time: UInt64)?

  /// - Parameter maximumPaths: how many paths have numbers at a time.
  init(maximumPaths: UInt32 = 1 << 16) { self.maximumPaths = maximumPaths }

  func encode(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard let kind = EventKind(rawValue: event.kind) else { return }
    if !hasBegun { begin(event.time) }
    if lastPath >= maximumPaths { forgetNames() }
    eventCount += 1
    if let (pid, time) = starting {
      starting = nil
      if kind != .arguments || event.pid != pid || event.time != time {
        beginProgram(pid, time)
      } else {
        if encodeArguments(event, name) { return }
        beginProgram(pid, time)
      }
    }
    switch kind {
    case .node: if encodeNode(event, name) { return }
    case .spawn: if encodeSpawn(event, name) { return }
    case .exec:
      endProgram(event.pid, event.time)
      encodeCall(event, name)
      _ = track(event.pid, 0)
      processes[event.pid]?.program = programName(event.node)
      starting = (event.pid, event.time)
      return
    case .exit:
      defer { forget(event.pid) }
      nameProcess(event.pid)
      if encodeExit(event, name) { return }
      endProgram(event.pid, event.time)
      encodeCall(event, name)
      return
    case .clock: snapshotClocks(event.time, name)
    default: break
    }
    encodeCall(event, name)
  }

  /// Makes the packets of what was held back, and the last one, which tells how many events there are.
  func finish() {
    if !hasBegun { begin(0) }
    if let (pid, time) = starting { beginProgram(pid, time) }
    starting = nil
    for pid in processes.keys.sorted() { nameProcess(pid) }
    let track = track(0, 0)
    let packet = openPacket()
    let slice = openEvent(track, .run, name: Self.endName)
    annotate(.count, eventCount)
    packets.integer(9, 3)
    packets.close(slice)
    closePacket(packet, lastTime)
  }

  // MARK: Packets

  func openPacket() -> Int {
    let packet = packets.open(1)
    packets.integer(10, Self.sequence)
    packets.integer(13, 2)
    return packet
  }

  /// The time comes last, and what differs from event to event stands side by side: zlib likes it.
  func closePacket(_ packet: Int, _ time: UInt64) {
    if time >= lastTime {
      packets.integer(8, time - lastTime)
      lastTime = time
    } else {
      packets.integer(8, time)
      packets.integer(58, Self.monotonicClock)
    }
    packets.close(packet)
  }

  func append(_ packet: Perfetto_Protos_TracePacket) {
    // It has no required fields and no extensions, so that nothing can fail.
    guard let bytes: [UInt8] = try? packet.serializedBytes() else { return }
    packets.bytes(1, bytes)
  }

  func openEvent(_ track: TrackNumber, _ category: Category, name: UInt64?) -> Int {
    let event = packets.open(11)
    packets.integer(11, track.uuid)
    if let name { packets.integer(10, name) }
    packets.integer(3, UInt64(category.rawValue))
    return event
  }

  func annotate(_ annotation: Annotation, _ value: UInt64) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.integer(3, value)
    packets.close(start)
  }

  func annotate(_ annotation: Annotation, nonzero value: UInt64) {
    if value != 0 { annotate(annotation, value) }
  }

  func annotate(_ annotation: Annotation, path: UInt32) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.integer(17, UInt64(path))
    packets.close(start)
  }

  func annotate(_ annotation: Annotation, text: [UInt8]) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.bytes(6, text)
    packets.close(start)
  }

  // MARK: Events

  /// A slice of the thread's track if the call took time, else an instant of it.
  private func encodeCall(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let shape = EventShape.all[Int(event.kind)]
    let track = track(event.pid, event.thread)
    var path = shape.node == .errno ? 0 : self.path(of: event.node)
    let packet = openPacket()
    var directory: UInt32 = 0
    var name = name
    if event.kind == EventKind.missing.rawValue {
      directory = path
      let isNew: Bool
      (path, isNew) = missingPath(event.node, directory, name)
      if path != 0 { name = UnsafeBufferPointer(start: nil, count: 0) }
      if !isNew { directory = 0 }
    }
    let slice = openEvent(track, shape.category, name: UInt64(event.kind))
    if path != 0 {
      annotate(shape.node, path: path)
      if directory != 0 { annotate(.directory, path: directory) }
    } else {
      annotate(shape.node == .errno ? .errno : .node, nonzero: UInt64(event.node))
    }
    annotate(shape.version, nonzero: UInt64(event.version))
    annotate(.flags, nonzero: UInt64(event.flags))
    annotate(shape.payload, name)
    if event.thread != track.thread { annotate(.thread, UInt64(event.thread)) }
    if event.duration > 0, track.thread > 0 {
      annotate(.nanoseconds, nonzero: UInt64(event.duration % 1000))
      let legacy = packets.open(6)
      packets.integer(2, UInt64(UInt8(ascii: "X")))
      packets.integer(3, UInt64(event.duration / 1000))
      packets.close(legacy)
    } else {
      annotate(.duration, nonzero: UInt64(event.duration))
      packets.integer(9, 3)
    }
    packets.close(slice)
    closePacket(packet, event.time)
  }

  // MARK: Paths

  /// The number of a node's path, which gets one if all were forgotten since it was defined; 0 if it has none.
  func path(of node: UInt32) -> UInt32 {
    guard node < nodePaths.count else { return 0 }
    let known = nodePaths[Int(node)]
    if known != 0 || node == 0 { return known }
    let text = nodes.path(of: node)
    guard text.count < Self.maximumPathLength else { return 0 }
    lastPath += 1
    nodePaths[Int(node)] = lastPath
    let packet = openPacket()
    let data = packets.open(12)
    intern(lastPath, Escaping.escape([UInt8(ascii: "/")] + text), node: node)
    packets.close(data)
    packets.close(packet)
    return lastPath
  }

  /// - Parameter directory: the number of the directory's path.
  /// - Returns: the number of the path that was looked for, or 0, and whether it is new.
  private func missingPath(
    _ node: UInt32, _ directory: UInt32, _ name: UnsafeBufferPointer<UInt8>
  ) -> (path: UInt32, isNew: Bool) {
    guard directory != 0, name.count > 0 else { return (0, false) }
    if let known = missing.find(directory, name) { return (known, false) }
    guard let text = path(in: node, name) else { return (0, false) }
    lastPath += 1
    missing.insert(directory, name, lastPath)
    let data = packets.open(12)
    intern(lastPath, text, node: 0)
    packets.close(data)
    return (lastPath, true)
  }

  /// - Returns: nil if it is too long, or what stands behind its last slash is not the name.
  private func path(in directory: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    let slash = UInt8(ascii: "/")
    guard !name.contains(slash) else { return nil }
    var path = [slash] + nodes.path(of: directory)
    if directory != Event.rootNode { path.append(slash) }
    path += name
    return path.count > Self.maximumPathLength ? nil : Escaping.escape(path)
  }

  /// Defines the path, after that of the directory again.
  private func encodeNode(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let parent = event.version
    guard nodes.define(event, name) else { return false }
    if Int(event.node) == nodePaths.count { nodePaths.append(0) } else { nodePaths[Int(event.node)] = 0 }
    guard event.pid == 0, event.thread == 0, event.duration == 0, event.flags == 0, let text = path(in: parent, name)
    else { return false }
    let directory = path(of: parent)
    guard directory != 0 else { return false }
    lastPath += 1
    nodePaths[Int(event.node)] = lastPath
    let packet = openPacket()
    let data = packets.open(12)
    intern(directory, Escaping.escape([UInt8(ascii: "/")] + nodes.path(of: parent)), node: 0)
    intern(lastPath, text, node: event.node)
    packets.close(data)
    closePacket(packet, event.time)
    return true
  }

  private func intern(_ path: UInt32, _ text: [UInt8], node: UInt32) {
    let entry = packets.open(29)
    packets.integer(1, UInt64(path))
    packets.bytes(2, text)
    if node != 0 { packets.integer(Self.nodeField, UInt64(node)) }
    packets.close(entry)
  }

  /// From here on all paths and programs get new numbers.
  private func forgetNames() {
    for index in nodePaths.indices { nodePaths[index] = 0 }
    nodePaths[Int(Event.rootNode)] = Self.rootPath
    lastPath = Self.rootPath
    missing = MissingNames()
    programs = [:]
    defineNames()
  }
}

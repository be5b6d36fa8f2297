import SystemPackage

/// The name of the system call with a number; nil if there is none.
public typealias CallName = @Sendable (UInt32) -> String?

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
  /// Nanoseconds: what is below would take a sixth of the trace.
  static let clockUnit: UInt64 = 1000
  static let monotonicClock: UInt64 = 3
  static let realClock: UInt64 = 1
  /// Of the tracks below one: by their ranks.
  static let explicitOrder: UInt64 = 3
  /// Event names below are those of kinds, but for the one that ends the trace.
  static let firstProgramName: UInt64 = 64
  static let endName: UInt64 = 63
  /// Of events that name none: what is told of the run itself.
  static let defaultTrack = TrackNumber(process: Event.supervisor)
  /// The path of the root.
  static let rootPath: UInt32 = 1
  /// A longer path is told by the number of its node: paths of which each is longer than the one before by a name would
  /// grow with the square of their number.
  static let maximumPathLength = 4096
  static let maximumNameLength = 255
  static let maximumProgramNames = 1 << 14
  /// Of an interned string, beyond what Perfetto knows: the number of the node that has the path.
  static let nodeField: UInt32 = 1000
  /// Of an annotation, beyond what Perfetto knows: bytes that are no text, which escaping would make the longer by far.
  static let rawField: UInt32 = 1000
  static let shortestRaw = 1024

  struct Process {
    var parent: UInt32 = 0
    /// Its id there.
    var guest: UInt32 = 0
    /// 0 if its `spawn` was not told.
    var beginning: UInt64 = 0
    /// What it runs: its parent's until it runs another.
    var program: [UInt8] = []
    /// There is a slice of it that has not ended.
    var isRunning = false
    /// There is, or was, one.
    var hasRun = false
    /// What it runs was skipped: so says a slice within that of its row.
    var isSkipped = false
    /// And has a row.
    var isNamed = false
    /// Those that have a track.
    var threads: [TrackNumber] = []
  }

  private let callName: CallName
  let numbers: TraceNumbers
  /// As many paths have numbers before all of them are forgotten: neither who writes nor who reads keeps more.
  private let maximumPaths: UInt32
  var packets = PacketWriter(capacity: 1 << 20)
  var nodes = NodeTable()
  var lastTime: UInt64 = 0
  var hasBegun = false
  var eventCount: UInt64 = 0
  /// The number of the path of each node; 0 if it has none.
  var nodePaths: [UInt32] = [0, rootPath]
  var lastPath = rootPath
  var missing = MissingNames()
  var processes: [UInt32: Process] = [:]
  /// Those that are described; of the dead none are.
  var tracks: Set<UInt64> = []
  var lastTrack: (pid: UInt32, thread: UInt32, track: TrackNumber?) = (0, 0, nil)
  var programs: [[UInt8]: UInt64] = [:]
  /// Of connections that have not ended: for each of their tracks, from when on there is room.
  var connections: [UInt32: [UInt64]] = [:]
  /// A program whose slice has not begun, since its arguments may follow.
  private var starting: (pid: UInt32, time: UInt64)?

  /// - Parameter maximumPaths: how many paths have numbers at a time.
  init(callName: @escaping CallName, numbers: TraceNumbers = TraceNumbers(), maximumPaths: UInt32 = 1 << 16) {
    self.callName = callName
    self.numbers = numbers
    self.maximumPaths = maximumPaths
  }

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
      if event.pid != 0 {
        let file = nodes.path(of: event.node).split(separator: UInt8(ascii: "/")).last ?? []
        processes[event.pid, default: Process()].program = Escaping.escape(file)
      }
      starting = (event.pid, event.time)
      return
    case .exit:
      defer { forget(event.pid) }
      if encodeExit(event, name) { return }
      endProgram(event.pid, event.time)
      encodeCall(event, name)
      return
    case .skipped:
      encodeCall(event, name)
      beginSkip(event, name)
      return
    case .clock: snapshotClocks(event.time, name)
    case .connection: if encodeConnection(event, name) { return }
    case .connectionEnd: if encodeConnectionEnd(event, name) { return }
    case .request: if encodeRequest(event, name) { return }
    default: break
    }
    encodeCall(event, name)
  }

  /// Makes the packets of what was held back, and the last one, which tells how many events there are.
  func finish() {
    if !hasBegun { begin(0) }
    if let (pid, time) = starting { beginProgram(pid, time) }
    starting = nil
    for pid in processes.keys.sorted() { showFork(pid) }
    let track = track(0, 0)
    let packet = openPacket()
    let slice = packets.open(11)
    annotate(.count, eventCount)
    closeEvent(slice, track, .run, name: Self.endName, .instant)
    closePacket(packet, lastTime)
  }

  // MARK: Packets

  func openPacket() -> Int { packets.open(1) }

  /// A time that is not told by the clock of whole microseconds, or is before the last one, is told by another.
  func closePacket(_ packet: Int, _ time: UInt64) {
    closeSequence()
    if time >= lastTime, (time - lastTime) % Self.clockUnit == 0 {
      packets.integer(8, (time - lastTime) / Self.clockUnit)
      lastTime = time
    } else {
      packets.integer(8, time)
      packets.integer(58, Self.monotonicClock)
    }
    packets.close(packet)
  }

  /// The packet needs what was interned before.
  func closeSequence() {
    packets.integer(10, Self.sequence)
    packets.integer(13, 2)
  }

  enum Phase {
    case begin
    case end
    case instant
    case slice(microseconds: UInt64)
  }

  /// Ends a TrackEvent that has its arguments. The order of the fields, here and in packets, is the one of all that makes the
  /// trace smallest, by a tenth.
  func closeEvent(_ event: Int, _ track: TrackNumber, _ category: Category?, name: UInt64?, _ phase: Phase) {
    if let name { packets.integer(10, name) }
    if let category { packets.integer(3, UInt64(category.rawValue)) }
    switch phase {
    case .begin: packets.integer(9, 1)
    case .end: packets.integer(9, 2)
    case .instant: packets.integer(9, 3)
    case .slice(let microseconds):
      let legacy = packets.open(6)
      packets.integer(2, UInt64(UInt8(ascii: "X")))
      packets.integer(3, microseconds)
      packets.close(legacy)
    }
    if track != Self.defaultTrack { packets.integer(11, track.uuid) }
    packets.close(event)
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
    let slice = packets.open(11)
    if path != 0 {
      annotate(shape.node, path: path)
      if directory != 0 { annotate(.directory, path: directory) }
    } else {
      annotate(shape.node == .errno ? .errno : .node, nonzero: UInt64(event.node))
    }
    annotate(shape.version, nonzero: UInt64(event.version))
    annotate(.flags, nonzero: UInt64(event.flags))
    if shape.version == .call, let name = callName(event.version) { annotate(.name, text: Array(name.utf8)) }
    if shape.node == .errno {
      annotate(.outcome, text: Array("\(Errno(rawValue: Int32(bitPattern: event.node)))".utf8))
    }
    if shape.category == .output { packets.outputCount += name.count }
    annotate(shape.payload, name)
    let isOnItsThread = event.thread != 0 && event.thread < TrackNumber.maximumThread && track != .run
    if event.thread != 0, !isOnItsThread { annotate(.thread, UInt64(event.thread)) }
    let phase: Phase
    if event.duration > 0, isOnItsThread {
      annotate(.nanoseconds, nonzero: UInt64(event.duration % 1000))
      phase = .slice(microseconds: UInt64(event.duration / 1000))
    } else {
      annotate(.duration, nonzero: UInt64(event.duration))
      phase = .instant
    }
    closeEvent(slice, track, shape.category, name: UInt64(event.kind), phase)
    closePacket(packet, event.time)
  }
}

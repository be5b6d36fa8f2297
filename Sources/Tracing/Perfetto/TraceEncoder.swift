import SwiftProtobuf

/// Turns the events of a run into Perfetto's packets, in their order.
///
/// Each event is one packet: a slice or an instant of its thread's track, whose name is the kind and whose arguments are the
/// fields, see `EventShape`. There is more for those who look at it: a slice for each program on its process's track, which
/// `arguments` begins and `exit` ends, and an arrow to it from its `spawn`. What packets say together, `TraceDecoder` tells.
final class TraceEncoder {
  /// The number of the format, for `SystemInfo.tracing_service_version`.
  static let version = "uwrx trace 1"
  static let sequence: UInt64 = 1
  /// Clocks of their own begin at 64.
  static let clock: UInt64 = 64
  static let monotonicClock: UInt64 = 3
  /// Event names below are those of kinds, but for the one that ends the trace.
  static let firstProgramName: UInt64 = 64
  static let endName: UInt64 = 63
  /// The path of the root.
  static let rootPath: UInt64 = 1
  /// A longer path is told by the number of its node: paths of which each is longer than the one before by a name would
  /// grow with the square of their number.
  static let maximumPathLength = 4096
  /// Of the arguments on a process's track; its program's slice has them all.
  private static let maximumCommandLength = 4096
  private static let maximumProgramNames = 1 << 14

  private struct Process {
    var track: UInt64
    var program: [UInt8] = []
    var isRunning = false
  }

  var packets = PacketWriter(capacity: 1 << 20)
  private(set) var nodes = NodeTable()
  private var lastTime: UInt64 = 0
  private var hasBegun = false
  private(set) var eventCount: UInt64 = 0
  /// The number of the path of each node; 0 if it has none.
  private var nodePaths: [UInt64] = [0, rootPath]
  private var lastPath = rootPath
  private var missing = MissingNames()
  private var processes: [UInt32: Process] = [:]
  private var tracks: [UInt64: UInt64] = [:]
  private var lastTrack: (key: UInt64, uuid: UInt64) = (0, 0)
  private var programs: [[UInt8]: UInt64] = [:]
  /// A program whose slice has not begun, since its arguments may follow.
  private var starting: (pid: UInt32, time: UInt64)?

  func encode(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard let kind = EventKind(rawValue: event.kind) else { return }
    if !hasBegun { begin(event.time) }
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
      let uuid = track(event.pid, 0)
      processes[event.pid, default: Process(track: uuid)].program = programName(event.node)
      starting = (event.pid, event.time)
      return
    case .exit:
      if encodeExit(event, name) { return }
      endProgram(event.pid, event.time)
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
    let uuid = track(0, 0)
    let packet = openPacket()
    let slice = openEvent(uuid, .run, name: Self.endName)
    annotate(.count, eventCount)
    packets.integer(9, 3)
    packets.close(slice)
    closePacket(packet, lastTime)
  }

  // MARK: Packets

  private func openPacket() -> Int {
    let packet = packets.open(1)
    packets.integer(10, Self.sequence)
    packets.integer(13, 2)
    return packet
  }

  /// The time comes last, and what differs from event to event stands side by side: zlib likes it.
  private func closePacket(_ packet: Int, _ time: UInt64) {
    if time >= lastTime {
      packets.integer(8, time - lastTime)
      lastTime = time
    } else {
      packets.integer(8, time)
      packets.integer(58, Self.monotonicClock)
    }
    packets.close(packet)
  }

  private func append(_ packet: Perfetto_Protos_TracePacket) {
    // It has no required fields and no extensions, so that nothing can fail.
    guard let bytes: [UInt8] = try? packet.serializedBytes() else { return }
    packets.bytes(1, bytes)
  }

  private func openEvent(_ track: UInt64, _ category: Category, name: UInt64?) -> Int {
    let event = packets.open(11)
    packets.integer(11, track)
    if let name { packets.integer(10, name) }
    packets.integer(3, UInt64(category.rawValue))
    return event
  }

  private func annotate(_ annotation: Annotation, _ value: UInt64) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.integer(3, value)
    packets.close(start)
  }

  private func annotate(_ annotation: Annotation, nonzero value: UInt64) {
    if value != 0 { annotate(annotation, value) }
  }

  private func annotate(_ annotation: Annotation, path: UInt64) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.integer(17, path)
    packets.close(start)
  }

  private func annotate(_ annotation: Annotation, text: [UInt8]) {
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    packets.bytes(6, text)
    packets.close(start)
  }

  private func intern(path: UInt64, _ text: [UInt8]) {
    let entry = packets.open(29)
    packets.integer(1, path)
    packets.bytes(2, text)
    packets.close(entry)
  }

  // MARK: Events

  /// A slice of the thread's track if the call took time, else an instant of it.
  private func encodeCall(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let shape = EventShape.all[Int(event.kind)]
    let uuid = track(event.pid, event.thread)
    let packet = openPacket()
    var path: UInt64 = 0
    var directory: UInt64 = 0
    var name = name
    if event.kind == EventKind.missing.rawValue {
      (path, directory) = missingPath(event.node, name)
      if path != 0 { name = UnsafeBufferPointer(start: nil, count: 0) }
    } else if shape.node != .errno, event.node < nodePaths.count {
      path = nodePaths[Int(event.node)]
    }
    let slice = openEvent(uuid, shape.category, name: UInt64(event.kind))
    if path != 0 {
      annotate(shape.node, path: path)
      if directory != 0 { annotate(.directory, path: directory) }
    } else {
      annotate(shape.node == .errno ? .errno : .node, nonzero: UInt64(event.node))
    }
    annotate(shape.version, nonzero: UInt64(event.version))
    annotate(.flags, nonzero: UInt64(event.flags))
    annotate(shape.payload, name)
    if event.duration > 0, event.thread > 0 {
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

  /// - Returns: the number of the path that was looked for, and where this packet defines it the directory's; 0 for none.
  private func missingPath(_ node: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> (UInt64, UInt64) {
    guard node < nodePaths.count, nodePaths[Int(node)] != 0, name.count > 0 else { return (0, 0) }
    let directory = nodePaths[Int(node)]
    if let known = missing.find(node, name) { return (known, 0) }
    guard let text = path(in: node, name), missing.insert(node, name, lastPath + 1) else { return (0, 0) }
    lastPath += 1
    let data = packets.open(12)
    intern(path: lastPath, text)
    packets.close(data)
    return (lastPath, directory)
  }

  /// - Returns: nil if it is too long.
  private func path(in directory: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var path = [UInt8(ascii: "/")] + nodes.path(of: directory)
    if directory != Event.rootNode { path.append(UInt8(ascii: "/")) }
    path += name
    return path.count > Self.maximumPathLength ? nil : Escaping.escape(path)
  }

  /// Defines the path, after that of the directory again.
  private func encodeNode(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    let parent = event.version
    guard nodes.define(event, name) else { return false }
    nodePaths.append(0)
    guard event.pid == 0, event.thread == 0, event.duration == 0, event.flags == 0, nodePaths[Int(parent)] != 0,
      let text = path(in: parent, name)
    else { return false }
    lastPath += 1
    nodePaths[Int(event.node)] = lastPath
    let packet = openPacket()
    let data = packets.open(12)
    intern(path: nodePaths[Int(parent)], Escaping.escape([UInt8(ascii: "/")] + nodes.path(of: parent)))
    intern(path: lastPath, text)
    packets.close(data)
    closePacket(packet, event.time)
    return true
  }

  // MARK: Processes

  private func encodeSpawn(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard name.count == 4 else { return false }
    let parent = track(event.node, 0)
    let program = processes[event.node]?.program ?? []
    let child = track(event.pid, 0)
    processes[event.pid] = Process(track: child, program: program)
    let packet = openPacket()
    let slice = openEvent(parent, .process, name: UInt64(event.kind))
    annotate(.process, UInt64(event.pid))
    annotate(.thread, nonzero: UInt64(event.thread))
    annotate(.guestProcess, nonzero: UInt64(event.version))
    annotate(.flags, nonzero: UInt64(event.flags))
    annotate(.number(.hostProcess), name)
    annotate(.duration, nonzero: UInt64(event.duration))
    packets.integer(9, 3)
    packets.fixed64(47, UInt64(event.pid))
    packets.close(slice)
    closePacket(packet, event.time)
    beginProgram(event.pid, event.time, isSpawned: true)
    return true
  }

  /// - Returns: false if there is no slice of a program that these could begin.
  private func encodeArguments(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard event.duration == 0, name.count > 0, let process = processes[event.pid] else { return false }
    describe(event.pid, process, arguments: name.split(separator: 0))
    let (packet, slice) = openProgram(process)
    let path = event.node < nodePaths.count ? nodePaths[Int(event.node)] : 0
    if path != 0 {
      annotate(.workingDirectory, path: path)
    } else {
      annotate(.node, nonzero: UInt64(event.node))
    }
    annotate(.environment, nonzero: UInt64(event.version))
    annotate(.thread, nonzero: UInt64(event.thread))
    annotate(.flags, nonzero: UInt64(event.flags))
    annotate(.list(.arguments), name)
    packets.close(slice)
    closePacket(packet, event.time)
    processes[event.pid]?.isRunning = true
    return true
  }

  /// Ends the slice of the process's program, with the process's end as its arguments.
  /// - Returns: false if there is none.
  private func encodeExit(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let process = processes[event.pid], process.isRunning, event.duration == 0 else { return false }
    processes[event.pid]?.isRunning = false
    let packet = openPacket()
    let slice = packets.open(11)
    packets.integer(11, process.track)
    annotate(.status, UInt64(event.version))
    annotate(.outcome, text: Self.outcome(event.version))
    annotate(.node, nonzero: UInt64(event.node))
    annotate(.thread, nonzero: UInt64(event.thread))
    annotate(.flags, nonzero: UInt64(event.flags))
    annotate(EventShape.all[Int(event.kind)].payload, name)
    packets.integer(9, 2)
    packets.close(slice)
    closePacket(packet, event.time)
    return true
  }

  private static func outcome(_ status: UInt32) -> [UInt8] {
    let signal = status & 0x7f
    return Array((signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)").utf8)
  }

  private func openProgram(_ process: Process) -> (packet: Int, slice: Int) {
    let packet = openPacket()
    var number = programs[process.program]
    if number == nil, programs.count < Self.maximumProgramNames {
      let next = Self.firstProgramName + UInt64(programs.count)
      programs[process.program] = next
      number = next
      let data = packets.open(12)
      let entry = packets.open(2)
      packets.integer(1, next)
      packets.bytes(2, process.program.isEmpty ? Array("process".utf8) : process.program)
      packets.close(entry)
      packets.close(data)
    }
    let slice = openEvent(process.track, .process, name: number)
    if number == nil { packets.bytes(23, process.program) }
    packets.integer(9, 1)
    return (packet, slice)
  }

  private func beginProgram(_ pid: UInt32, _ time: UInt64, isSpawned: Bool = false) {
    guard let process = processes[pid] else { return }
    if !isSpawned { describe(pid, process, arguments: []) }
    let (packet, slice) = openProgram(process)
    if isSpawned { packets.fixed64(48, UInt64(pid)) }
    packets.close(slice)
    closePacket(packet, time)
    processes[pid]?.isRunning = true
  }

  private func endProgram(_ pid: UInt32, _ time: UInt64) {
    guard let process = processes[pid], process.isRunning else { return }
    processes[pid]?.isRunning = false
    let packet = openPacket()
    let slice = packets.open(11)
    packets.integer(11, process.track)
    packets.integer(9, 2)
    packets.close(slice)
    closePacket(packet, time)
  }

  private func programName(_ node: UInt32) -> [UInt8] {
    Escaping.escape(nodes.path(of: node).split(separator: UInt8(ascii: "/")).last ?? [])
  }

  // MARK: Tracks

  /// The number of the track of a thread, or with thread 0 of the process; it is described when it is new.
  private func track(_ pid: UInt32, _ thread: UInt32) -> UInt64 {
    let key = UInt64(pid) << 32 | UInt64(thread)
    if lastTrack.key == key, lastTrack.uuid != 0 { return lastTrack.uuid }
    if let known = tracks[key] {
      lastTrack = (key, known)
      return known
    }
    let parent = thread == 0 ? 0 : track(pid, 0)
    let uuid = UInt64(tracks.count + 1)
    tracks[key] = uuid
    lastTrack = (key, uuid)
    if thread == 0, pid != 0 {
      let process = processes[pid] ?? Process(track: uuid, program: pid == Event.supervisor ? Array("uwrx".utf8) : [])
      processes[pid] = process
      describe(pid, process, arguments: [])
      return uuid
    }
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.trackDescriptor.uuid = uuid
    if thread != 0 {
      packet.trackDescriptor.parentUuid = parent
      packet.trackDescriptor.thread.pid = Int32(bitPattern: pid)
      packet.trackDescriptor.thread.tid = Int64(thread)
      packet.trackDescriptor.thread.threadName = "system calls"
    } else {
      packet.trackDescriptor.name = "uwrx"
    }
    append(packet)
    return uuid
  }

  private func describe(_ pid: UInt32, _ process: Process, arguments: [Slice<UnsafeBufferPointer<UInt8>>]) {
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.trackDescriptor.uuid = process.track
    packet.trackDescriptor.process.pid = Int32(bitPattern: pid)
    packet.trackDescriptor.process.legacySortIndex = Int32(bitPattern: pid)
    if !process.program.isEmpty {
      packet.trackDescriptor.process.processName = String(decoding: process.program, as: UTF8.self)
    }
    var length = 0
    for argument in arguments {
      length += argument.count
      if length > Self.maximumCommandLength { break }
      packet.trackDescriptor.process.cmdline.append(String(decoding: Escaping.escape(argument), as: UTF8.self))
    }
    append(packet)
  }

  // MARK: The beginning

  private func begin(_ time: UInt64) {
    hasBegun = true
    lastTime = time
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.sequenceFlags = 3
    packet.systemInfo.tracingServiceVersion = Self.version
    append(packet)
    snapshotClocks(time, UnsafeBufferPointer(start: nil, count: 0))
    packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.sequenceFlags = 3
    packet.tracePacketDefaults.timestampClockID = UInt32(Self.clock)
    packet.internedData.eventCategories = Category.allCases.map { category in
      Perfetto_Protos_EventCategory.with {
        $0.iid = UInt64(category.rawValue)
        $0.name = "\(category)"
      }
    }
    packet.internedData.eventNames = EventKind.allCases.map { kind in
      Perfetto_Protos_EventName.with {
        $0.iid = UInt64(kind.rawValue)
        $0.name = EventShape.all[Int(kind.rawValue)].title
      }
    }
    packet.internedData.eventNames.append(
      .with {
        $0.iid = Self.endName
        $0.name = "end of the record"
      })
    packet.internedData.debugAnnotationNames = Annotation.allCases.map { annotation in
      Perfetto_Protos_DebugAnnotationName.with {
        $0.iid = UInt64(annotation.rawValue)
        $0.name = annotation.title
      }
    }
    packet.internedData.debugAnnotationStringValues = [
      .with {
        $0.iid = Self.rootPath
        $0.str = .init([UInt8(ascii: "/")])
      }
    ]
    append(packet)
  }

  /// Says what time it is by the clock of the packets, the monotonic clock, and if it is known the wall clock.
  private func snapshotClocks(_ time: UInt64, _ realTime: UnsafeBufferPointer<UInt8>) {
    guard time >= lastTime else { return }
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.clockSnapshot.primaryTraceClock = .monotonic
    packet.clockSnapshot.clocks = [
      .with {
        $0.clockID = UInt32(Self.monotonicClock)
        $0.timestamp = time
      },
      .with {
        $0.clockID = UInt32(Self.clock)
        $0.timestamp = time
        $0.isIncremental = true
      },
    ]
    if realTime.count == 8 {
      packet.clockSnapshot.clocks.append(
        .with {
          $0.clockID = UInt32(Perfetto_Protos_BuiltinClock.realtime.rawValue)
          $0.timestamp = UnsafeRawPointer(realTime.baseAddress!).loadUnaligned(as: UInt64.self)
        })
    }
    lastTime = time
    append(packet)
  }

  // MARK: Names

  private func annotate(_ payload: EventShape.Payload, _ name: UnsafeBufferPointer<UInt8>) {
    guard name.count > 0 else { return }
    switch payload {
    case .text(let annotation):
      annotate(annotation, texts: [name[...]], isList: false)
      return
    case .list(let annotation):
      guard name.last == 0 else { break }
      annotate(annotation, texts: name.dropLast().split(separator: 0, omittingEmptySubsequences: false), isList: true)
      return
    case .pair(let first, let second):
      let parts = name.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, Self.isText(parts[0]) else { break }
      annotate(first, text: Array(parts[0]))
      let values = parts[1].split(separator: 0, omittingEmptySubsequences: false)
      annotate(second, texts: values, isList: values.count > 1)
      return
    case .numbers(let annotations):
      guard name.count == 8 * annotations.count else { break }
      for (index, annotation) in annotations.enumerated() {
        let number = UnsafeRawPointer(name.baseAddress!).loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
        if index == 0 || number != 0 { annotate(annotation, number) }
      }
      return
    case .number(let annotation):
      guard name.count == 4 else { break }
      annotate(annotation, UInt64(UnsafeRawPointer(name.baseAddress!).loadUnaligned(as: UInt32.self)))
      return
    case .socketAddress:
      if let text = SocketAddress.text(name) { annotate(.address, text: text) }
      annotate(.socketAddress, texts: [name[...]], isList: false)
      return
    case .none: break
    }
    annotate(.data, texts: [name[...]], isList: false)
  }

  private static func isText(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
  }

  private func annotate(_ annotation: Annotation, texts: [Slice<UnsafeBufferPointer<UInt8>>], isList: Bool) {
    let isText = texts.allSatisfy(Self.isText)
    let start = packets.open(4)
    packets.integer(1, UInt64(annotation.rawValue))
    for text in texts {
      let element = isList ? packets.open(12) : 0
      if isText {
        packets.bytes(6, UnsafeBufferPointer(rebasing: text))
      } else {
        packets.bytes(6, Escaping.escape(text))
      }
      if isList { packets.close(element) }
    }
    packets.close(start)
    if !isText { annotate(.isEscaped, 1) }
  }
}

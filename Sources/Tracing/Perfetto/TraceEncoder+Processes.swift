extension TraceEncoder {
  func encodeSpawn(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
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
  func encodeArguments(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
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
  func encodeExit(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
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

  static func outcome(_ status: UInt32) -> [UInt8] {
    let signal = status & 0x7f
    return Array((signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)").utf8)
  }

  func openProgram(_ process: Process) -> (packet: Int, slice: Int) {
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

  func beginProgram(_ pid: UInt32, _ time: UInt64, isSpawned: Bool = false) {
    guard let process = processes[pid] else { return }
    if !isSpawned { describe(pid, process, arguments: []) }
    let (packet, slice) = openProgram(process)
    if isSpawned { packets.fixed64(48, UInt64(pid)) }
    packets.close(slice)
    closePacket(packet, time)
    processes[pid]?.isRunning = true
  }

  func endProgram(_ pid: UInt32, _ time: UInt64) {
    guard let process = processes[pid], process.isRunning else { return }
    processes[pid]?.isRunning = false
    let packet = openPacket()
    let slice = packets.open(11)
    packets.integer(11, process.track)
    packets.integer(9, 2)
    packets.close(slice)
    closePacket(packet, time)
  }

  func programName(_ node: UInt32) -> [UInt8] {
    Escaping.escape(nodes.path(of: node).split(separator: UInt8(ascii: "/")).last ?? [])
  }

  /// The number of the track of a thread, or with thread 0 of the process; it is described when it is new.
  func track(_ pid: UInt32, _ thread: UInt32) -> UInt64 {
    let key = UInt64(pid) << 32 | UInt64(thread)
    if lastTrack.key == key, lastTrack.uuid != 0 { return lastTrack.uuid }
    if let known = tracks[key] {
      lastTrack = (key, known)
      return known
    }
    let parent = thread == 0 ? 0 : track(pid, 0)
    lastTrackNumber += 1
    let uuid = lastTrackNumber
    tracks[key] = uuid
    if thread != 0 { processes[pid]?.threads.append(thread) }
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

  /// The process has ended. What is told of it later, such as where its versions are kept, is told on new tracks of the same process.
  func forget(_ pid: UInt32) {
    let process = processes.removeValue(forKey: pid)
    for thread in [0] + (process?.threads ?? []) { tracks[UInt64(pid) << 32 | UInt64(thread)] = nil }
    lastTrack = (0, 0)
  }

  func describe(_ pid: UInt32, _ process: Process, arguments: [Slice<UnsafeBufferPointer<UInt8>>]) {
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
}

/// The slices of programs, on the track of the process and on its row.
extension TraceEncoder {
  func encodeSpawn(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard name.count == 4, event.pid != 0 else { return false }
    let parent = track(event.node, 0)
    forget(event.pid)
    processes[event.pid] = Process(parent: event.node, program: processes[event.node]?.program ?? [])
    _ = track(event.pid, 0)
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
    guard event.duration == 0, name.count > 0, processes[event.pid] != nil else { return false }
    let words = name.split(separator: 0)
    // Who has called `gcc` or `sh` looks for that, not for the file that it led to, which the exec tells.
    if let called = words.first?.split(separator: UInt8(ascii: "/")).last, called.count <= Self.maximumNameLength {
      processes[event.pid]?.program = Escaping.escape(called)
    }
    nameProcess(event.pid)
    describe(event.pid, arguments: words)
    let path = path(of: event.node)
    beginSlices(event.pid, event.time) {
      if path != 0 {
        annotate(.workingDirectory, path: path)
      } else {
        annotate(.node, nonzero: UInt64(event.node))
      }
      annotate(.environment, nonzero: UInt64(event.version))
      annotate(.thread, nonzero: UInt64(event.thread))
      annotate(.flags, nonzero: UInt64(event.flags))
      annotate(.list(.arguments), name)
    }
    return true
  }

  /// Ends the slice of the process's program, with the process's end as its arguments.
  /// - Returns: false if there is none.
  func encodeExit(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let process = processes[event.pid], process.isRunning, event.duration == 0 else { return false }
    endSlices(event.pid, event.time) {
      annotate(.status, UInt64(event.version))
      annotate(.outcome, text: Self.outcome(event.version))
      annotate(.node, nonzero: UInt64(event.node))
      annotate(.thread, nonzero: UInt64(event.thread))
      annotate(.flags, nonzero: UInt64(event.flags))
      annotate(EventShape.all[Int(event.kind)].payload, name)
    }
    return true
  }

  static func outcome(_ status: UInt32) -> [UInt8] {
    let signal = status & 0x7f
    return Array((signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)").utf8)
  }

  func beginProgram(_ pid: UInt32, _ time: UInt64, isSpawned: Bool = false) {
    guard processes[pid] != nil else { return }
    if !isSpawned { nameProcess(pid) }
    var isFirst = true
    beginSlices(pid, time) {
      if isSpawned, isFirst { packets.fixed64(48, UInt64(pid)) }
      isFirst = false
    }
  }

  func endProgram(_ pid: UInt32, _ time: UInt64) {
    if processes[pid]?.isRunning == true { endSlices(pid, time) {} }
  }

  /// - Parameter arguments: writes what else each of the two slices has.
  private func beginSlices(_ pid: UInt32, _ time: UInt64, _ arguments: () -> Void) {
    guard let process = processes[pid] else { return }
    processes[pid]?.isRunning = true
    for track in slices(pid) {
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
      let slice = openEvent(track, .process, name: number)
      if number == nil { packets.bytes(23, process.program) }
      arguments()
      packets.integer(9, 1)
      packets.close(slice)
      closePacket(packet, time)
    }
  }

  private func endSlices(_ pid: UInt32, _ time: UInt64, _ arguments: () -> Void) {
    processes[pid]?.isRunning = false
    for track in slices(pid) {
      let packet = openPacket()
      let slice = packets.open(11)
      packets.integer(11, track.uuid)
      arguments()
      packets.integer(9, 2)
      packets.close(slice)
      closePacket(packet, time)
    }
  }

  /// The supervisor has no row.
  private func slices(_ pid: UInt32) -> [TrackNumber] {
    pid == Event.supervisor ? [track(pid, 0)] : [track(pid, 0), TrackNumber(rowOf: pid)]
  }

  func programName(_ node: UInt32) -> [UInt8] {
    Escaping.escape(nodes.path(of: node).split(separator: UInt8(ascii: "/")).last ?? [])
  }
}

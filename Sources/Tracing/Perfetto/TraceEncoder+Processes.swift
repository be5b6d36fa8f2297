/// The slices of programs, on the track of the process and on its row.
extension TraceEncoder {
  func encodeSpawn(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard name.count == 4, event.pid != 0 else { return false }
    let parent = track(event.node, 0)
    forget(event.pid)
    processes[event.pid] = Process(
      parent: event.node, guest: event.version, beginning: event.time, program: processes[event.node]?.program ?? [])
    let packet = openPacket()
    let slice = packets.open(11)
    packets.fixed64(47, UInt64(event.pid))
    annotate(.process, UInt64(event.pid))
    annotate(.thread, nonzero: UInt64(event.thread))
    annotate(.guestProcess, nonzero: UInt64(event.version))
    annotate(.flags, nonzero: UInt64(event.flags))
    annotate(.number(.hostProcess), name)
    annotate(.duration, nonzero: UInt64(event.duration))
    closeEvent(slice, parent, .process, name: UInt64(event.kind), .instant)
    closePacket(packet, event.time)
    return true
  }

  /// - Returns: false if there is no slice of a program that these could begin.
  func encodeArguments(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard event.duration == 0, name.count > 0, processes[event.pid] != nil else { return false }
    // Who has called `gcc` or `sh` looks for that, not for the file that it led to, which the exec tells.
    let called = name.split(separator: 0).first?.split(separator: UInt8(ascii: "/")).last ?? []
    if called.count > 0, called.count <= Self.maximumNameLength {
      processes[event.pid]?.program = Escaping.escape(called)
    }
    nameProcess(event.pid)
    let path = path(of: event.node)
    beginSlices(event.pid, event.time) { isRow in
      if isRow { return annotate(.list(.arguments), name) }
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
    showFork(event.pid)
    guard let process = processes[event.pid], process.isRunning, event.duration == 0 else { return false }
    endSlices(event.pid, event.time) { isRow in
      annotate(.outcome, text: Self.outcome(event.version) + (process.isSkipped ? Array(", skipped".utf8) : []))
      if isRow { return }
      annotate(.status, UInt64(event.version))
      annotate(.node, nonzero: UInt64(event.node))
      annotate(.thread, nonzero: UInt64(event.thread))
      annotate(.flags, nonzero: UInt64(event.flags))
      annotate(EventShape.all[Int(event.kind)].payload, name)
    }
    return true
  }

  private static func outcome(_ status: UInt32) -> [UInt8] {
    let signal = status & 0x7f
    return Array((signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)").utf8)
  }

  func beginProgram(_ pid: UInt32, _ time: UInt64) {
    nameProcess(pid)
    beginSlices(pid, time) { _ in }
  }

  func endProgram(_ pid: UInt32, _ time: UInt64) {
    if processes[pid]?.isRunning == true { endSlices(pid, time) { _ in } }
  }

  /// The row of a process shows what was skipped, until its program ends.
  func beginSkip(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard let process = processes[event.pid], process.isRunning, !process.isSkipped else { return }
    processes[event.pid]?.isSkipped = true
    let packet = openPacket()
    let slice = packets.open(11)
    annotate(EventShape.all[Int(event.kind)].payload, name)
    closeEvent(slice, TrackNumber(rowOf: event.pid), .process, name: UInt64(event.kind), .begin)
    closePacket(packet, event.time)
  }

  /// A process that has run no program of its own shows that of its parent, since its beginning.
  func showFork(_ pid: UInt32) {
    nameProcess(pid)
    if let process = processes[pid], !process.hasRun, process.beginning != 0 { beginProgram(pid, process.beginning) }
  }

  /// - Parameter arguments: writes what else each of the two slices has.
  private func beginSlices(_ pid: UInt32, _ time: UInt64, _ arguments: (_ isRow: Bool) -> Void) {
    guard let process = processes[pid] else { return }
    processes[pid]?.isRunning = true
    processes[pid]?.hasRun = true
    for track in slices(pid) {
      let packet = openPacket()
      let number = programName(process.program)
      let slice = packets.open(11)
      // The end of the arrow from where it was forked.
      if !track.isRow, !process.hasRun, process.beginning != 0 { packets.fixed64(48, UInt64(pid)) }
      if number == nil { packets.bytes(23, process.program) }
      arguments(track.isRow)
      closeEvent(slice, track, .process, name: number, .begin)
      closePacket(packet, time)
    }
  }

  private func endSlices(_ pid: UInt32, _ time: UInt64, _ arguments: (_ isRow: Bool) -> Void) {
    processes[pid]?.isRunning = false
    if processes[pid]?.isSkipped == true {
      processes[pid]?.isSkipped = false
      let packet = openPacket()
      closeEvent(packets.open(11), TrackNumber(rowOf: pid), nil, name: nil, .end)
      closePacket(packet, time)
    }
    for track in slices(pid) {
      let packet = openPacket()
      let slice = packets.open(11)
      arguments(track.isRow)
      closeEvent(slice, track, nil, name: nil, .end)
      closePacket(packet, time)
    }
  }

  /// The supervisor has no row.
  private func slices(_ pid: UInt32) -> [TrackNumber] {
    pid == Event.supervisor ? [track(pid, 0)] : [track(pid, 0), TrackNumber(rowOf: pid)]
  }

  /// The number of a program's name, which is defined in the packet that is open if it has none yet.
  private func programName(_ program: [UInt8]) -> UInt64? {
    if let known = programs[program] { return known }
    guard programs.count < Self.maximumProgramNames else { return nil }
    let number = Self.firstProgramName + UInt64(programs.count)
    programs[program] = number
    let data = packets.open(12)
    let entry = packets.open(2)
    packets.integer(1, number)
    packets.bytes(2, program.isEmpty ? Array("process".utf8) : program)
    packets.close(entry)
    packets.close(data)
    return number
  }
}

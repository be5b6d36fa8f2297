/// The tracks: one for each process with one for each of its threads below, and the tree of all processes, which has a row for
/// each below that of its parent. Perfetto orders processes by how busy they were; the rows stand in the order of their beginning.
extension TraceEncoder {
  /// The track of a thread, or with thread 0 of the process; it is described when it is new.
  /// - Returns: the process's if a thread cannot have that id.
  func track(_ pid: UInt32, _ thread: UInt32) -> TrackNumber {
    if lastTrack.pid == pid, lastTrack.thread == thread, let track = lastTrack.track { return track }
    let track = number(pid, thread)
    if tracks.insert(track.uuid).inserted { describe(track, thread) }
    lastTrack = (pid, thread, track)
    return track
  }

  private func number(_ pid: UInt32, _ thread: UInt32) -> TrackNumber {
    if pid == 0 { return .run }
    guard thread > 0, thread < TrackNumber.maximumThread else { return TrackNumber(process: pid) }
    if let process = processes[pid], process.guest == thread { return TrackNumber(mainThreadOf: pid) }
    return TrackNumber(pid: pid, thread: thread)
  }

  private func describe(_ track: TrackNumber, _ thread: UInt32) {
    let pid = track.pid
    if track == TrackNumber(process: pid) {
      if processes[pid] == nil {
        processes[pid] = Process(program: pid == Event.supervisor ? Array("uwrx".utf8) : [])
      }
      return pid == Event.supervisor ? nameProcess(pid) : describe(pid)
    }
    if track != .run { processes[pid]?.threads.append(track) }
    describe(track) {
      if track == .run { return packets.text(2, "uwrx") }
      let start = packets.open(4)
      packets.signed(1, Int32(bitPattern: pid))
      packets.integer(2, UInt64(thread))
      packets.text(5, "system calls")
      packets.close(start)
      packets.integer(5, TrackNumber(process: pid).uuid)
    }
  }

  private func describe(_ pid: UInt32) {
    let process = processes[pid]
    let program = process?.isNamed == true ? process?.program ?? [] : []
    describe(TrackNumber(process: pid)) {
      let start = packets.open(3)
      packets.signed(1, Int32(bitPattern: pid))
      // Perfetto takes no other numbers than whole ones, and shows the name before them.
      let number = numbers[pid].isDotted ? " \(numbers[pid])" : ""
      if !program.isEmpty { packets.text(6, String(decoding: program, as: UTF8.self) + number) }
      packets.close(start)
    }
  }

  /// Names a process, and gives it its row. Called as late as can be: neither name changes any more, and what a process runs first
  /// is mostly its parent's program.
  func nameProcess(_ pid: UInt32) {
    guard let process = processes[pid], !process.isNamed else { return }
    processes[pid]?.isNamed = true
    tracks.insert(TrackNumber(process: pid).uuid)
    describe(pid)
    if pid == Event.supervisor { return }
    if tracks.insert(TrackNumber.rows.uuid).inserted {
      describe(.rows) {
        packets.text(2, "Processes")
        packets.integer(11, Self.explicitOrder)
        packets.signed(12, -1)
      }
    }
    let hasParent = process.parent > Event.supervisor && process.parent < pid
    describe(TrackNumber(rowOf: pid)) {
      packets.text(2, "\(String(decoding: process.program, as: UTF8.self)) \(numbers[pid])")
      packets.integer(5, TrackNumber(rowOf: hasParent ? process.parent : 0).uuid)
      packets.integer(11, Self.explicitOrder)
      // 3.1 comes before 4.
      packets.signed(12, Int32(bitPattern: numbers[pid].components[0]))
    }
  }

  func describe(_ track: TrackNumber, below parent: TrackNumber, _ name: String) {
    describe(track) {
      packets.text(2, name)
      packets.integer(5, parent.uuid)
    }
  }

  /// A TrackDescriptor of the track and these fields.
  private func describe(_ track: TrackNumber, _ fields: () -> Void) {
    let packet = openPacket()
    packets.integer(10, Self.sequence)
    let descriptor = packets.open(60)
    packets.integer(1, track.uuid)
    fields()
    packets.close(descriptor)
    packets.close(packet)
  }

  /// The process has ended. What is told of it later, such as where its versions are kept, describes its track again.
  func forget(_ pid: UInt32) {
    guard let process = processes.removeValue(forKey: pid) else { return }
    for track in process.threads { tracks.remove(track.uuid) }
    tracks.remove(TrackNumber(process: pid).uuid)
    lastTrack.track = nil
  }
}

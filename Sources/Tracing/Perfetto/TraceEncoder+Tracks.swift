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
    append(
      describing(track) {
        if track == .run {
          $0.name = "uwrx"
        } else {
          $0.parentUuid = TrackNumber(process: pid).uuid
          $0.thread.pid = Int32(bitPattern: pid)
          $0.thread.tid = Int64(thread)
          $0.thread.threadName = "system calls"
        }
      })
  }

  private func describe(_ pid: UInt32) {
    let process = processes[pid]
    let program = process?.isNamed == true ? process?.program ?? [] : []
    append(
      describing(TrackNumber(process: pid)) {
        $0.process.pid = Int32(bitPattern: pid)
        // Perfetto takes no other numbers than whole ones, and shows the name before them.
        let number = numbers[pid].isDotted ? " \(numbers[pid])" : ""
        if !program.isEmpty { $0.process.processName = String(decoding: program, as: UTF8.self) + number }
      })
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
      append(
        describing(.rows) {
          $0.name = "Processes"
          $0.childOrdering = .explicit
          $0.siblingOrderRank = -1
        })
    }
    let hasParent = process.parent > Event.supervisor && process.parent < pid
    append(
      describing(TrackNumber(rowOf: pid)) {
        $0.parentUuid = TrackNumber(rowOf: hasParent ? process.parent : 0).uuid
        $0.name = "\(String(decoding: process.program, as: UTF8.self)) \(numbers[pid])"
        $0.childOrdering = .explicit
        // 3.1 comes before 4.
        $0.siblingOrderRank = Int32(bitPattern: numbers[pid].components[0])
      })
  }

  func describe(_ track: TrackNumber, below parent: TrackNumber, _ name: String) {
    append(
      describing(track) {
        $0.parentUuid = parent.uuid
        $0.name = name
      })
  }

  private func describing(
    _ track: TrackNumber, _ describe: (inout Perfetto_Protos_TrackDescriptor) -> Void
  ) -> Perfetto_Protos_TracePacket {
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.trackDescriptor.uuid = track.uuid
    describe(&packet.trackDescriptor)
    return packet
  }

  /// The process has ended. What is told of it later, such as where its versions are kept, describes its track again.
  func forget(_ pid: UInt32) {
    guard let process = processes.removeValue(forKey: pid) else { return }
    for track in process.threads { tracks.remove(track.uuid) }
    tracks.remove(TrackNumber(process: pid).uuid)
    lastTrack.track = nil
  }
}

/// The tracks: one for each process with one for each of its threads below, and the tree of all processes, which has a row for
/// each below that of its parent. Perfetto orders processes by how busy they were; the rows stand in the order of their beginning.
extension TraceEncoder {
  /// The track of a thread, or with thread 0 of the process; it is described when it is new.
  /// - Returns: the process's if a thread cannot have that id.
  func track(_ pid: UInt32, _ thread: UInt32) -> TrackNumber {
    if lastTrack.pid == pid, lastTrack.thread == thread, let track = lastTrack.track { return track }
    let track = pid == 0 ? .run : TrackNumber(pid: pid, thread: thread < TrackNumber.maximumThread ? thread : 0)
    if tracks.insert(track.uuid).inserted { describe(track) }
    lastTrack = (pid, thread, track)
    return track
  }

  private func describe(_ track: TrackNumber) {
    if track.thread != 0 {
      _ = self.track(track.pid, 0)
      processes[track.pid]?.threads.append(track.thread)
    } else if track != .run {
      if processes[track.pid] == nil {
        processes[track.pid] = Process(program: track.pid == Event.supervisor ? Array("uwrx".utf8) : [])
      }
      if track.pid == Event.supervisor { return nameProcess(track.pid) }
      return describe(track.pid, arguments: [])
    }
    append(
      describing(track) {
        if track == .run {
          $0.name = "uwrx"
        } else {
          $0.parentUuid = TrackNumber(pid: track.pid, thread: 0).uuid
          $0.thread.pid = Int32(bitPattern: track.pid)
          $0.thread.tid = Int64(track.thread)
          $0.thread.threadName = "system calls"
        }
      })
  }

  /// Tells of a process what is known by now; what was told before and is not told now stays.
  func describe(_ pid: UInt32, arguments: [Slice<UnsafeBufferPointer<UInt8>>]) {
    let process = processes[pid]
    let program = process?.isNamed == true ? process?.program ?? [] : []
    append(
      describing(TrackNumber(pid: pid, thread: 0)) {
        $0.process.pid = Int32(bitPattern: pid)
        $0.process.legacySortIndex = Int32(bitPattern: pid)
        if !program.isEmpty { $0.process.processName = String(decoding: program, as: UTF8.self) }
        var length = 0
        for argument in arguments {
          length += argument.count
          if length > Self.maximumCommandLength { break }
          $0.process.cmdline.append(String(decoding: Escaping.escape(argument), as: UTF8.self))
        }
      })
  }

  /// Names a process, and gives it its row. Called as late as can be: neither name changes any more, and what a process runs first
  /// is mostly its parent's program.
  func nameProcess(_ pid: UInt32) {
    guard let process = processes[pid], !process.isNamed else { return }
    processes[pid]?.isNamed = true
    describe(pid, arguments: [])
    if pid == Event.supervisor { return }
    let hasParent = process.parent > Event.supervisor && process.parent < pid
    if tracks.insert(TrackNumber.rows.uuid).inserted {
      append(
        describing(.rows) {
          $0.name = "Processes"
          $0.childOrdering = .explicit
          $0.siblingOrderRank = -1
        })
    }
    append(
      describing(TrackNumber(rowOf: pid)) {
        $0.parentUuid = TrackNumber(rowOf: hasParent ? process.parent : 0).uuid
        $0.name = "\(String(decoding: process.program, as: UTF8.self)) \(pid)"
        $0.childOrdering = .explicit
        $0.siblingOrderRank = Int32(bitPattern: pid)
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
    for thread in [0] + process.threads { tracks.remove(TrackNumber(pid: pid, thread: thread).uuid) }
    lastTrack.track = nil
  }
}

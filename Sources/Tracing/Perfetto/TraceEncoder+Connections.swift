/// The slices of connections and of the requests on them, on tracks of their own below the process that has made them.
///
/// What does not look as the network's other side tells it is an instant of its process, as any other event.
extension TraceEncoder {
  /// Connections whose ends are not told yet.
  private static let maximumConnections = 1 << 16
  private static let longestTitle = 200

  func encodeConnection(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard isPlain(event), name.count > 0, Self.isText(name[...]), connections[event.version] == nil,
      connections.count < Self.maximumConnections
    else { return false }
    connections[event.version] = [event.time]
    let track = TrackNumber(connection: event.version)
    // A number can come again after its end.
    if tracks.insert(track.uuid).inserted {
      describe(track, below: self.track(event.pid, 0), "connection \(event.version)")
    }
    let packet = openPacket()
    let slice = packets.open(11)
    packets.bytes(23, Array(name.prefix(Self.longestTitle)))
    annotate(event)
    annotate(EventShape.all[Int(event.kind)].payload, name)
    closeEvent(slice, track, .network, name: nil, .begin)
    closePacket(packet, event.time)
    return true
  }

  func encodeConnectionEnd(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard isPlain(event), name.count == 16, let lanes = connections.removeValue(forKey: event.version) else {
      return false
    }
    for lane in lanes.indices { tracks.remove(TrackNumber(connection: event.version, lane: lane).uuid) }
    let packet = openPacket()
    let slice = packets.open(11)
    annotate(event)
    annotate(EventShape.all[Int(event.kind)].payload, name)
    closeEvent(slice, TrackNumber(connection: event.version), nil, name: nil, .end)
    closePacket(packet, event.time)
    return true
  }

  /// Requests that were on their way at once would cross each other on one track: each goes where none is.
  func encodeRequest(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
    guard isPlain(event), let request = RequestRecord(name), request.bytes.elementsEqual(name),
      var lanes = connections[event.version]
    else { return false }
    let (end, isTooOld) = event.time.subtractingReportingOverflow(request.age)
    let (time, isTooLong) = end.subtractingReportingOverflow(request.duration)
    guard !isTooOld, !isTooLong else { return false }
    let free = lanes.firstIndex { $0 <= time } ?? lanes.count
    guard free < TrackNumber.maximumLanes else { return false }
    if free == lanes.count { lanes.append(end) } else { lanes[free] = end }
    connections[event.version] = lanes
    let track = TrackNumber(connection: event.version, lane: free)
    if tracks.insert(track.uuid).inserted {
      describe(track, below: TrackNumber(connection: event.version), "more requests of connection \(event.version)")
    }
    var packet = openPacket()
    var slice = packets.open(11)
    packets.bytes(23, Array("\(request.method) \(request.url)".utf8.prefix(Self.longestTitle)))
    closeEvent(slice, track, .network, name: nil, .begin)
    closePacket(packet, time)
    packet = openPacket()
    slice = packets.open(11)
    annotate(event)
    annotate(EventShape.all[Int(event.kind)].payload, name)
    closeEvent(slice, track, nil, name: nil, .end)
    closePacket(packet, end)
    return true
  }

  private func isPlain(_ event: Event) -> Bool {
    event.pid != 0 && event.node == 0 && event.thread == 0 && event.flags == 0 && event.duration == 0
  }

  private func annotate(_ event: Event) {
    annotate(.process, UInt64(event.pid))
    annotate(.connection, nonzero: UInt64(event.version))
  }
}

extension TraceEncoder {
  func begin(_ time: UInt64) {
    hasBegun = true
    lastTime = time - time % Self.clockUnit
    let packet = openPacket()
    packets.integer(10, Self.sequence)
    packets.integer(13, 3)
    let information = packets.open(45)
    packets.text(4, Self.version)
    packets.close(information)
    packets.close(packet)
    snapshotClocks(time, UnsafeBufferPointer(start: nil, count: 0))
    defineNames()
  }

  /// Defines what all events have in common; what was defined before holds no more.
  func defineNames() {
    let packet = openPacket()
    packets.integer(10, Self.sequence)
    let names = packets.open(12)
    for category in Category.allCases { define(1, UInt64(category.rawValue), category.title) }
    for kind in EventKind.allCases { define(2, UInt64(kind.rawValue), EventShape.all[Int(kind.rawValue)].title) }
    define(2, Self.endName, "end of the record")
    for annotation in Annotation.allCases { define(3, UInt64(annotation.rawValue), annotation.title) }
    define(29, UInt64(Self.rootPath), "/")
    packets.close(names)
    packets.integer(13, 3)
    let packetDefaults = packets.open(59)
    // Other defaults for each process would save an event half a byte, but Perfetto's trace processor copies all interned
    // names for each: 190,000 of them exhaust its memory.
    let eventDefaults = packets.open(11)
    packets.integer(11, Self.defaultTrack.uuid)
    packets.close(eventDefaults)
    packets.integer(58, Self.clock)
    packets.close(packetDefaults)
    packets.close(packet)
  }

  private func define(_ field: UInt32, _ number: UInt64, _ name: String) {
    let start = packets.open(field)
    packets.integer(1, number)
    packets.text(2, name)
    packets.close(start)
  }

  /// Says what time it is by the clock of the packets, the monotonic clock, and if it is known the wall clock.
  func snapshotClocks(_ time: UInt64, _ realTime: UnsafeBufferPointer<UInt8>) {
    let rest = time % Self.clockUnit
    let time = time - rest
    guard time >= lastTime else { return }
    let packet = openPacket()
    let snapshot = packets.open(6)
    let monotonic = openClock(Self.monotonicClock, time)
    packets.close(monotonic)
    let own = openClock(Self.clock, time / Self.clockUnit)
    packets.integer(3, 1)
    packets.integer(4, Self.clockUnit)
    packets.close(own)
    if realTime.count == 8 {
      let nanoseconds = UnsafeRawPointer(realTime.baseAddress!).loadUnaligned(as: UInt64.self)
      let real = openClock(Self.realClock, nanoseconds &- rest)
      packets.close(real)
    }
    packets.integer(2, Self.monotonicClock)
    packets.close(snapshot)
    packets.integer(10, Self.sequence)
    packets.close(packet)
    lastTime = time
  }

  private func openClock(_ clock: UInt64, _ time: UInt64) -> Int {
    let start = packets.open(1)
    packets.integer(1, clock)
    packets.integer(2, time)
    return start
  }
}

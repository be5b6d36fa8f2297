extension TraceEncoder {
  func begin(_ time: UInt64) {
    hasBegun = true
    lastTime = time - time % Self.clockUnit
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.sequenceFlags = 3
    packet.systemInfo.tracingServiceVersion = Self.version
    append(packet)
    snapshotClocks(time, UnsafeBufferPointer(start: nil, count: 0))
    defineNames()
  }

  /// Defines what all events have in common; what was defined before holds no more.
  func defineNames() {
    var packet = Perfetto_Protos_TracePacket()
    packet.trustedPacketSequenceID = UInt32(Self.sequence)
    packet.sequenceFlags = 3
    packet.tracePacketDefaults.timestampClockID = UInt32(Self.clock)
    // Other defaults for each process would save an event half a byte, but Perfetto's trace processor copies all interned
    // names for each: 190,000 of them exhaust its memory.
    packet.tracePacketDefaults.trackEventDefaults.trackUuid = Self.defaultTrack.uuid
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
        $0.iid = UInt64(Self.rootPath)
        $0.str = .init([UInt8(ascii: "/")])
      }
    ]
    append(packet)
  }

  /// Says what time it is by the clock of the packets, the monotonic clock, and if it is known the wall clock.
  func snapshotClocks(_ time: UInt64, _ realTime: UnsafeBufferPointer<UInt8>) {
    let rest = time % Self.clockUnit
    let time = time - rest
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
        $0.timestamp = time / Self.clockUnit
        $0.isIncremental = true
        $0.unitMultiplierNs = Self.clockUnit
      },
    ]
    if realTime.count == 8 {
      packet.clockSnapshot.clocks.append(
        .with {
          $0.clockID = UInt32(Perfetto_Protos_BuiltinClock.realtime.rawValue)
          $0.timestamp = UnsafeRawPointer(realTime.baseAddress!).loadUnaligned(as: UInt64.self) &- rest
        })
    }
    lastTime = time
    append(packet)
  }
}

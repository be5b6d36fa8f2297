import Glibc

/// Tells the events of the packets that `TraceEncoder` has made, whatever the packets are.
struct TraceDecoder: ~Copyable {
  /// The packets make no sense.
  struct Damage: Error {}

  private struct Path {
    /// The node that has the path, or for what was missing the directory.
    var node: UInt32
    /// The name that was missing, in `names`; nothing for a node.
    var name: Range<Int>
  }

  private var clock: UInt64 = 0
  private var hasBegun = false
  private var eventCount: UInt64 = 0
  /// Whether the packet was read that tells that there are no more.
  private(set) var hasEnded = false
  /// The ids in the guest of the processes that live.
  private var guests: [UInt32: UInt32] = [:]
  /// By their numbers less 1.
  private var paths: [Path] = []
  private var names: [UInt8] = []
  private var values = AnnotationValues()
  private var payload: UnsafeMutableBufferPointer<UInt8> = .allocate(capacity: Int(UInt16.max) + 1)
  private var payloadLength = 0

  init() {}

  deinit { payload.deallocate() }

  /// - Returns: nil if the packet tells no event; the name is valid until the next call.
  mutating func decode(
    _ packet: UnsafeBufferPointer<UInt8>
  ) throws(Damage) -> (Event, UnsafeBufferPointer<UInt8>)? {
    var fields = PacketReader(packet)
    var time: UInt64?
    var timeClock = TraceEncoder.clock
    var event: UnsafeBufferPointer<UInt8>?
    var interned: UnsafeBufferPointer<UInt8>?
    payloadLength = 0
    while let (number, value) = fields.field() {
      switch (number, value) {
      case (8, .integer(let value)): time = value
      case (58, .integer(let value)): timeClock = value
      case (10, .integer(TraceEncoder.sequence)), (13, .integer(2)): break
      case (13, .integer): forgetPaths()
      case (11, .bytes(let bytes)): event = bytes
      case (12, .bytes(let bytes)): interned = bytes
      case (6, .bytes(let bytes)): try setClock(bytes)
      case (45, .bytes(let bytes)): try begin(bytes)
      case (59, .bytes): break
      case (60, .bytes(let bytes)): try checkTrack(bytes)
      default: throw Damage()
      }
    }
    guard !fields.isDamaged, hasBegun, !hasEnded else { throw Damage() }
    guard var time else {
      if let interned { try definePaths(interned) }
      return nil
    }
    if timeClock == TraceEncoder.clock {
      clock &+= time &* TraceEncoder.clockUnit
      time = clock
    } else if timeClock != TraceEncoder.monotonicClock {
      throw Damage()
    }
    let decoded = if let event { try decode(event, interned, time) } else { try defineNode(interned, time) }
    if decoded != nil { eventCount += 1 }
    return decoded
  }

  // MARK: Rare packets

  private mutating func begin(_ bytes: UnsafeBufferPointer<UInt8>) throws(Damage) {
    var version: UnsafeBufferPointer<UInt8>?
    try Self.forEachField(bytes) { number, value throws(Damage) in
      if number == 4, case .bytes(let text) = value { version = text }
    }
    guard let version, version.elementsEqual(TraceEncoder.version.utf8), !hasBegun else { throw Damage() }
    hasBegun = true
  }

  private static func forEachField(
    _ message: UnsafeBufferPointer<UInt8>, _ body: (UInt32, PacketReader.Value) throws(Damage) -> Void
  ) throws(Damage) {
    var fields = PacketReader(message)
    while let (number, value) = fields.field() { try body(number, value) }
    guard !fields.isDamaged else { throw Damage() }
  }

  private mutating func setClock(_ bytes: UnsafeBufferPointer<UInt8>) throws(Damage) {
    var own: (timestamp: UInt64, unit: UInt64)?
    try Self.forEachField(bytes) { number, value throws(Damage) in
      guard number == 1, case .bytes(let clock) = value else { return }
      var (id, timestamp, unit) = (0 as UInt64, 0 as UInt64, 1 as UInt64)
      try Self.forEachField(clock) { number, value throws(Damage) in
        switch (number, value) {
        case (1, .integer(let value)): id = value
        case (2, .integer(let value)): timestamp = value
        case (4, .integer(let value)): unit = value
        default: break
        }
      }
      if id == TraceEncoder.clock, own == nil { own = (timestamp, unit) }
    }
    guard let own, own.unit == TraceEncoder.clockUnit else { throw Damage() }
    clock = own.timestamp &* TraceEncoder.clockUnit
  }

  private func checkTrack(_ bytes: UnsafeBufferPointer<UInt8>) throws(Damage) {
    var (uuid, process, thread) = (0 as UInt64, nil as UInt64?, nil as UInt64?)
    try Self.forEachField(bytes) { number, value throws(Damage) in
      switch (number, value) {
      case (1, .integer(let value)): uuid = value
      case (3, .bytes(let message)): process = try Self.integer(1, of: message)
      case (4, .bytes(let message)): thread = try Self.integer(2, of: message)
      default: break
      }
    }
    guard let track = TrackNumber(uuid), process == nil || UInt32(truncatingIfNeeded: process!) == track.pid else {
      throw Damage()
    }
    if let thread, try UInt64(self.thread(of: track)) != thread { throw Damage() }
  }

  /// A field that is 0 if it is not told.
  private static func integer(_ field: UInt32, of message: UnsafeBufferPointer<UInt8>) throws(Damage) -> UInt64 {
    var result: UInt64 = 0
    try forEachField(message) { number, value throws(Damage) in
      if number == field, case .integer(let value) = value { result = value }
    }
    return result
  }

  /// Of the events on a track that tell no other.
  private func thread(of track: TrackNumber) throws(Damage) -> UInt32 {
    guard track.isMainThread else { return track.thread }
    guard let guest = guests[track.pid] else { throw Damage() }
    return guest
  }

  // MARK: Paths

  private struct InternedPath {
    var number: UInt64 = 0
    var text = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    /// 0 if it is not told.
    var node: UInt32 = 0
  }

  private mutating func forgetPaths() {
    paths = [Path(node: Event.rootNode, name: 0..<0)]
    names = []
  }

  /// The entries of `debug_annotation_string_values`.
  private func strings(_ interned: UnsafeBufferPointer<UInt8>) throws(Damage) -> [InternedPath] {
    var result: [InternedPath] = []
    var entries = PacketReader(interned)
    while let (number, value) = entries.field() {
      guard number == 29, case .bytes(let bytes) = value else { continue }
      var entry = InternedPath()
      var fields = PacketReader(bytes)
      while let (number, value) = fields.field() {
        switch (number, value) {
        case (1, .integer(let value)): entry.number = value
        case (2, .bytes(let bytes)): entry.text = bytes
        case (TraceEncoder.nodeField, .integer(let value)):
          guard let node = UInt32(exactly: value), node > Event.rootNode else { throw Damage() }
          entry.node = node
        default: throw Damage()
        }
      }
      guard !fields.isDamaged else { throw Damage() }
      result.append(entry)
    }
    guard !entries.isDamaged else { throw Damage() }
    return result
  }

  private func path(_ number: UInt64) throws(Damage) -> Path {
    guard number > 0, number <= UInt64(paths.count) else { throw Damage() }
    return paths[Int(number) - 1]
  }

  /// The last component of a path.
  private func name(_ text: UnsafeBufferPointer<UInt8>) throws(Damage) -> [UInt8] {
    guard let slash = text.lastIndex(of: UInt8(ascii: "/")), let name = Escaping.unescape(text[(slash + 1)...]) else {
      throw Damage()
    }
    return name
  }

  private mutating func defineNode(
    _ interned: UnsafeBufferPointer<UInt8>?, _ time: UInt64
  ) throws(Damage) -> (Event, UnsafeBufferPointer<UInt8>)? {
    guard let interned else { throw Damage() }
    let entries = try strings(interned)
    guard entries.count == 2 else { throw Damage() }
    let parent = try path(entries[0].number)
    try definePath(entries[1])
    try append(try name(entries[1].text))
    return (Event(.node, pid: 0, node: entries[1].node, version: parent.node, time: time), named())
  }

  /// Of nodes that were defined before.
  private mutating func definePaths(_ interned: UnsafeBufferPointer<UInt8>) throws(Damage) {
    for entry in try strings(interned) where entry.number != UInt64(TraceEncoder.rootPath) { try definePath(entry) }
  }

  private mutating func definePath(_ entry: InternedPath) throws(Damage) {
    guard entry.number == UInt64(paths.count) + 1, entry.node != 0 else { throw Damage() }
    paths.append(Path(node: entry.node, name: 0..<0))
  }

  private mutating func defineMissing(_ interned: UnsafeBufferPointer<UInt8>) throws(Damage) {
    let entries = try strings(interned)
    guard !entries.isEmpty else { return }
    guard entries.count == 1, entries[0].number == UInt64(paths.count) + 1 else { throw Damage() }
    let directory = try path(try values.path(.directory))
    let name = try name(entries[0].text)
    guard directory.name.isEmpty, !name.isEmpty else { throw Damage() }
    paths.append(Path(node: directory.node, name: names.count..<names.count + name.count))
    names += name
  }

  // MARK: Events

  private mutating func decode(
    _ slice: UnsafeBufferPointer<UInt8>, _ interned: UnsafeBufferPointer<UInt8>?, _ time: UInt64
  ) throws(Damage) -> (Event, UnsafeBufferPointer<UInt8>)? {
    var name: UInt64 = 0
    var type: UInt64 = 0
    var track: TrackNumber? = TraceEncoder.defaultTrack
    var microseconds: UInt64 = 0
    values.clear()
    var fields = PacketReader(slice)
    while let (number, value) = fields.field() {
      switch (number, value) {
      case (3, .integer), (23, .bytes), (47, .integer), (48, .integer): break
      case (4, .bytes(let bytes)): try values.add(bytes)
      case (6, .bytes(let bytes)): microseconds = try Self.duration(bytes)
      case (9, .integer(let value)): type = value
      case (10, .integer(let value)): name = value
      case (11, .integer(let value)): track = TrackNumber(value)
      default: throw Damage()
      }
    }
    guard !fields.isDamaged, let track else { throw Damage() }
    // What stands there stands on the process's track, too.
    if track.isRow { return nil }
    let kind: EventKind
    switch type {
    case 1 where track.isConnection:
      // The end of a request tells all of it.
      guard values.has(.process) else { return nil }
      kind = .connection
    case 2 where track.isConnection: kind = values.has(.method) ? .request : .connectionEnd
    case 1:
      guard values.has(.arguments) || values.has(.data) else { return nil }
      kind = .arguments
    case 2:
      guard values.has(.status) else { return nil }
      kind = .exit
    default:
      if name == TraceEncoder.endName {
        guard try values.integer(.count) == eventCount else { throw Damage() }
        hasEnded = true
        return nil
      }
      guard let number = UInt8(exactly: name), let known = EventKind(rawValue: number) else { throw Damage() }
      kind = known
      if kind == .missing, let interned { try defineMissing(interned) }
    }
    let shape = EventShape.all[Int(kind.rawValue)]
    var event = Event(kind, pid: track.pid, node: 0, version: try values.word(shape.version), time: time)
    event.thread = values.has(.thread) ? try values.word(.thread) : try thread(of: track)
    event.flags = UInt8(truncatingIfNeeded: try values.word(.flags))
    event.duration = try duration(microseconds)
    if kind == .spawn, values.has(.process) {
      event.node = track.pid
      event.pid = try values.word(.process)
      guests[event.pid] = event.version
    } else if shape.node != .errno, values.has(shape.node) {
      let path = try path(try values.path(shape.node))
      event.node = path.node
      if !path.name.isEmpty { try append(names[path.name]) }
    } else {
      event.node = try values.word(shape.node == .errno ? .errno : .node)
    }
    if kind == .exit { guests[event.pid] = nil }
    if track.isConnection { event.pid = try values.word(.process) }
    try decode(shape.payload)
    event.nameLength = UInt16(payloadLength)
    return (event, named())
  }

  private func duration(_ microseconds: UInt64) throws(Damage) -> UInt32 {
    if values.has(.duration) { return try values.word(.duration) }
    let (product, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
    guard !overflow, let duration = UInt32(exactly: product &+ UInt64(try values.word(.nanoseconds))) else {
      throw Damage()
    }
    return duration
  }

  private static func duration(_ legacy: UnsafeBufferPointer<UInt8>) throws(Damage) -> UInt64 {
    var fields = PacketReader(legacy)
    var result: UInt64 = 0
    while let (number, value) = fields.field() {
      switch (number, value) {
      case (2, .integer): break
      case (3, .integer(let value)): result = value
      default: throw Damage()
      }
    }
    guard !fields.isDamaged else { throw Damage() }
    return result
  }

  // MARK: Names

  private func named() -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: payload.baseAddress, count: payloadLength)
  }

  private mutating func append(_ bytes: some Collection<UInt8>) throws(Damage) {
    guard payloadLength + bytes.count <= Int(UInt16.max) else { throw Damage() }
    _ = UnsafeMutableBufferPointer(rebasing: payload[payloadLength...]).initialize(from: bytes)
    payloadLength += bytes.count
  }

  private mutating func append<T: FixedWidthInteger>(number: T) throws(Damage) {
    guard payloadLength + MemoryLayout<T>.size <= Int(UInt16.max) else { throw Damage() }
    UnsafeMutableRawPointer(payload.baseAddress! + payloadLength).storeBytes(of: number, as: T.self)
    payloadLength += MemoryLayout<T>.size
  }

  private mutating func append(text: UnsafeBufferPointer<UInt8>) throws(Damage) {
    guard values.has(.isEscaped) else { return try append(text) }
    guard let bytes = Escaping.unescape(text) else { throw Damage() }
    try append(bytes)
  }

  private mutating func decode(_ form: EventShape.Payload) throws(Damage) {
    if values.has(.data) { return try append(text: try values.text(.data)) }
    switch form {
    case .none: break
    case .text(let annotation): if values.has(annotation) { try append(text: try values.text(annotation)) }
    case .list(let annotation):
      guard values.has(annotation) else { return }
      for text in try values.list(annotation) {
        try append(text: text)
        try append(number: UInt8(0))
      }
    case .pair(let first, let second):
      guard values.has(first) else { return }
      try append(try values.text(first))
      for text in try values.list(second) {
        try append(number: UInt8(0))
        try append(text: text)
      }
    case .numbers(let annotations):
      guard values.has(annotations[0]) else { return }
      for annotation in annotations { try append(number: try values.integer(annotation)) }
    case .fields(let numbers, let texts):
      guard values.has(texts[0]) else { return }
      for annotation in numbers { try append(number: try values.integer(annotation)) }
      for (index, annotation) in texts.enumerated() {
        if index > 0 { try append(number: UInt8(0)) }
        try append(try values.text(annotation))
      }
    case .number(let annotation): if values.has(annotation) { try append(number: try values.word(annotation)) }
    case .socketAddress:
      if values.has(.socketAddress) { try append(text: try values.text(.socketAddress)) }
    }
  }
}

import Foundation

@testable import Tracing

/// An event with its name, as a value.
struct Record: Equatable {
  var kind: UInt8
  var flags: UInt8
  var pid: UInt32
  var node: UInt32
  var version: UInt32
  var time: UInt64
  var thread: UInt32
  var duration: UInt32
  var name: [UInt8]

  init(_ event: Event, _ name: [UInt8]) {
    (kind, flags, pid, node, version) = (event.kind, event.flags, event.pid, event.node, event.version)
    (time, thread, duration) = (event.time, event.thread, event.duration)
    self.name = name
  }

  var event: Event {
    var event = Event(EventKind(rawValue: kind)!, pid: pid, node: node, version: version, time: time)
    (event.flags, event.thread, event.duration) = (flags, thread, duration)
    return event
  }

  func append(to writer: EventWriter) { name.withUnsafeBufferPointer { writer.append(event, $0) } }
}

struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// Random events.
struct EventSource {
  var random: Seeded
  private var time: UInt64 = 1_000_000_000
  private var nodes: [UInt32] = [1]
  private var pids: [UInt32] = [2]
  private var lastPid: UInt32 = 2
  private var pending: [Record] = []
  private var connections: [UInt32] = []
  private var lastConnection: UInt32 = 0

  init(seed: UInt64) { random = Seeded(state: seed) }

  private static let words = ["usr", "include", "x.h", "tab\there", "back\\slash", "ü", "lib", "a b", "{\"json\"}"]

  mutating func bytes(_ limit: Int) -> [UInt8] {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return []
    case 1: return (0..<Int.random(in: 1...limit, using: &random)).map { _ in .random(in: 0...255, using: &random) }
    case 2: return Array("fs\0".utf8) + Array(Self.words.randomElement(using: &random)!.utf8) + [0]
    case 3:
      return (0..<[4, 8, 24, 32].randomElement(using: &random)!).map { _ in .random(in: 0...255, using: &random) }
    default: return Array(Self.words.randomElement(using: &random)!.utf8)
    }
  }

  /// Any value in any field.
  mutating func any() -> Record {
    func number(_ random: inout Seeded) -> UInt32 {
      let bits = [0, 1, 3, 8, 32].randomElement(using: &random)!
      return UInt32(truncatingIfNeeded: random.next() & (1 << UInt64(bits) - 1))
    }
    var event = Event(
      EventKind.allCases.randomElement(using: &random)!, pid: number(&random), node: number(&random),
      version: number(&random), time: Bool.random(using: &random) ? max(1, random.next()) : time)
    time += UInt64(number(&random))
    event.flags = UInt8(truncatingIfNeeded: number(&random) & number(&random))
    event.thread = number(&random)
    event.duration = number(&random)
    return Record(event, bytes(Int.random(in: 0..<200, using: &random) == 0 ? 65535 : 40))
  }

  /// What a run is made of.
  mutating func likely() -> Record {
    if !pending.isEmpty { return pending.removeFirst() }
    // Times of calls are whole microseconds, others need not be.
    time += UInt64.random(in: 1...100, using: &random) * 1000
    if Int.random(in: 0..<50, using: &random) == 0 { time += 1 } else { time -= time % 1000 }
    let pid = pids.randomElement(using: &random)!
    func event(_ kind: EventKind, _ pid: UInt32, _ node: UInt32, _ version: UInt32, _ time: UInt64) -> Event {
      var event = Event(kind, pid: pid, node: node, version: version, time: time)
      // Some are of other threads than the first one.
      event.thread = kind == .spawn || kind == .node ? 0 : pid + (time % 7000 == 0 ? 1000 : 10)
      return event
    }
    let node = nodes.randomElement(using: &random)!
    switch Int.random(in: 0..<40, using: &random) {
    case 0:
      lastPid += 1
      pids.append(lastPid)
      return Record(event(.spawn, lastPid, pid, lastPid + 10, time), [1, 2, 3, 4])
    case 1:
      var arguments = event(.arguments, pid, node, 1, time)
      arguments.thread = pid + 10
      pending = [Record(arguments, Array("cc\0-c\0\0x y.c\0".utf8))]
      var exec = event(.exec, pid, node, 0, time)
      exec.duration = 300_000
      return Record(exec, [])
    case 2 where pids.count > 3:
      pids.removeAll { $0 == pid }
      return Record(
        event(.exit, pid, 0, UInt32.random(in: 0...3, using: &random) << 8, time),
        [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 0, count: 8))
    case 3...8:
      // Now and then the number of a name that is no more.
      let isNew = nodes.count < 10 || Int.random(in: 0..<4, using: &random) > 0
      let new = isNew ? UInt32(nodes.count + 1) : nodes.dropFirst().randomElement(using: &random)!
      if isNew { nodes.append(new) }
      var name = Array(Self.words.randomElement(using: &random)!.utf8)
      if Bool.random(using: &random) { name += [0xff, 0x0a] }
      return Record(event(.node, 0, new, node, time), name)
    case 9...15:
      var missing = event(.missing, pid, node, 0, time)
      missing.duration = UInt32.random(in: 1...30, using: &random) * 1000
      return Record(missing, Array(Self.words.randomElement(using: &random)!.utf8))
    case 16: return Record(event(.output, pid, 0, 1, time), Array("line\nline ü\n".utf8))
    case 17: return Record(event(.connect, pid, 0, 3, time), [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    case 19...24: return network(pid)
    case 18: return Record(event(.environment, pid, 0, 2, time), Array("A=1\0B=\n\0".utf8))
    default:
      var call = event([.read, .stat, .readLink, .write, .list].randomElement(using: &random)!, pid, node, 0, time)
      call.version = [0, 0, 0, 1, 1000].randomElement(using: &random)!
      call.duration = UInt32.random(in: 0...30, using: &random) * 1000
      return Record(call, [])
    }
  }

  /// What the other side of the network tells: requests that overlap, and such as no connection has.
  private mutating func network(_ pid: UInt32) -> Record {
    func event(_ kind: EventKind, _ connection: UInt32) -> Event {
      Event(kind, pid: pid, node: 0, version: connection, time: time)
    }
    let connection = connections.randomElement(using: &random) ?? 0
    switch Int.random(in: 0..<7, using: &random) {
    case 0, 1:
      lastConnection += 1
      connections.append(lastConnection)
      return Record(event(.connection, lastConnection), Array("host-ü:443 at 192.0.2.1".utf8))
    case 2:
      connections.removeAll { $0 == connection }
      return Record(event(.connectionEnd, connection), (0..<16).map { _ in .random(in: 0...255, using: &random) })
    case 3: return Record(event(.lookUp, 0), LookUpRecord(name: "host", type: "AAAA", answer: "fd00:3::1").bytes)
    default:
      let url = String(repeating: "u", count: .random(in: 0..<300, using: &random))
      let request = RequestRecord(
        method: "GET", url: url, status: 200, sent: 0, received: random.next(),
        duration: .random(in: 0...[1000, 1 << 20, 1 << 33].randomElement(using: &random)!, using: &random),
        isBrokenOff: .random(using: &random))
      return Record(event(.request, connection), request.bytes)
    }
  }

  /// Events of one kind of run or the other.
  static func records(_ count: Int, seed: UInt64, isLikely: Bool) -> [Record] {
    var source = EventSource(seed: seed)
    return (0..<count).map { _ in isLikely ? source.likely() : source.any() }
  }
}

/// A directory for a trace's two files, removed afterwards.
func withTrace(_ body: (String) throws -> Void) throws {
  let path = "/var/tmp/uwrx-events-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}

/// All events of a trace, and whether it is damaged.
func readAll(_ trace: String) throws -> ([Record], Bool) {
  let reader = try EventReader(trace: trace)
  var found: [Record] = []
  while let (event, name) = try reader.next() { found.append(Record(event, Array(name))) }
  return (found, reader.isDamaged)
}

import Inspect
import Tracing

/// What processes printed, whom they talked to and what they were refused.
struct ProcessActivity: Sendable {
  struct Output: Sendable {
    /// Where in `bytes` of its process it stands.
    var start: Int
    var descriptor: UInt32
    var time: UInt64
    /// Bytes behind it were not recorded.
    var isCut: Bool
  }

  struct Connection: Sendable {
    var kind: EventKind
    var descriptor: UInt32
    /// A `sockaddr`.
    var address: [UInt8]
    var time: UInt64
    var count = 1
  }

  struct Refusal: Sendable {
    var call: UInt32
    var error: UInt32
  }

  struct Record: Sendable {
    var bytes: [UInt8] = []
    var outputs: [Output] = []
    var connections: [Connection] = []
    var refusals: [Refusal] = []
    /// There is more than is kept.
    var isCut = false
  }

  /// A run may print without end.
  private static let maximalOutput = 64 << 20
  private static let maximalConnections = 10_000
  private var records: [UInt32: Record] = [:]
  private var total = 0

  subscript(pid: UInt32) -> Record { records[pid] ?? Record() }

  mutating func take(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    switch EventKind(rawValue: event.kind) {
    case .output?:
      guard total + name.count <= Self.maximalOutput else {
        records[event.pid, default: Record()].isCut = true
        return
      }
      total += name.count
      records[event.pid, default: Record()].append(event, name)
    case .connect?, .bind?, .accept?:
      records[event.pid, default: Record()].connect(event, Array(name), atMost: Self.maximalConnections)
    case .denied?:
      records[event.pid, default: Record()].refusals.append(Refusal(call: event.version, error: event.node))
    default: break
    }
  }
}

extension ProcessActivity.Record {
  fileprivate mutating func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let isCut = event.flags & Event.isCut != 0
    // Pieces of one line are one thing to a reader.
    if let last = outputs.last, last.descriptor == event.version, !last.isCut {
      outputs[outputs.count - 1].isCut = isCut
    } else {
      outputs.append(
        ProcessActivity.Output(start: bytes.count, descriptor: event.version, time: event.time, isCut: isCut))
    }
    bytes.append(contentsOf: name)
  }

  fileprivate mutating func connect(_ event: Event, _ address: [UInt8], atMost limit: Int) {
    guard let kind = EventKind(rawValue: event.kind) else { return }
    if let last = connections.last, last.kind == kind, last.address == address, last.descriptor == event.version {
      connections[connections.count - 1].count += 1
    } else if connections.count < limit {
      connections.append(
        ProcessActivity.Connection(kind: kind, descriptor: event.version, address: address, time: event.time))
    } else {
      isCut = true
    }
  }
}

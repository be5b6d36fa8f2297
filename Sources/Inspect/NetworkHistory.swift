import Tracing

/// What a run did on the network that it was given, as the events of its trace tell. Takes them one by one, as `RunHistory` does.
public struct NetworkHistory: Sendable {
  public struct Connection: Sendable {
    public var number: UInt32
    /// 0 or the supervisor's if it is not known who has made it.
    public var pid: UInt32
    /// Times are those of the trace's clock.
    public var start: UInt64
    public var end: UInt64?
    /// Whom it was to, and where that was: `example.org:443 at 192.0.2.1`.
    public var text: [UInt8]
    public var sent: UInt64 = 0
    public var received: UInt64 = 0
    public var requests = 0

    /// The host alone.
    public var host: ArraySlice<UInt8> { NetworkHistory.host(text) }

    /// The upstream's address; nil if there was none, as in a replay.
    public var address: String? {
      let parts = String(decoding: text, as: UTF8.self).split(separator: " ")
      return parts.count == 3 && parts[1] == "at" ? String(parts[2]) : nil
    }
  }

  /// What else there is, in order.
  public enum Entry: Sendable {
    case request(RequestRecord, connection: UInt32)
    case lookUp(LookUpRecord)
    /// A connection that was not let through: host and port, and what would let it through.
    case refusal(host: [UInt8], option: [UInt8])
    /// Of a replay.
    case miss([UInt8])
    /// Of the network as a whole: what is published, a proxy that was started again.
    case network([UInt8])
  }

  public private(set) var connections: [Connection] = []
  public private(set) var entries: [(pid: UInt32, time: UInt64, entry: Entry)] = []
  /// More than so many are not kept.
  private let limit: Int
  /// Whether there were more.
  public private(set) var isCut = false
  private var places: [UInt32: Int] = [:]

  public init(limit: Int = .max) { self.limit = limit }

  /// A connection by its number.
  public subscript(number: UInt32) -> Connection? { places[number].map { connections[$0] } }

  /// - Parameter name: not kept.
  public mutating func take(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    switch EventKind(rawValue: event.kind) {
    case .connection?:
      guard connections.count < limit else { return isCut = true }
      places[event.version] = connections.count
      connections.append(Connection(number: event.version, pid: event.pid, start: event.time, text: Array(name)))
    case .connectionEnd?:
      guard let place = places[event.version], let sent = load(name, as: UInt64.self),
        let received = load(.init(rebasing: name.dropFirst(8)), as: UInt64.self)
      else { return }
      connections[place].end = event.time
      (connections[place].sent, connections[place].received) = (sent, received)
    case .request?:
      guard let record = RequestRecord(name) else { return }
      if let place = places[event.version] { connections[place].requests += 1 }
      append(event, .request(record, connection: event.version), at: event.time &- record.age)
    case .lookUp?: if let record = LookUpRecord(name) { append(event, .lookUp(record)) }
    case .refusal?:
      let (host, option) = parameter(of: name)
      append(event, .refusal(host: host, option: option))
    case .miss?: append(event, .miss(Array(name)))
    case .network?: append(event, .network(Array(name)))
    default: break
    }
  }

  private mutating func append(_ event: Event, _ entry: Entry, at time: UInt64? = nil) {
    guard entries.count < limit else { return isCut = true }
    entries.append((event.pid, time ?? event.time, entry))
  }

  /// The host of `host:port`, and of what follows that.
  static func host(_ place: [UInt8]) -> ArraySlice<UInt8> {
    let word = place.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: ",") }
    return word.lastIndex(of: UInt8(ascii: ":")).map { word[..<$0] } ?? word
  }
}

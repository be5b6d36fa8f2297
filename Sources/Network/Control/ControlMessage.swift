/// What the supervisor and uwrx-proxy tell each other: a message each on a socket that keeps messages apart (SOCK_SEQPACKET).
public indirect enum ControlMessage: Equatable, Sendable {
  /// To the proxy: a process is about to connect, or to ask for a name. What it says is for the record: the guest may have changed the
  /// address by the time the kernel reads it.
  case dialling(process: UInt32, Endpoint)
  /// To the proxy: `+trust/store` below its directory is a keystore of Java's, to which the authority's certificate is to be added.
  case splice
  /// From the proxy: whether `+trust/spliced` is it.
  case spliced(Bool)
  /// To the proxy: the guest has ended.
  case finish
  /// From the proxy: what is to be recorded. `kind` is an event's, `number` that of a connection, or 0.
  case record(kind: UInt8, process: UInt32, number: UInt32, [UInt8])
  /// From the proxy: messages in their order, none of them this one.
  case several([ControlMessage])
  /// From the proxy: what is recorded of the network as a whole, and told to the user at the end.
  case note(String)
  /// From the proxy, before all others: the certificate of the run's own authority, in PEM, and the names by which OpenSSL finds it in a directory.
  case authority(certificate: [UInt8], hashes: [String])
  /// From the proxy: it cannot go on, or could not begin.
  case failed(String)
  /// From the proxy: it has its sockets, and the guest can begin.
  case ready
  /// From the proxy: all that it had to tell has been told.
  case finished

  /// Bytes that a message has at most.
  public static let largest = 1 << 16

  public var bytes: [UInt8] {
    switch self {
    case .dialling(let process, let endpoint):
      [1] + Self.bytes(process) + Self.bytes(UInt32(endpoint.port)) + endpoint.address.bytes
    case .finish: [2]
    case .record(let kind, let process, let number, let text):
      [3, kind] + Self.bytes(process) + Self.bytes(number) + text.prefix(Self.largest - 16)
    case .several(let messages): messages.map(\.bytes).reduce([11]) { $0 + Self.bytes(UInt32($1.count)) + $1 }
    case .failed(let reason): [4] + reason.utf8.prefix(Self.largest - 16)
    case .note(let text): [10] + text.utf8.prefix(Self.largest - 16)
    case .ready: [5]
    case .finished: [6]
    case .splice: [8]
    case .spliced(let isMade): [9, isMade ? 1 : 0]
    case .authority(let certificate, let hashes): [7] + hashes.joined(separator: " ").utf8 + [0] + certificate
    }
  }

  /// Messages as bytes, in as few messages as they have room in.
  public static func packed(_ messages: [ControlMessage]) -> [[UInt8]] {
    if messages.count == 1 { return [messages[0].bytes] }
    var packets: [[UInt8]] = []
    for part in messages.lazy.map(\.bytes) {
      if packets.isEmpty || packets[packets.count - 1].count + part.count + 4 > largest { packets.append([11]) }
      packets[packets.count - 1] += bytes(UInt32(part.count)) + part
    }
    return packets
  }

  /// nil for what is no message.
  public init?(_ bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    switch bytes.first {
    case 1:
      guard bytes.count >= 9, let port = UInt16(exactly: Self.number(bytes[5..<9])),
        let address = IPAddress(bytes: Array(bytes[9...]))
      else { return nil }
      self = .dialling(process: Self.number(bytes[1..<5]), Endpoint(address, port: port))
    case 2 where bytes.count == 1: self = .finish
    case 3 where bytes.count >= 10:
      self = .record(
        kind: bytes[1], process: Self.number(bytes[2..<6]), number: Self.number(bytes[6..<10]), Array(bytes[10...]))
    case 11:
      var messages: [ControlMessage] = []
      var rest = bytes.dropFirst()
      while !rest.isEmpty {
        guard rest.count >= 4 else { return nil }
        let count = Int(Self.number(rest.prefix(4)))
        rest = rest.dropFirst(4)
        guard rest.count >= count, rest.first != 11, let message = ControlMessage(rest.prefix(count)) else {
          return nil
        }
        messages.append(message)
        rest = rest.dropFirst(count)
      }
      self = .several(messages)
    case 4: self = .failed(String(decoding: bytes.dropFirst(), as: UTF8.self))
    case 10: self = .note(String(decoding: bytes.dropFirst(), as: UTF8.self))
    case 5 where bytes.count == 1: self = .ready
    case 6 where bytes.count == 1: self = .finished
    case 8 where bytes.count == 1: self = .splice
    case 9 where bytes.count == 2: self = .spliced(bytes[1] == 1)
    case 7:
      guard let zero = bytes.firstIndex(of: 0) else { return nil }
      let hashes = String(decoding: bytes[1..<zero], as: UTF8.self).split(separator: " ").map(String.init)
      guard hashes.allSatisfy({ $0.count == 8 && $0.allSatisfy(\.isHexDigit) }) else { return nil }
      self = .authority(certificate: Array(bytes[(zero + 1)...]), hashes: hashes)
    default: return nil
    }
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}

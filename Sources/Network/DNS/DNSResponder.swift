/// What a guest's resolver is answered.
///
/// A message is answered at once where that depends on nothing outside (``Plan/answer(_:)``), or somebody has to look something up first
/// (``Plan/lookUp(_:)``). Every question for A or AAAA gets an answer: resolvers ask for both and wait seconds for one that does not come.
/// Nothing in an answer depends on when it is made: all records live 60 seconds.
public struct DNSResponder: Sendable {
  /// How a query arrived; an answer by TCP may have 65,535 bytes.
  public enum Transport: Sendable {
    case udp
    case tcp
  }

  /// What is to be done about a message.
  public enum Plan: Sendable {
    /// Send these bytes back, from the address that was asked. With TCP a length of 16 bits goes before them.
    case answer([UInt8])
    /// Nobody waits for an answer.
    case ignore
    /// Find out about `lookup.question`, then send what `lookup.answer` makes of it.
    case lookUp(DNSLookup)
  }

  /// The most bytes of an answer by UDP, whatever the client takes: what an Ethernet frame holds after IPv6 and UDP's headers, with room to
  /// spare for tunnels.
  public static let longestDatagram = 1_232
  /// In seconds.
  public static let timeToLive: UInt32 = 60

  /// The guest's name, which its own addresses have.
  private let hostName: DNSName
  private let own: Set<IPAddress>

  /// - Parameters:
  ///   - hostName: the guest's.
  ///   - addresses: the guest's own beside those of loopback.
  public init(hostName: DNSName, addresses: [IPAddress]) {
    self.hostName = hostName
    own = Set(addresses)
  }

  /// - Parameters:
  ///   - query: what arrived: a datagram, or a message of a TCP stream without its length.
  ///   - table: for names of addresses.
  public func plan(_ query: [UInt8], transport: Transport, table: DomainTable) -> Plan {
    guard query.count >= DNSHeader.length else { return .ignore }
    let header = DNSHeader(
      id: UInt16(query[0]) << 8 | UInt16(query[1]), flags: UInt16(query[2]) << 8 | UInt16(query[3]))
    if header.isResponse { return .ignore }
    func refuse(_ code: DNSResponseCode) -> Plan {
      .answer(DNSMessage(header: DNSLookup.answerHeader(header), responseCode: code).serialized())
    }
    if header.operation != 0 { return refuse(.notImplemented) }
    // One question (RFC 9619), looked at before time is spent on the rest.
    guard query[4] == 0, query[5] == 1, let message = try? DNSMessage(parsing: query) else {
      return refuse(.formatError)
    }

    let lookup = DNSLookup(
      question: message.questions[0], header: header, edns: message.edns,
      limit: transport == .tcp
        ? DNSMessage.longest : max(512, min(Int(message.edns?.payloadSize ?? 0), Self.longestDatagram)))
    if let edns = message.edns, edns.version != 0 { return .answer(lookup.answer(code: .badVersion)) }
    return decide(lookup, table)
  }

  private func decide(_ lookup: DNSLookup, _ table: DomainTable) -> Plan {
    let question = lookup.question
    guard question.class == .internet else { return .answer(lookup.answer(code: .refused)) }
    switch question.type {
    // RFC 8482: what is asked for with it is never needed.
    case .any:
      return .answer(lookup.answer([.other(.hinfo, [7] + Array("RFC8482".utf8) + [0])]))
    case .axfr, .ixfr: return .answer(lookup.answer(code: .refused))
    // OPT is no question, nor is what else asks for something about messages (RFC 6895, section 3.1).
    case let type where type == .opt || (128...254).contains(type.rawValue):
      return .answer(lookup.answer(code: .notImplemented))
    // Would lead past the table of addresses, and to HTTP/3.
    case .svcb, .https: return .answer(lookup.answer(.noData))
    default: break
    }

    let name = question.name
    if name.isWithin(Self.localhost) {
      switch question.type {
      case .a: return .answer(lookup.answer([.address(.loopback4)]))
      case .aaaa: return .answer(lookup.answer([.address(.loopback6)]))
      default: return .answer(lookup.answer(.noData))
      }
    }
    if Self.neverThere.contains(where: name.isWithin) || name.endsInNumber {
      return .answer(lookup.answer(.noSuchName))
    }
    if let address = name.reversedAddress, let answer = reverse(address, lookup, table) { return .answer(answer) }
    return .lookUp(lookup)
  }

  /// With all names below (RFC 6761).
  private static let localhost = DNSName("localhost")!
  /// Names that nobody may ask a server for (RFC 6761, RFC 7686).
  private static let neverThere = [DNSName("invalid")!, DNSName("onion")!]

  /// - Returns: nil if the address belongs to somebody outside.
  private func reverse(_ address: IPAddress, _ lookup: DNSLookup, _ table: DomainTable) -> [UInt8]? {
    let name: DNSName?
    if address == .loopback4 || address == .loopback6 {
      name = Self.localhost
    } else if own.contains(address) {
      name = hostName
    } else if DomainTable.isReserved(address) || address.scope == .loopback {
      name = table.domain(at: address)?.name
    } else {
      return nil
    }
    guard let name else { return lookup.answer(.noSuchName) }
    return lookup.question.type == .ptr ? lookup.answer([.ptr(name)]) : lookup.answer(.noData)
  }
}

/// A question that somebody waits for an answer to.
public struct DNSLookup: Sendable {
  /// What is asked, in the case in which it was.
  public let question: DNSQuestion
  let header: DNSHeader
  let edns: EDNS?
  /// Of bytes of the answer.
  let limit: Int

  /// The answer's bytes.
  ///
  /// Records get the name that was asked for, and aliases are left out, except where one was asked for. Addresses among records are left out
  /// too: they would lead past the table.
  public func answer(_ outcome: DNSOutcome) -> [UInt8] {
    switch outcome {
    case .addresses(let addresses):
      let address =
        switch question.type {
        case .a: addresses.ipv4
        case .aaaa: addresses.ipv6
        default: nil as IPAddress?
        }
      return address.map { answer([.address($0)]) } ?? answer(.noData)
    case .records(let records):
      let data = records.map(\.data).filter { $0.type == question.type && !$0.isAddress }
      return data.isEmpty ? answer(.noData) : answer(data)
    case .noData: return answer(code: .noError, isNegative: true)
    case .noSuchName: return answer(code: .nameError, isNegative: true)
    case .failure: return answer(code: .serverFailure)
    case .refused: return answer(code: .refused)
    }
  }

  func answer(_ data: [DNSRecordData]) -> [UInt8] { answer(code: .noError, data) }

  /// - Parameter isNegative: a SOA record says for how long that may be remembered (RFC 2308). It is that of the root: a zone which every
  ///   name is in.
  func answer(code: DNSResponseCode, _ data: [DNSRecordData] = [], isNegative: Bool = false) -> [UInt8] {
    DNSMessage(
      header: Self.answerHeader(header), responseCode: code, questions: [question],
      answers: data.map { DNSRecord(question.name, timeToLive: DNSResponder.timeToLive, $0) },
      authorities: isNegative ? [Self.authority] : [],
      edns: edns.map { EDNS(payloadSize: UInt16(DNSResponder.longestDatagram), flags: $0.flags & 0x8000) }
    ).serialized(limit: limit)
  }

  private static let authority = DNSRecord(
    .root, timeToLive: DNSResponder.timeToLive,
    .soa(
      DNSStartOfAuthority(
        server: DNSName("localhost")!, mailbox: DNSName("nobody.invalid")!, serial: 1, refresh: 3600, retry: 600,
        expire: 86_400, minimum: DNSResponder.timeToLive)))

  /// RD and CD are the query's (RFC 1035, section 4.1.1; RFC 4035, section 3.2.2).
  static func answerHeader(_ query: DNSHeader) -> DNSHeader {
    var header = DNSHeader(id: query.id)
    header.isResponse = true
    header.operation = query.operation
    header.recursionDesired = query.recursionDesired
    header.recursionAvailable = true
    header.checkingDisabled = query.checkingDisabled
    return header
  }
}

extension DNSRecordData {
  var isAddress: Bool { if case .address = self { true } else { false } }
}

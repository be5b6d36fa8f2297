/// A DNS message: a query or its answer (RFC 1035, section 4; RFC 6891).
public struct DNSMessage: Hashable, Sendable {
  /// The longest message there is: its length has 16 bits in TCP.
  public static let longest = 65_535

  /// Its low four bits are those of `responseCode`, whatever is set here.
  public var header: DNSHeader
  /// Without EDNS, 15 at most.
  public var responseCode: DNSResponseCode
  public var questions: [DNSQuestion]
  public var answers: [DNSRecord]
  public var authorities: [DNSRecord]
  /// Without the OPT record.
  public var additionals: [DNSRecord]
  /// The OPT record, if there is one.
  public var edns: EDNS?

  public init(
    header: DNSHeader, responseCode: DNSResponseCode = .noError, questions: [DNSQuestion] = [],
    answers: [DNSRecord] = [], authorities: [DNSRecord] = [], additionals: [DNSRecord] = [], edns: EDNS? = nil
  ) {
    self.header = header
    self.responseCode = responseCode
    self.questions = questions
    self.answers = answers
    self.authorities = authorities
    self.additionals = additionals
    self.edns = edns
  }

  /// - Parameter bytes: the whole message, without the length that TCP puts before it; nothing may follow it.
  public init(parsing bytes: [UInt8]) throws(DNSFormatError) {
    guard bytes.count <= Self.longest else { throw DNSFormatError("the message is too long", at: Self.longest) }
    var reader = DNSReader(bytes)
    header = DNSHeader(id: try reader.short(), flags: try reader.short())
    responseCode = DNSResponseCode(rawValue: header.flags & 15)
    header.flags &= ~15
    let counts = (try reader.short(), try reader.short(), try reader.short(), try reader.short())
    questions = []
    for _ in 0..<counts.0 { questions.append(try reader.question()) }
    answers = try Self.records(counts.1, &reader)
    authorities = try Self.records(counts.2, &reader)
    additionals = []
    for _ in 0..<counts.3 {
      let start = reader.offset
      let record = try reader.record()
      guard case .other(.opt, let options) = record.data else {
        additionals.append(record)
        continue
      }
      guard edns == nil, record.name.isRoot, EDNS.areWhole(options[...]) else {
        throw DNSFormatError("a wrong OPT record", at: start)
      }
      edns = EDNS(
        payloadSize: record.class.rawValue, version: UInt8(record.timeToLive >> 16 & 255),
        flags: UInt16(truncatingIfNeeded: record.timeToLive), options: options)
      responseCode = DNSResponseCode(rawValue: UInt16(record.timeToLive >> 24) << 4 | responseCode.rawValue)
    }
    guard reader.offset == bytes.count else { throw DNSFormatError("something follows the message", at: reader.offset) }
  }

  private static func records(_ count: UInt16, _ reader: inout DNSReader) throws(DNSFormatError) -> [DNSRecord] {
    var records: [DNSRecord] = []
    for _ in 0..<count {
      let start = reader.offset
      let record = try reader.record()
      if record.type == .opt { throw DNSFormatError("an OPT record at a wrong place", at: start) }
      records.append(record)
    }
    return records
  }

  /// The message's bytes, without the length that TCP puts before them.
  ///
  /// The first record that does not fit, and all after it, are left out; TC is set unless it was an additional one. An OPT record is always
  /// there. If not even the questions fit, nothing but the header and the OPT record is left.
  /// - Parameter limit: the bytes that there may be, at most ``longest``; not less than a header and the OPT record.
  public func serialized(limit: Int = longest) -> [UInt8] {
    var writer = DNSWriter()
    var edns = edns
    if let options = edns?.options.count, DNSHeader.length + EDNS.shortest + options > min(limit, Self.longest) {
      edns!.options = []
    }
    let limit = min(limit, Self.longest) - (edns.map { EDNS.shortest + $0.options.count } ?? 0)
    var isTruncated = header.isTruncated
    writer.short(header.id)
    writer.short(0)
    for _ in 0..<4 { writer.short(0) }

    questions.prefix(0xffff).forEach { writer.question($0) }
    var isFull = writer.bytes.count > limit || questions.count > 0xffff
    if isFull {
      writer.cut(to: DNSHeader.length)
      isTruncated = true
    } else {
      writer.set(UInt16(questions.count), at: 4)
    }
    for (section, records) in [answers, authorities, additionals].enumerated() {
      var count: UInt16 = 0
      for record in records where !isFull {
        let start = writer.bytes.count
        writer.record(record)
        isFull = writer.bytes.count > limit
        if isFull {
          writer.cut(to: start)
          if section < 2 { isTruncated = true }
        } else {
          count += 1
        }
      }
      writer.set(count + (section == 2 && edns != nil ? 1 : 0), at: 6 + 2 * section)
    }
    if let edns { writer.options(edns, responseCode) }

    var header = header
    header.isTruncated = isTruncated
    writer.set(header.flags & ~15 | responseCode.rawValue & 15, at: 2)
    return writer.bytes
  }
}

import RandomKit
import Testing

@testable import Network

@Suite("The DNS responder")
struct DNSResponderTests {
  private static let responder = DNSResponder(
    hostName: DNSName("box")!, addresses: [IPAddress("10.0.2.15")!, IPAddress("fd00:2::15")!])

  private static func query(
    _ name: String, _ type: DNSType, class: DNSClass = .internet, flags: UInt16 = 0x0100, edns: EDNS? = nil
  ) -> [UInt8] {
    DNSMessage(
      header: DNSHeader(id: 0xabcd, flags: flags), questions: [DNSQuestion(DNSName(name)!, type, class: `class`)],
      edns: edns
    ).serialized()
  }

  private static func plan(
    _ query: [UInt8], _ transport: DNSResponder.Transport = .udp, table: DomainTable = DomainTable()
  ) -> DNSResponder.Plan { responder.plan(query, transport: transport, table: table) }

  /// - Returns: nil if it was not answered at once.
  private static func answer(_ query: [UInt8], table: DomainTable = DomainTable()) throws -> DNSMessage? {
    guard case .answer(let bytes) = plan(query, table: table) else { return nil }
    return try DNSMessage(parsing: bytes)
  }

  private static func lookup(
    _ query: [UInt8], _ transport: DNSResponder.Transport = .udp
  ) throws -> DNSLookup {
    guard case .lookUp(let lookup) = plan(query, transport) else { throw DNSFormatError("no look-up", at: 0) }
    return lookup
  }

  @Test(
    "does not answer what is no query",
    arguments: [[], [0], [UInt8](repeating: 0, count: 11), query("a", .a, flags: 0x8100)])
  func ignored(_ bytes: [UInt8]) {
    guard case .ignore = Self.plan(bytes) else {
      Issue.record("not ignored")
      return
    }
  }

  @Test(
    "says what is wrong with a query",
    arguments: [
      (Array(query("a", .a).dropLast()), .formatError), (query("a", .a) + [0], .formatError),
      (DNSMessage(header: DNSHeader(id: 0xabcd)).serialized(), .formatError),
      (
        DNSMessage(header: DNSHeader(id: 0xabcd), questions: [DNSQuestion(.root, .a), DNSQuestion(.root, .a)])
          .serialized(),
        .formatError
      ),
      (query("a", .a, flags: 0x0800), .notImplemented), (query("a", .a, flags: 0x2800), .notImplemented),
      (query("a", .a, class: DNSClass(rawValue: 3)), .refused),
      (query("a", .a, class: DNSClass(rawValue: 255)), .refused),
      (query("a", .a, edns: EDNS(payloadSize: 4096, version: 1)), .badVersion), (query("a", .axfr), .refused),
      (query("a", .ixfr), .refused), (query("a", .opt), .notImplemented),
      (query("a", DNSType(rawValue: 250)), .notImplemented),
    ] as [([UInt8], DNSResponseCode)])
  func errors(_ query: [UInt8], _ code: DNSResponseCode) throws {
    let answer = try #require(try Self.answer(query))
    #expect(answer.header.id == 0xabcd && answer.header.isResponse)
    #expect(answer.responseCode == code)
    #expect(answer.header.operation == query[2] >> 3 & 15)
    #expect(answer.answers.isEmpty)
  }

  @Test("knows the guest itself", arguments: ["localhost", "LocalHost.", "a.localhost"])
  func localhost(_ name: String) throws {
    #expect(try Self.answer(Self.query(name, .a))?.answers.map(\.data) == [.address(.loopback4)])
    #expect(try Self.answer(Self.query(name, .aaaa))?.answers.map(\.data) == [.address(.loopback6)])
    let other = try #require(try Self.answer(Self.query(name, .mx)))
    #expect(other.responseCode == .noError && other.answers.isEmpty && other.authorities.count == 1)
  }

  @Test(
    "denies names that are never there",
    arguments: ["invalid", "a.invalid", "x.onion", "1.2.3.4", "0x7f.1", "2130706433"])
  func neverThere(_ name: String) throws {
    let answer = try #require(try Self.answer(Self.query(name, .a)))
    #expect(answer.responseCode == .nameError)
    #expect(answer.authorities.first?.type == .soa)
  }

  @Test("names the guest's own addresses and those that it gave out")
  func reverse() throws {
    var table = DomainTable()
    let addresses = try table.require(Domain("example.org")!)
    for (address, name) in [
      ("127.0.0.1", "localhost"), ("::1", "localhost"), ("10.0.2.15", "box"), ("fd00:2::15", "box"),
      ("\(addresses.ipv4!)", "example.org"), ("\(addresses.ipv6!)", "example.org"),
    ] {
      let question = DNSName(reverseOf: IPAddress(address)!).description
      #expect(try Self.answer(Self.query(question, .ptr), table: table)?.answers.map(\.data) == [.ptr(DNSName(name)!)])
      let other = try #require(try Self.answer(Self.query(question, .txt), table: table))
      #expect(other.responseCode == .noError && other.answers.isEmpty)
    }
    for address in ["127.0.0.2", "127.77.77.77", "fd00:3::77", "127.255.255.1"] {
      let question = DNSName(reverseOf: IPAddress(address)!).description
      #expect(try Self.answer(Self.query(question, .ptr), table: table)?.responseCode == .nameError)
    }
    _ = try Self.lookup(Self.query("8.8.8.8.in-addr.arpa", .ptr))
  }

  @Test("leads nobody past the table", arguments: [DNSType.https, .svcb])
  func services(_ type: DNSType) throws {
    let answer = try #require(try Self.answer(Self.query("example.org", type)))
    #expect(answer.responseCode == .noError && answer.answers.isEmpty)
  }

  @Test("answers ANY as RFC 8482 has it")
  func any() throws { #expect(try Self.answer(Self.query("example.org", .any))?.answers.map(\.type) == [.hinfo]) }

  @Test("gives a name's addresses of both families", arguments: [DNSType.a, .aaaa, .mx])
  func addresses(_ type: DNSType) throws {
    var table = DomainTable()
    let addresses = try table.require(Domain("example.org")!)
    let lookup = try Self.lookup(Self.query("eXample.Org", type))
    #expect(lookup.question.name == DNSName("example.org") && lookup.question.type == type)
    let bytes = lookup.answer(.addresses(addresses))
    let answer = try DNSMessage(parsing: bytes)
    let expected: [DNSRecordData] =
      type == .a ? [.address(addresses.ipv4!)] : type == .aaaa ? [.address(addresses.ipv6!)] : []
    #expect(answer.answers.map(\.data) == expected)
    #expect(answer.answers.allSatisfy { $0.timeToLive == 60 })
    #expect(answer.authorities.isEmpty != expected.isEmpty)
    // The case is the question's (clients tell forged answers by it).
    #expect(answer.questions[0].name.wire == DNSName("eXample.Org")!.wire)
    #expect(answer.header.recursionDesired && answer.header.recursionAvailable && answer.edns == nil)
  }

  @Test("hides aliases, and addresses among records")
  func records() throws {
    let lookup = try Self.lookup(Self.query("example.org", .mx))
    let other = DNSName("mail.elsewhere.net")!
    let answer = try DNSMessage(
      parsing: lookup.answer(
        .records([
          DNSRecord(DNSName("example.org")!, timeToLive: 3_000, .cname(other)),
          DNSRecord(other, timeToLive: 3_000, .mx(preference: 1, exchange: other)),
          DNSRecord(other, timeToLive: 3_000, .address(IPAddress("8.8.8.8")!)),
        ])))
    #expect(
      answer.answers == [DNSRecord(DNSName("example.org")!, timeToLive: 60, .mx(preference: 1, exchange: other))])
    let address = try Self.lookup(Self.query("example.org", .a))
    let none = try DNSMessage(
      parsing: address.answer(.records([DNSRecord(other, timeToLive: 1, .address(IPAddress("8.8.8.8")!))])))
    #expect(none.answers.isEmpty && none.responseCode == .noError)
    // Who asks for an alias gets it.
    let alias = try Self.lookup(Self.query("example.org", .cname))
    let asked = try DNSMessage(
      parsing: alias.answer(.records([DNSRecord(alias.question.name, timeToLive: 1, .cname(other))])))
    #expect(asked.answers.map(\.data) == [.cname(other)])
  }

  @Test(
    "says that there is nothing",
    arguments: [
      (.noData, .noError, true), (.noSuchName, .nameError, true), (.failure, .serverFailure, false),
      (.refused, .refused, false),
    ] as [(DNSOutcome, DNSResponseCode, Bool)])
  func nothing(_ outcome: DNSOutcome, _ code: DNSResponseCode, _ isRemembered: Bool) throws {
    let answer = try DNSMessage(parsing: try Self.lookup(Self.query("example.org", .a)).answer(outcome))
    #expect(answer.responseCode == code && answer.answers.isEmpty)
    #expect(answer.authorities.map(\.type) == (isRemembered ? [.soa] : []))
    #expect(answer.questions == [DNSQuestion(DNSName("example.org")!, .a)])
  }

  @Test(
    "truncates what a client does not take",
    arguments: [(nil, 512), (100, 512), (512, 512), (1_000, 1_000), (1_232, 1_232), (65_535, 1_232)] as [(UInt16?, Int)]
  )
  func truncation(_ size: UInt16?, _ limit: Int) throws {
    let query = Self.query("example.org", .txt, edns: size.map { EDNS(payloadSize: $0, flags: 0xffff) })
    let records = (0..<40).map {
      DNSRecord(.root, timeToLive: 1, .txt([[UInt8](repeating: UInt8($0), count: 100)]))
    }
    let bytes = try Self.lookup(query).answer(.records(records))
    let answer = try DNSMessage(parsing: bytes)
    #expect(bytes.count <= limit && bytes.count > limit - 114)
    #expect(answer.header.isTruncated)
    #expect(answer.edns == size.map { _ in EDNS(payloadSize: 1_232, flags: 0x8000) })
    let whole = try DNSMessage(parsing: try Self.lookup(query, .tcp).answer(.records(records)))
    #expect(whole.answers.count == 40 && !whole.header.isTruncated)
    let large = try Self.lookup(query, .tcp).answer(.records((0..<50).flatMap { _ in records }))
    #expect(large.count <= 65_535)
    #expect(try DNSMessage(parsing: large).header.isTruncated)
  }

  @Test("answers whatever arrives, or ignores it")
  func hostile() throws {
    var random = SeededGenerator(seed: 7)
    var table = DomainTable()
    let addresses = try table.require(Domain("example.org")!)
    let queries = [
      Self.query("example.org", .a), Self.query("localhost", .a), Self.query("1.0.0.127.in-addr.arpa", .ptr),
      Self.query("example.org", .aaaa, edns: EDNS(payloadSize: 4096, options: [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])),
    ]
    for _ in 0..<5_000 {
      var query = queries.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        query[Int.random(in: 0..<query.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Int.random(in: 0...9, using: &random) == 0 { query = random.bytes(0...600) }
      let answers: [[UInt8]]
      switch Self.responder.plan(query, transport: .udp, table: table) {
      case .ignore: answers = []
      case .answer(let bytes): answers = [bytes]
      case .lookUp(let lookup):
        answers = [.addresses(addresses), .noData, .noSuchName, .failure, .refused].map { lookup.answer($0) }
      }
      for bytes in answers {
        guard let answer = try? DNSMessage(parsing: bytes) else {
          Issue.record("\(query)")
          continue
        }
        #expect(
          answer.header.isResponse && answer.header.id == UInt16(query[0]) << 8 | UInt16(query[1])
            && bytes.count <= 1_232)
      }
    }
  }
}

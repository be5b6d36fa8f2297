import Testing

@testable import Network

@Suite("The table of domains")
struct DomainTableTests {
  private static func domain(_ index: Int) -> Domain { Domain("host\(index).example.org")! }

  @Test("gives the same addresses in every run")
  func stable() throws {
    var table = DomainTable()
    let addresses = try table.require(Domain("example.org")!)
    // The digest's, by sha256sum(1) and a calculator.
    #expect(addresses.ipv4?.description == DomainTableTests.expected.0)
    #expect(addresses.ipv6?.description == DomainTableTests.expected.1)
    let again = table.assign(Domain("EXAMPLE.org.")!)
    #expect(again == addresses)
    #expect(table.count == 1)
  }

  static let expected = ("127.238.216.65", "fd00:3::3360:d3ad:6461:c9c5")

  @Test("gives addresses that do not depend on the order, each to one name, and knows whose they are")
  func order() throws {
    var (first, second) = (DomainTable(), DomainTable())
    for index in 0..<300 { _ = first.assign(Self.domain(index)) }
    for index in (0..<300).reversed() { _ = second.assign(Self.domain(index)) }
    for index in 0..<300 {
      let addresses = try #require(first[Self.domain(index)])
      #expect(second[Self.domain(index)] == addresses)
      #expect(first.domain(at: addresses.ipv4!) == Self.domain(index))
      #expect(first.domain(at: addresses.ipv6!) == Self.domain(index))
    }
  }

  @Test("gives nothing that is the guest's own, however many there are, and then nothing more")
  func full() throws {
    var table = DomainTable(capacity: 20_000)
    var seen: Set<IPAddress> = []
    for index in 0..<20_000 {
      let addresses = try table.require(Self.domain(index))
      let (a, b) = (try #require(addresses.ipv4), try #require(addresses.ipv6))
      seen.insert(a)
      seen.insert(b)
      let bytes = a.bytes
      #expect(bytes[0] == 127 && (1...254).contains(bytes[3]))
      #expect((bytes[1], bytes[2]) != (0, 0) && (bytes[1], bytes[2]) != (255, 255))
      #expect(b.description.hasPrefix("fd00:3:"))
    }
    #expect(seen.count == 40_000)
    let more = table.assign(Self.domain(20_000))
    #expect(more == nil)
    let known = table.assign(Self.domain(0))
    #expect(known == table[Self.domain(0)])
    #expect(table.count == 20_000)
    // Names met: so the later ones have other addresses than in a table of their own.
    let moved = (0..<20_000).count { index in
      var own = DomainTable()
      return index % 10 == 0 && own.assign(Self.domain(index)) != table[Self.domain(index)]
    }
    #expect((1...100).contains(moved))
  }

  @Test("does not give out what is taken")
  func collision() throws {
    var alone = DomainTable()
    let wanted = try alone.require(Self.domain(1))
    var table = DomainTable()
    let file = try #require(wanted.ipv4File)
    let isTaken = table.restore(Self.domain(2), ipv4File: file, ipv6File: Array("fd00:3::1\n".utf8))
    #expect(isTaken)
    let given = try table.require(Self.domain(1))
    #expect(given.ipv4 != wanted.ipv4 && given.ipv6 == wanted.ipv6)
    #expect(table.domain(at: wanted.ipv4!) == Self.domain(2))
  }

  @Test("leaves addresses what they are")
  func literals() throws {
    var table = DomainTable()
    for text in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "169.254.169.254"] {
      let address = try #require(IPAddress(text))
      let domain = try #require(table.domain(at: address))
      #expect(domain == Domain(address: address))
      let assigned = table.assign(domain)
      #expect(assigned == table[domain])
      #expect((table[domain]?.ipv4 ?? table[domain]?.ipv6) == address)
      #expect(table[domain]?.ipv4 == nil || table[domain]?.ipv6 == nil)
    }
    #expect(table.count == 0)
    #expect(table.domain(at: IPAddress("::ffff:192.0.2.1")!) == Domain("192.0.2.1"))
    for text in [
      "127.0.0.1", "::1", "127.255.255.9", "127.5.5.0", "127.5.5.5", "fd00:3::5", "fd00:3::", "::ffff:127.0.0.1",
    ] {
      #expect(table.domain(at: IPAddress(text)!) == nil)
    }
  }

  @Test("goes on from what was written")
  func restored() throws {
    var first = DomainTable()
    for index in 0..<50 { _ = first.assign(Self.domain(index)) }
    var second = DomainTable()
    for (domain, addresses) in first.entries {
      let read = try #require(Domain(directoryName: domain.directoryName))
      let isRestored = second.restore(read, ipv4File: addresses.ipv4File, ipv6File: addresses.ipv6File)
      #expect(isRestored)
      let isKept = second.restore(read, ipv4File: addresses.ipv4File, ipv6File: addresses.ipv6File)
      #expect(isKept)
    }
    #expect(second.entries.map(\.domain) == first.entries.map(\.domain))
    #expect(second.entries.map(\.addresses) == first.entries.map(\.addresses))
    #expect(first.entries.map { String(decoding: $0.domain.directoryName, as: UTF8.self) }.isSorted)
  }

  @Test(
    "takes over nothing else",
    arguments: [
      (nil, nil), ("127.1.2.3\n", nil), (nil, "fd00:3::2\n"), ("127.1.2.3", "fd00:3::2\n"),
      ("127.1.2.3\n\n", "fd00:3::2\n"),
      ("127.0.0.3\n", "fd00:3::2\n"), ("127.255.255.3\n", "fd00:3::2\n"), ("127.1.2.0\n", "fd00:3::2\n"),
      ("8.8.8.8\n", "fd00:3::2\n"),
      ("127.1.2.3\n", "fd00:4::2\n"), ("127.1.2.3\n", "FD00:3::2\n"), ("fd00:3::2\n", "127.1.2.3\n"), ("", ""),
      ("\n", "\n"),
      ("127.9.9.9\n", "fd00:3::2\n"), ("127.1.2.3\n", "fd00:3::9\n"),
    ] as [(String?, String?)])
  func refused(_ ipv4: String?, _ ipv6: String?) {
    var table = DomainTable()
    let isFirst = table.restore(
      Self.domain(9), ipv4File: Array("127.9.9.9\n".utf8), ipv6File: Array("fd00:3::9\n".utf8))
    #expect(isFirst)
    let isRestored = table.restore(
      Self.domain(1), ipv4File: ipv4.map { Array($0.utf8) }, ipv6File: ipv6.map { Array($0.utf8) })
    #expect(!isRestored)
    #expect(table.count == 1)
  }

  @Test("keeps to what it was given first, and to its capacity")
  func conflicts() {
    var table = DomainTable(capacity: 1)
    let isFirst = table.restore(
      Self.domain(1), ipv4File: Array("127.9.9.9\n".utf8), ipv6File: Array("fd00:3::9\n".utf8))
    #expect(isFirst)
    let isMoved = table.restore(
      Self.domain(1), ipv4File: Array("127.9.9.8\n".utf8), ipv6File: Array("fd00:3::8\n".utf8))
    #expect(!isMoved)
    let isOneMore = table.restore(
      Self.domain(2), ipv4File: Array("127.9.9.8\n".utf8), ipv6File: Array("fd00:3::8\n".utf8))
    #expect(!isOneMore)
    let literal = Domain("192.0.2.1")!
    let isLiteral = table.restore(literal, ipv4File: Array("192.0.2.1\n".utf8), ipv6File: nil)
    #expect(isLiteral)
    let isOtherLiteral = table.restore(literal, ipv4File: Array("192.0.2.2\n".utf8), ipv6File: nil)
    #expect(!isOtherLiteral)
  }
}

extension [String] {
  fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0 < $1 } }
}

import Glibc
import RandomKit
import Testing

@testable import Network

@Suite("A DNS message")
struct DNSMessageTests {
  private static func name(_ random: inout SeededGenerator) -> DNSName {
    let pool: [[UInt8]] =
      ["org", "ORG", "example", "www", "a", "mail"].map { Array($0.utf8) } + [
        [0], [0x2e, 0xff], [UInt8](repeating: 7, count: 63),
      ]
    while true {
      let labels = (0..<Int.random(in: 0...5, using: &random)).map { _ in pool.randomElement(using: &random)! }
      if let name = DNSName(labels: labels) { return name }
    }
  }

  private static func data(_ random: inout SeededGenerator) -> DNSRecordData {
    func short() -> UInt16 { UInt16.random(in: 0...0xffff, using: &random) }
    func long() -> UInt32 { UInt32.random(in: 0...UInt32.max, using: &random) }
    return switch Int.random(in: 0...10, using: &random) {
    case 0: .address(IPAddress(ipv4: long()))
    case 1: .address(IPAddress(bytes: random.bytes(16...16))!)
    case 2: .cname(name(&random))
    case 3: .ns(name(&random))
    case 4: .ptr(name(&random))
    case 5: .mx(preference: short(), exchange: name(&random))
    case 6: .txt((0..<Int.random(in: 1...4, using: &random)).map { _ in random.bytes(0...255) })
    case 7: .srv(priority: short(), weight: short(), port: short(), target: name(&random))
    case 8:
      .soa(
        DNSStartOfAuthority(
          server: name(&random), mailbox: name(&random), serial: long(), refresh: long(), retry: long(), expire: long(),
          minimum: long()))
    case 9: .other(.naptr, [0, 1, 0, 2, 1, 0x75, 0, 0] + name(&random).wire)
    default: .other(.caa, random.bytes(0...40))
    }
  }

  private static func records(_ random: inout SeededGenerator) -> [DNSRecord] {
    (0..<Int.random(in: 0...4, using: &random)).map { _ in
      DNSRecord(name(&random), timeToLive: UInt32.random(in: 0...UInt32.max, using: &random), data(&random))
    }
  }

  static func message(_ random: inout SeededGenerator) -> DNSMessage {
    let hasEDNS = Bool.random(using: &random)
    return DNSMessage(
      header: DNSHeader(
        id: UInt16.random(in: 0...0xffff, using: &random), flags: UInt16.random(in: 0...0xffff, using: &random) & ~15),
      responseCode: DNSResponseCode(rawValue: UInt16.random(in: 0...(hasEDNS ? 0xfff : 15), using: &random)),
      questions: (0..<Int.random(in: 0...2, using: &random)).map { _ in
        DNSQuestion(name(&random), [.a, .aaaa, .mx].randomElement(using: &random)!)
      },
      answers: records(&random), authorities: records(&random), additionals: records(&random),
      edns: hasEDNS
        ? EDNS(
          payloadSize: UInt16.random(in: 0...0xffff, using: &random),
          version: UInt8.random(in: 0...255, using: &random),
          flags: UInt16.random(in: 0...0xffff, using: &random),
          options: Bool.random(using: &random) ? [] : [0, 10, 0, 3, 1, 2, 3, 0, 12, 0, 0])
        : nil)
  }

  @Test("comes back from its bytes")
  func roundTrip() throws {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<750 {
      let message = Self.message(&random)
      let bytes = message.serialized()
      let read = try DNSMessage(parsing: bytes)
      #expect(read == message)
      #expect(read.serialized() == bytes)
    }
  }

  @Test("is never longer than it may be, and what is left of it is right")
  func truncation() throws {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<250 {
      var message = Self.message(&random)
      message.header.isTruncated = false
      let whole = message.serialized()
      for limit in [40, 100, 200, 300, 512, 1_232, whole.count - 1, whole.count] where limit >= 40 {
        let bytes = message.serialized(limit: limit)
        #expect(bytes.count <= limit)
        let read = try DNSMessage(parsing: bytes)
        #expect(read.answers == Array(message.answers.prefix(read.answers.count)))
        #expect(read.authorities == Array(message.authorities.prefix(read.authorities.count)))
        #expect(read.additionals == Array(message.additionals.prefix(read.additionals.count)))
        #expect(read.edns?.payloadSize == message.edns?.payloadSize)
        let lost =
          read.questions != message.questions || read.answers != message.answers
          || read.authorities != message.authorities
        #expect(read.header.isTruncated == lost)
        #expect((bytes == whole) == (limit >= whole.count))
      }
    }
  }

  @Test("is compressed where names are the owners'")
  func compression() throws {
    let name = try #require(DNSName("www.Example.org"))
    let message = DNSMessage(
      header: DNSHeader(id: 1), questions: [DNSQuestion(name, .a)],
      answers: [
        DNSRecord(name.lowercased, timeToLive: 1, .address(.loopback4)),
        DNSRecord(DNSName("a.example.ORG")!, timeToLive: 1, .address(.loopback4)),
        DNSRecord(DNSName("org")!, timeToLive: 1, .cname(name)),
      ])
    let bytes = message.serialized()
    #expect(bytes.count == 12 + 17 + 4 + (2 + 14) + (4 + 14) + (2 + 10 + 17))
    #expect(Array(bytes[33..<35]) == [0xc0, 12])
    #expect(try DNSMessage(parsing: bytes) == message)
  }

  @Test("has names beyond the first 16 KiB, to which no pointer leads")
  func farNames() throws {
    var message = DNSMessage(header: DNSHeader(id: 1))
    for index in 0..<2_000 {
      message.answers.append(
        DNSRecord(DNSName("n\(index % 1_500).zone\(index / 700)")!, timeToLive: 1, .txt([[UInt8(index & 255)]])))
    }
    #expect(try DNSMessage(parsing: message.serialized()) == message)
  }

  @Test("has a name across the end of the first 16 KiB", arguments: 0x3ff0...0x4002)
  func nameAcross(_ start: Int) throws {
    var message = DNSMessage(header: DNSHeader(id: 1))
    message.answers = [
      DNSRecord(
        .root, timeToLive: 1, .other(DNSType(rawValue: 999), [UInt8](repeating: 0, count: start - 2 * 11 - 4 - 12)))
    ]
    message.answers += ["org", "a.b.org", "a.org", "b.org", "a.b.org", "x.a.b.org"].map {
      DNSRecord(DNSName($0)!, timeToLive: 1, .other(DNSType(rawValue: 999), []))
    }
    #expect(try DNSMessage(parsing: message.serialized()) == message)
  }

  /// A header with numbers of records, and more.
  private static func bytes(_ counts: [UInt8], _ rest: [UInt8]) -> [UInt8] {
    [0, 1, 1, 0] + counts.flatMap { [0, $0] } + rest
  }

  static let wrong: [[UInt8]] = [
    [], [0], bytes([1, 0, 0, 0], []), bytes([1, 0, 0, 0], [0, 0, 1, 0]), bytes([0, 0, 0, 0], [0]),
    // Pointers to themselves, forward, into the header, and around.
    bytes([1, 0, 0, 0], [0xc0, 12, 0, 1, 0, 1]), bytes([1, 0, 0, 0], [0xc0, 14, 0, 1, 0, 1]),
    bytes([1, 0, 0, 0], [0xc0, 0, 0, 1, 0, 1]), bytes([1, 0, 0, 0], [1, 0x61, 0xc0, 12, 0, 1, 0, 1]),
    bytes([1, 0, 0, 0], [0xc0]), bytes([1, 0, 0, 0], [0xff, 0xff, 0, 1, 0, 1]),
    // Labels of other kinds, and too long ones.
    bytes([1, 0, 0, 0], [0x41, 0, 0, 1, 0, 1]), bytes([1, 0, 0, 0], [0x80, 0, 0, 1, 0, 1]),
    bytes([1, 0, 0, 0], [63, 0, 0, 1, 0, 1]),
    bytes([1, 0, 0, 0], [UInt8](repeating: 1, count: 256) + [0, 0, 1, 0, 1]),
    // Data of another length than the record says.
    bytes([0, 1, 0, 0], [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 1, 2, 3]),
    bytes([0, 1, 0, 0], [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5]),
    bytes([0, 1, 0, 0], [0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0]),
    bytes([0, 1, 0, 0], [0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0]),
    bytes([0, 1, 0, 0], [0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 2, 0]),
    bytes([0, 1, 0, 0], [0, 0, 99, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0]),
    bytes([0, 1, 0, 0], [0, 0, 35, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]),
    // OPT twice, elsewhere, with a name, with an option that is cut off.
    bytes([0, 0, 0, 2], [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]),
    bytes([0, 1, 0, 0], [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]),
    bytes([0, 0, 0, 1], [1, 0x61, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]),
    bytes([0, 0, 0, 1], [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 5, 0, 1, 0, 2, 0]),
  ]

  @Test("is not anything", arguments: wrong)
  func refused(_ bytes: [UInt8]) { #expect(throws: DNSFormatError.self) { try DNSMessage(parsing: bytes) } }

  @Test("has names of 255 bytes and no longer", arguments: [(61, true), (62, false)])
  func longestName(_ last: Int, _ isRight: Bool) {
    let labels = [63, 63, 63, last].flatMap { [UInt8($0)] + [UInt8](repeating: 0x61, count: $0) }
    let message = try? DNSMessage(parsing: Self.bytes([1, 0, 0, 0], labels + [0, 0, 1, 0, 1]))
    #expect((message?.questions[0].name.wire.count == 255) == isRight)
  }

  @Test("keeps names in data of old types whole")
  func expansion() throws {
    // RP of a name: both of its names are pointers to that.
    let bytes = Self.bytes(
      [1, 1, 0, 0], [1, 0x61, 0, 0, 1, 0, 1, 0xc0, 12, 0, 17, 0, 1, 0, 0, 0, 0, 0, 4, 0xc0, 12, 0xc0, 12])
    #expect(
      try DNSMessage(parsing: bytes).answers.map(\.data) == [.other(DNSType(rawValue: 17), [1, 0x61, 0, 1, 0x61, 0])])
  }

  @Test("may be any bytes: what is read can be written and read again")
  func hostile() {
    var random = SeededGenerator(seed: 5)
    var understood = 0
    for round in 0..<3_000 {
      var bytes: [UInt8]
      if round % 3 == 0 {
        bytes = random.bytes(0...200)
      } else {
        bytes = Self.message(&random).serialized()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          switch Int.random(in: 0...3, using: &random) {
          case 0: bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
          case 2: bytes.removeSubrange(Int.random(in: 12...bytes.count, using: &random)...)
          default:
            let place = Int.random(in: 12...bytes.count, using: &random)
            bytes.insert(contentsOf: [0xc0, UInt8.random(in: 0...255, using: &random)], at: place)
          }
        }
      }
      guard let message = try? DNSMessage(parsing: bytes) else { continue }
      understood += 1
      // What was compressed may grow beyond what a message holds.
      let written = message.serialized()
      guard let again = try? DNSMessage(parsing: written) else {
        Issue.record("\(bytes)")
        continue
      }
      if !again.header.isTruncated || message.header.isTruncated, written.count < 60_000 { #expect(again == message) }
    }
    #expect(understood > 250)
  }

  @Test("made of nothing but pointers costs little")
  func pointers() {
    // A name of the greatest length through 127 pointers, and as many records with it as there can be.
    var bytes = Self.bytes([0, 0, 0, 0], [])
    var previous = 0
    for index in 0..<126 {
      let place = bytes.count
      bytes += [1, 0x61] + (index == 0 ? [0] : [0xc0 | UInt8(previous >> 8), UInt8(previous & 255)])
      previous = place
    }
    // The pool of names is the data of a record with an unknown type.
    let pool = Array(bytes[12...])
    let shift = 11
    var moved: [UInt8] = []
    var index = 0
    while index < pool.count {
      moved += pool[index..<index + 2]
      index += 2
      if pool[index] == 0 {
        moved.append(0)
        index += 1
      } else {
        let target = Int(pool[index] & 0x3f) << 8 + Int(pool[index + 1]) + shift
        moved += [0xc0 | UInt8(target >> 8), UInt8(target & 255)]
        index += 2
      }
    }
    let first: [UInt8] = [0, 0xff, 0, 0, 1, 0, 0, 0, 0, UInt8(moved.count >> 8), UInt8(moved.count & 255)] + moved
    let target = previous + shift
    let record: [UInt8] = [
      0xc0 | UInt8(target >> 8), UInt8(target & 255), 0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0 | UInt8(target >> 8),
      UInt8(target & 255),
    ]
    let count = (DNSMessage.longest - 12 - first.count) / record.count
    let all: [UInt8] =
      [0, 1, 1, 0, 0, 0, UInt8((count + 1) >> 8), UInt8((count + 1) & 255), 0, 0, 0, 0] + first
      + (0..<count).flatMap { _ in record }
    let message = try? DNSMessage(parsing: all)
    #expect(message?.answers.count == count + 1)
    #expect(message?.answers.last?.name.wire.count == 253)
    #expect((message?.serialized().count ?? 0) <= DNSMessage.longest)
  }

  @Test("is read as the C library does")
  func oracle() throws {
    typealias Expand =
      @convention(c) (
        UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafeMutablePointer<CChar>, Int32
      ) -> Int32
    let symbol = try #require(
      dlsym(dlopen(nil, RTLD_NOW), "dn_expand") ?? dlsym(dlopen("libresolv.so.2", RTLD_NOW), "__dn_expand"))
    let expand = unsafeBitCast(symbol, to: Expand.self)
    var random = SeededGenerator(seed: 6)
    var understood = 0
    for round in 0..<1_500 {
      var bytes = Self.message(&random).serialized() + [0xc0, 12, 1, 0x61, 0xc0, 20]
      for _ in 0..<3 {
        bytes[Int.random(in: 12..<bytes.count, using: &random)] = [0, 1, 3, 0x61, 0xc0, 12, 20].randomElement(
          using: &random)!
      }
      let start = round % 2 == 0 ? Int.random(in: 12..<bytes.count, using: &random) : bytes.count - 4
      var text = [CChar](repeating: 0, count: 1_100)
      let used = bytes.withUnsafeBufferPointer {
        expand($0.baseAddress!, $0.baseAddress! + $0.count, $0.baseAddress! + start, &text, Int32(text.count))
      }
      var reader = DNSReader(bytes, offset: start)
      guard let name = try? reader.name() else { continue }
      understood += 1
      #expect(reader.offset - start == Int(used))
      let theirs = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      if used >= 0, !name.isRoot { #expect(DNSName(text: theirs)?.wire == name.wire) }
    }
    #expect(understood > 250)
  }
}

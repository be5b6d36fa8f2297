import Testing

@testable import Inspect

/// What differs inside of two files.
@Suite("Inside of files")
struct ContentComparisonTests {
  typealias Samples = ContentSamples
  typealias Member = ContentSamples.Member

  struct Pair: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var first: [UInt8]
    var second: [UInt8]
    /// A line for each finding.
    var expected: [String]

    init(_ name: String, _ first: [UInt8], _ second: [UInt8], _ expected: String...) {
      (testDescription, self.first, self.second, self.expected) = (name, first, second, expected)
    }
  }

  static func told(_ findings: [ContentFinding]) -> [String] {
    findings.map { finding in
      let parts = [ComparisonWords.place(finding), ComparisonWords.finding(finding.kind)].filter { !$0.isEmpty }
      let lines = ComparisonWords.lines(finding.kind).map { text([$0.mark] + $0.text) }
      return parts.map(text).joined(separator: ": ") + lines.joined(separator: "|")
    }
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private static let (hello, world) = (Samples.bytes("hello\n"), Samples.bytes("world\n"))
  private static let lines = "@@@ -1 +1 @@|-hello|+world"

  static let pairs: [Pair] =
    [
      Pair("text", hello, world, lines),
      Pair("text without an end", hello, Samples.bytes("hello"), "@@@ -1 +1 @@|-hello|+hello (without a newline)"),
      Pair("bytes", [0, 1, 2, 3], [0, 1, 5, 3, 4], "from byte 2 on 0203 and 050304, of 4 and 5 bytes"),
      Pair("an end", [0, 1], [0, 1, 5], "from byte 2 on nothing and 05, of 2 and 3 bytes"),
      Pair(
        "ar", Samples.ar([Member("a", hello), Member("b", "same", time: 1), Member("only", "x")]),
        Samples.ar([Member("a", world), Member("b", "same", time: 60, mode: 0o600), Member("other", "x")]),
        "a" + lines, "b: time 1970-01-01T00:00:01Z and 1970-01-01T00:01:00Z", "b: mode 100644 and 100600",
        "only: only in the first", "other: only in the second"),
      Pair(
        "tar", Samples.tar([Member("a", hello), Member("d/b", "x", time: 1_600_000_000)]),
        Samples.tar([Member("d/b", "x", time: 1_600_000_001, mode: 0o755), Member("a", world)]), "a" + lines,
        "d/b: mode 0644 and 0755", "d/b: time 2020-09-13T12:26:40Z and 2020-09-13T12:26:41Z",
        "the same parts in another order"),
      Pair(
        "tar's links and long names",
        Samples.tar([
          Samples.link("l", to: "a"), Samples.extended("x", "13 path=long\n22 mtime=1600000000.5\n"),
          Member("cut", "x"),
          Samples.extended("L", "longer\u{0}"), Member("cut", hello),
        ]),
        Samples.tar([
          Samples.link("l", to: "b"), Samples.extended("x", "13 path=long\n23 mtime=1600000001.25\n"),
          Member("cut", "x"),
          Samples.extended("L", "longer\u{0}"), Member("cut", world),
        ]), "l: target a and b", "long: time 1600000000.5 and 1600000001.25", "longer" + lines),
      Pair(
        "ar's long names",
        Samples.ar([Member("/", "table"), Member("#1/4", "nameone")])
          .replacing(Samples.bytes("#1/4/"), with: Samples.bytes("#1/4 ")),
        Samples.ar([Member("/", "tablf"), Member("#1/4", "nametwo")])
          .replacing(Samples.bytes("#1/4/"), with: Samples.bytes("#1/4 ")),
        "//: from byte 4 on \"table\" and \"tablf\"",
        "name@@@ -1 +1 @@|-one (without a newline)|+two (without a newline)"),
      Pair(
        "gzip", Samples.gzip(hello, time: 1, name: "a"), Samples.gzip(hello, time: 2, name: "b"),
        "gzip header: time 1970-01-01T00:00:01Z and 1970-01-01T00:00:02Z", "gzip header: name a and b"),
      Pair(
        "gzip's name", Samples.gzip(hello, name: "a"), Samples.gzip(hello), "gzip header: flags 0x8 and 0x0",
        "gzip header: name a and nothing"),
      Pair("in gzip", Samples.gzip(hello), Samples.gzip(world), lines),
      Pair(
        "zip", Samples.zip([Member("a", hello), Member("b", "x", time: 0)], comment: "c"),
        Samples.zip([Member("b", "x", time: 1), Member("a", world)], comment: "d"), "zip header: comment c and d",
        "a" + lines, "b: time 2025-01-01 00:00:00 and 2025-01-01 00:00:02", "the same parts in another order"),
      Pair(
        "ELF",
        Samples.elf([(".text", [1, 2, 3]), (".comment", Samples.bytes("GCC 12")), (".note.gnu.build-id", [9])]),
        Samples.elf(
          [(".text", [1, 2, 4]), (".comment", Samples.bytes("GCC 13")), (".debug_info", [])], entry: 0x1010),
        "ELF header: entry 0x1000 and 0x1010", "ELF .text: from byte 2 on 03 and 04",
        "ELF .comment: from byte 5 on \"GCC 12\" and \"GCC 13\"", "ELF .note.gnu.build-id: only in the first",
        "ELF .shstrtab: from byte 17 on \".note.gnu.build-id\" and \".debug_info\", of 45 and 38 bytes",
        "ELF .debug_info: only in the second"),
      Pair(
        "pyc", Samples.pyc(time: 1, size: 10, code: "code"), Samples.pyc(time: 2, size: 11, code: "coda"),
        "pyc header: time of the source 1970-01-01T00:00:01Z and 1970-01-01T00:00:02Z",
        "pyc header: size of the source 10 and 11", "pyc code: from byte 3 on \"code\" and \"coda\""),
      Pair(
        "pyc with a hash", Samples.pyc(hash: 1, code: "code"), Samples.pyc(hash: 2, code: "code"),
        "pyc header: hash of the source 0100000000000000 and 0200000000000000"),
      Pair(
        "PNG", Samples.png([("IHDR", [1]), ("tEXt", Samples.bytes("made today")), ("IEND", [])]),
        Samples.png([("IHDR", [1]), ("tEXt", Samples.bytes("madeyesterday")), ("tIME", [1]), ("IEND", [])]),
        "PNG tEXt: from byte 4 on \"made today\" and \"madeyesterday\", of 10 and 13 bytes",
        "PNG tIME: only in the second"),
      Pair(
        "a package", package(program: [1]), package(program: [2]),
        "data.tar.gz › ./usr/bin/x › ELF .text: from byte 0 on 01 and 02"),
      Pair(
        "packing", Samples.gzip(repeated, level: 1), Samples.gzip(repeated, level: 9),
        "the same inside, but packed otherwise", packingBytes),
    ]
    + Samples.packed.sorted { $0.key < $1.key }.map { Pair($0.key, $0.value.hello, $0.value.world, lines) }

  private static let repeated = Samples.bytes((0..<500).map { "line \($0 * $0 % 97)\n" }.joined())
  private static var packingBytes: String {
    let (one, other) = (Samples.gzip(repeated, level: 1), Samples.gzip(repeated, level: 9))
    return String(decoding: ComparisonWords.finding(ByteDifference.difference(one[...], other[...])), as: UTF8.self)
  }

  static func package(program: [UInt8]) -> [UInt8] {
    let data = Samples.tar([
      Member("./usr/share/doc", "same"), Member("./usr/bin/x", Samples.elf([(".text", program)])),
    ])
    return Samples.ar([Member("debian-binary", "2.0\n"), Member("data.tar.gz", Samples.gzip(data))])
  }

  @Test("tell what differs, and where", arguments: pairs)
  func differences(_ pair: Pair) {
    #expect(Self.told(ContentComparison(pair.first, pair.second).findings) == pair.expected)
    #expect(ContentComparison(pair.first, pair.first).findings.isEmpty)
  }

  // MARK: Hostile files

  @Test("a file that ends anywhere, or has another byte anywhere, is no trouble", arguments: pairs)
  func damaged(_ pair: Pair) {
    // Each of the bytes of a small file, some of a larger one.
    let step = max(1, pair.first.count / 150)
    for position in stride(from: 0, to: pair.first.count, by: step) {
      var variants = [Array(pair.first[..<position])]
      for flip in [0x01, 0x80, 0xff] as [UInt8] {
        var bytes = pair.first
        bytes[position] ^= flip
        variants.append(bytes)
      }
      for bytes in variants {
        for other in [pair.first, pair.second, bytes.reversed()] where other != bytes {
          let findings = ContentComparison(bytes, other).findings
          #expect(!findings.isEmpty && findings.count < 300)
        }
      }
    }
  }

  @Test("sizes that lie lead nowhere", arguments: [0x7fff_ffff, 0xffff_ffff, 0xffff_ffff_ffff_ffff] as [UInt64])
  func lies(_ size: UInt64) {
    var file = Samples.elf([(".text", [1, 2, 3])])
    let large = withUnsafeBytes(of: size) { Array($0) }
    for place in [40, file.count - 64 - 64 + 24, file.count - 64 - 64 + 32] {
      var bytes = file
      bytes.replaceSubrange(place..<place + 8, with: large)
      #expect(!ContentComparison(bytes, file).findings.isEmpty)
    }
    file = Samples.zip([Member("a", Self.hello)])
    for place in 0..<file.count - 4 {
      var bytes = file
      bytes.replaceSubrange(place..<place + 4, with: large.prefix(4))
      if bytes != file { #expect(!ContentComparison(bytes, file).findings.isEmpty) }
    }
  }

  @Test(
    "numbers in digits that lie lead nowhere",
    arguments: ["-9223372036854775808", "9223372036854775807", "-1", "0", "99999999999999999999", ""])
  func digits(_ number: String) {
    let honest = Samples.tar([Member("a", Self.hello)])
    for record in ["\(number) path=x\n", "\(number.utf8.count + 8) size=\(number)\n", "26 size=\(number)\n"] {
      let tar = Samples.tar([Samples.extended("x", record), Member("a", Self.world)])
      #expect(!ContentComparison(tar, honest).findings.isEmpty)
    }
    let file = Samples.ar([Member("a", Self.hello)])
    for (place, length) in [(0, 16), (16, 12), (48, 10)] {
      for prefix in ["", "/", "#1/"] {
        let field = Samples.bytes(prefix + number).prefix(length)
        var bytes = file
        bytes.replaceSubrange(
          8 + place..<8 + place + length, with: field + [UInt8](repeating: 0x20, count: length - field.count))
        if bytes != file { #expect(!ContentComparison(bytes, file).findings.isEmpty) }
      }
    }
  }

  @Test("what is too much is said to be")
  func limits() {
    func told(_ first: [UInt8], _ second: [UInt8]) -> [String] { Self.told(ContentComparison(first, second).findings) }
    let zeros = [UInt8](repeating: 0, count: ContentBudget.largest + 1)
    #expect(
      told(Samples.gzip(zeros), Samples.gzip([1])).contains {
        $0.hasPrefix("not all was looked into: it unpacks to more than 128 MiB")
      })
    var (one, other) = (Self.hello, Self.world)
    for _ in 0..<20 { (one, other) = (Samples.tar([Member("x", one)]), Samples.tar([Member("x", other)])) }
    #expect(told(one, other) == ["x › x › x › x › x › x › x › x: not all was looked into: it is 8 files deep"])
    let (many, more) = ((0..<1000).map { Member("\($0)", "a") }, (0..<1000).map { Member("\($0)", "b") })
    let findings = told(Samples.tar(many), Samples.tar(more))
    #expect(findings.count == 201 && findings.last == "800 more differences")
    let (long, longer) = ((0..<1000).map { "\($0)\n" }.joined(), (0..<1000).map { "-\($0)\n" }.joined())
    #expect(told(Samples.bytes(long), Samples.bytes(longer))[0].hasSuffix("|@@ 1961 more lines"))
  }

  @Test("names of strangers do not reach the terminal as they are")
  func names() {
    let (one, other) = (
      Samples.tar([Member("\u{1b}[2J", "a\u{1b}[31m\n")]), Samples.tar([Member("\u{1b}[2J", "b\n")])
    )
    let told = Self.told(ContentComparison(one, other).findings)
    #expect(told == ["\\x1b[2J@@@ -1 +1 @@|-a\\x1b[31m|+b"])
  }
}

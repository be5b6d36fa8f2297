import Foundation
import Testing
import Tracing

@testable import Inspect

/// How things are written for people and for programs.
struct TextTests {
  @Test(
    arguments: [
      (0, "0ns"), (999, "999ns"), (1000, "1.00us"), (12_345, "12.3us"), (999_999, "999us"), (4_560_000, "4.56ms"),
      (1_230_000_000, "1.23s"), (59_999_000_000, "59.9s"), (123_000_000_000, "2m03s"), (3_720_000_000_000, "1h02m"),
      (UInt64.max, "5124095h34m"),
    ] as [(UInt64, String)])
  func durations(_ nanoseconds: UInt64, _ text: String) { #expect(Units.duration(nanoseconds) == text) }

  @Test(
    arguments: [
      (0, "0B"), (1023, "1023B"), (1024, "1.00K"), (12_600, "12.3K"), (3 << 20, "3.00M"), (5 << 30, "5.00G"),
      (UInt64.max, "17179869183G"),
    ] as [(UInt64, String)])
  func sizes(_ bytes: UInt64, _ text: String) { #expect(Units.bytes(bytes) == text) }

  @Test(
    arguments: [(0, "0.000000"), (1_234_567_890, "1.234567"), (-5_000, "-0.000005"), (.min, "-9223372036.854775")]
      as [(Int64, String)])
  func seconds(_ nanoseconds: Int64, _ text: String) { #expect(Units.seconds(nanoseconds) == text) }

  @Test(
    arguments: [
      (0, "exit 0"), (3 << 8, "exit 3"), (255 << 8, "exit 255"), (11, "killed by SIGSEGV"),
      (0x80 | 6, "killed by SIGABRT (core dumped)"), (34, "killed by SIGRTMIN"), (64, "killed by SIGRTMIN+30"),
      (99, "killed by signal 99"), (0x137f, "status 0x137f"), (0x10000, "status 0x10000"), (0x10b, "status 0x10b"),
    ] as [(UInt32, String)])
  func waitStatuses(_ status: UInt32, _ text: String) { #expect(WaitStatus(rawValue: status).description == text) }

  @Test func argumentsCanBeGivenToAShell() throws {
    let arguments = ["plain-1.0=x", "", "two words", "it's", "$HOME", "*", "\u{e4}", "a;b", "\\", "\n"]
    let text = String(decoding: CommandText.text(arguments.map { Array($0.utf8) }), as: UTF8.self)
    #expect(text == "plain-1.0=x '' 'two words' 'it'\\''s' '$HOME' '*' \u{e4} 'a;b' '\\' $'\\n'")
  }

  /// Of any bytes: JSON is well-formed, on one line, and what Escaping undoes is what was given.
  @Test(
    arguments: [
      Array(0...255), [0xff], Array("\"\\/\u{9b}31m\u{2028}\u{1F600}".utf8), [], [0xc2], [0xed, 0xa0, 0x80],
    ] as [[UInt8]])
  func noByteIsLost(_ bytes: [UInt8]) throws {
    var line = JSONText()
    line.object { line in
      line.string("name", bytes)
      line.number("number", UInt64.max)
      line.number("least", Int64.min)
      line.number("none", nil as UInt8?)
      line.array("list") { $0.flag(nil, true) }
    }
    #expect(!line.bytes.contains { $0 < 0x20 })
    let object = try #require(JSONSerialization.jsonObject(with: Data(line.bytes)) as? [String: Any])
    #expect(Escaping.unescape(try #require(object["name"] as? String).utf8) == bytes)
    #expect(object["number"] as? UInt64 == .max && object["least"] as? Int64 == .min && object["none"] is NSNull)
    #expect(object["list"] as? [Bool] == [true])
  }

  @Test func outputIsTextOrBase64() throws {
    for count in 0..<10 {
      let bytes = (0..<count).map { UInt8(250 + $0 % 6) }
      #expect(Base64.text(bytes) == Data(bytes).base64EncodedString())
      #expect(Base64.decode(Base64.text(bytes).utf8) == bytes)
    }
    var line = JSONText()
    let text = Array("a\n\u{0}\u{1b}\"\\\u{7f}\u{e4}".utf8)
    line.object { line in text.withUnsafeBufferPointer { line.text("text", $0) } }
    let object = try #require(JSONSerialization.jsonObject(with: Data(line.bytes)) as? [String: String])
    #expect(object["text"].map { Array($0.utf8) } == text)
  }

  @Test(
    arguments: [
      ([2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "127.0.0.1:80"),
      ([10, 0, 31, 144, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 15) + [1, 0, 0, 0, 0], "[::1]:8080"),
      (
        [10, 0, 0, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
        "[2001:db8:0:1::1]:1"
      ),
      ([1, 0] + Array("/run/x\0rest".utf8), "unix:/run/x"), ([1, 0, 0] + Array("a\nb".utf8), "unix:@a\\x0ab"),
      ([1, 0], "unix:"), ([16, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0], "netlink:5/1"), ([17, 0, 0xab], "family 17 ab"),
      ([], "unknown"), ([2, 0, 1], "family 2 01"),
    ] as [([UInt8], String)])
  func addresses(_ bytes: [UInt8], _ text: String) {
    #expect(bytes.withUnsafeBufferPointer { SocketAddress.text($0) } == Array(text.utf8))
  }

  @Test(arguments: [
    ("/usr", "/usr", true), ("/usr", "/usr/bin", true), ("/usr", "/usrx", false), ("/usr/", "/usr/bin", true),
    ("/", "/usr", true), ("main.c", "/src/main.c", true), ("src/main.c", "/a/src/main.c", true),
    ("main.c", "/src/amain.c", false), ("main.c", "/src/main.c/x", true), ("*.c", "/src/main.c", true),
    ("/src/*.c", "/src/a/main.c", true), ("m?in.c", "/src/main.c", true), ("m?in.c", "/src/xmain.c", false),
    ("/s*", "/src/main.c", true), ("[ab]", "/x/b/c", true), ("a\\x0ab", "/a\nb", true), ("\\x2a", "/a", false),
    ("\\x2a", "/*", true),
  ])
  func patterns(_ pattern: String, _ path: String, _ matches: Bool) {
    #expect(PathPattern(pattern).matches(Array(path.utf8)) == matches)
  }

  @Test(
    arguments: [
      ("3", [3]), ("3.1", [3, 1]), ("4294967295", [.max]), ("", nil), ("3.", nil), (".1", nil), ("-1", nil),
      ("+1", nil), ("4294967296", nil), ("x", nil),
    ] as [(String, [UInt32]?)])
  func processNumbers(_ text: String, _ components: [UInt32]?) {
    #expect(ProcessNumber(text)?.components == components)
    if components != nil { #expect(ProcessNumber(text)?.description == text) }
  }

  @Test func everyKindHasAWord() {
    for kind in EventKind.allCases { #expect(EventKind(word: kind.word) == kind) }
  }

  @Test func pathsComeBackInOrder() {
    var table = PathTable()
    let names = (0..<5000).map { Array("\($0 * 7919 % 5000)".utf8) } + [[0xff], Array("a b".utf8)]
    let ids = names.map { name in
      name.withUnsafeBufferPointer { name in table.add(name, in: table.add(name, in: .root)) }
    }
    for (name, id) in zip(names, ids) {
      #expect(table.path(of: id) == [0x2f] + name + [0x2f] + name && table.id(of: table.path(of: id)) == id)
      #expect(name.withUnsafeBufferPointer { table.add($0, in: table.directory(of: id)) } == id)
    }
    #expect(table.count == 2 * names.count + 1 && table.path(of: .root) == [0x2f])
    let sorted = table.sorted()
    #expect(Set(sorted).count == table.count && sorted.first == .root)
    let components = sorted.map { table.path(of: $0).split(separator: 0x2f).map { Array($0) } }
    for (one, next) in zip(components, components.dropFirst()) {
      #expect(one.lexicographicallyPrecedes(next) { $0.lexicographicallyPrecedes($1) })
    }
    #expect(table.id(of: Array("/none".utf8)) == nil && table.id(of: Array("x".utf8)) == nil)
  }
}

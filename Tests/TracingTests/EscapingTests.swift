import Foundation
import Testing

@testable import Tracing

struct EscapingTests {
  @Test(
    arguments: [
      [], Array("plain".utf8), Array("über\u{1F600}".utf8), [0x09, 0x0a, 0x5c], [0xff, 0xfe], [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x7f], Array(0...255),
    ] as [[UInt8]])
  func everyNameComesBack(_ name: [UInt8]) {
    let escaped = Escaping.escape(name)
    #expect(Escaping.unescape(escaped) == name)
    #expect(!escaped.contains { $0 < 0x20 })
    #expect(Array(String(decoding: escaped, as: UTF8.self).utf8) == escaped)
  }

  @Test(arguments: ["\\", "\\x", "\\x4", "\\n", "\\xgg"])
  func whatEscapeDoesNotMakeIsRefused(_ text: String) {
    #expect(Escaping.unescape(text.utf8) == nil)
  }

  @Test func indexComesBack() throws {
    let lines = [
      LayerIndex.Line(
        path: Array("a\tb".utf8), directory: Array("files-3+2".utf8), mode: 0o4755, uid: 7, gid: 8, links: 3),
      LayerIndex.Line(path: [0xff], directory: LayerIndex.absent, mode: 0, uid: 0, gid: 0, links: 0),
    ]
    let index = try #require(try read(LayerIndex.text(uid: 1, gid: 2, lines)))
    #expect(index.uid == 1 && index.gid == 2)
    #expect(index[lines[0].path] == lines[0] && index[[0xff]] == lines[1])
  }

  @Test(arguments: [
    "", "*\t0\n", "*\t0\t0", "*\t0\t0\na\t../x\t644\t0\t0\t1\n", "*\t0\t0\na\tfiles\t9\t0\t0\t1\n",
    "*\t0\t0\na\tfiles\t644\t0\t0\n", "*\t0\t0\n\0\0\0\0\n", "*\t0\t0\na\tfiles\t644\t0\t0\t1\n\u{1b}\n",
    "*\t0\t0\n../a\tfiles-2\t644\t0\t0\t1\n", "*\t0\t0\na/./b\tfiles\t644\t0\t0\t1\n",
    "*\t0\t0\n/a\tfiles\t644\t0\t0\t1\n",
  ])
  func damagedIndexIsRefused(_ text: String) throws {
    #expect(try read(Array(text.utf8)) == nil)
  }

  private func read(_ text: [UInt8]) throws -> LayerIndex? {
    let path = "/var/tmp/uwrx-index-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(text).write(to: URL(fileURLWithPath: path))
    var text = try TraceText(path)
    return try LayerIndex(&text)
  }

  /// C0, C1, line and paragraph separators, bidirectional controls, what nobody sees, tags.
  @Test(arguments: [
    0x1b, 0x7f, 0x85, 0x9b, 0xad, 0x61c, 0x180e, 0x200b, 0x200d, 0x200f, 0x2028, 0x2029, 0x202e, 0x2066, 0x2069, 0x3164,
    0xfe0f, 0xfeff, 0xfff9, 0xe0001, 0xe0041, 0xe0100,
  ])
  func hiddenCharactersAreEscaped(_ value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    let name = "a\(scalar)\u{e9}"
    let codes = scalar.utf8.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(Escaping.isHidden(scalar))
    #expect(String(decoding: Escaping.escape(name.utf8), as: UTF8.self) == "a\(codes)\u{e9}")
    #expect(Escaping.unescape(Escaping.escape(name.utf8)) == Array(name.utf8))
    #expect(Escaping.shown("\\" + name) == "\\a\(codes)\u{e9}")
  }
}

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
    let index = try #require(LayerIndex(text: LayerIndex.text(uid: 1, gid: 2, lines)))
    #expect(index.uid == 1 && index.gid == 2)
    #expect(index[lines[0].path] == lines[0] && index[[0xff]] == lines[1])
  }

  @Test(arguments: [
    "", "*\t0\n", "*\t0\t0", "*\t0\t0\na\t../x\t644\t0\t0\t1\n", "*\t0\t0\na\tfiles\t9\t0\t0\t1\n",
    "*\t0\t0\na\tfiles\t644\t0\t0\n",
  ])
  func damagedIndexIsRefused(_ text: String) {
    #expect(LayerIndex(text: Array(text.utf8)) == nil)
  }
}

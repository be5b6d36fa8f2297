import Foundation
import Testing

@testable import TraceViewer

@Suite("What of a guest's bytes is shown")
struct GlyphsTests {
  private static let hostile: [[UInt8]] = [
    [0x1b, 0x5b, 0x32, 0x4a], [0x9b, 0x32, 0x4a], Array("a\tb\nc\rd".utf8), [0xff, 0xfe, 0x41], [0xc3],
    [0xed, 0xa0, 0x80],
    Array("e\u{301}".utf8), Array("\u{202e}gpj.exe".utf8), Array("\u{ad}".utf8), Array("\u{9b}2J".utf8), [0x7f], [0],
    Array("日本語".utf8), Array("it's".utf8), Array("$(rm -rf ~)".utf8), Array("back\\slash".utf8), [],
    Array("\u{200b}".utf8),
    Array("\u{1f600}".utf8), Array("'\u{1b}'\\".utf8), Array("\u{10ffff}".utf8),
  ]

  @Test("nothing that a terminal obeys or does not show", arguments: hostile, [true, false])
  func harmless(_ bytes: [UInt8], _ isUTF8: Bool) {
    let glyphs = Glyphs(isUTF8: isUTF8)
    for text in [glyphs.text(bytes), glyphs.quoted(bytes), glyphs.pieces(bytes, isLiteral: true).map(\.text).joined()] {
      for scalar in text.unicodeScalars {
        #expect(Glyphs.width(scalar) > 0, "\(scalar.value)")
        if !isUTF8 { #expect(scalar.isASCII) }
      }
    }
  }

  @Test("a shell makes the same word of what is quoted", arguments: hostile, [true, false])
  func quoting(_ bytes: [UInt8], _ isUTF8: Bool) throws {
    // No argument holds a NUL.
    if bytes.contains(0) { return }
    let quoted = Glyphs(isUTF8: isUTF8).quoted(bytes)
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/bash")
    shell.arguments = ["-c", "printf %s \(quoted)"]
    let pipe = Pipe()
    shell.standardOutput = pipe
    try shell.run()
    let printed = Array(pipe.fileHandleForReading.readDataToEndOfFile())
    shell.waitUntilExit()
    #expect(printed == bytes, "\(quoted)")
  }

  @Test func names() {
    let glyphs = Glyphs(isUTF8: true)
    #expect(glyphs.text("a\tb\n\u{1b}[31m\\".utf8) == #"a\tb\n\x1b[31m\\"#)
    #expect(glyphs.text([0xff, 0x41]) == #"\xffA"#)
    #expect(glyphs.text("日本".utf8) == "日本")
    #expect(Glyphs(isUTF8: false).text("ü".utf8) == #"\u{fc}"#)
    #expect(glyphs.quoted("a b".utf8) == "'a b'")
    #expect(glyphs.quoted("it's".utf8) == #"'it'\''s'"#)
    #expect(glyphs.quoted("a\n7".utf8) == #"$'a\n7'"#)
  }

  @Test("wide characters take two cells, and are never cut in half")
  func wide() {
    var screen = Screen(rows: 1, columns: 5)
    #expect(screen.put("日本語", row: 0, column: 0) == 4)
    #expect(screen.text(0) == "日本")
    #expect(screen[0, 1].character == nil)
    screen.put("x", row: 0, column: 4)
    #expect(screen.put("y", row: 0, column: 5) == 5)
    #expect(screen.text(0) == "日本x")
  }

  @Test(arguments: [1, 2, 7, 80])
  func wrapping(_ width: Int) {
    let text = "cc -c 日本語.c -o a_very_long_name_without_any_space.o  two"
    let lines = Wrapping.lines(text, width: width)
    #expect(lines.joined() == text)
    if width > 1 { #expect(lines.allSatisfy { Glyphs.width($0) <= width }) }
    #expect(Wrapping.rows(text, width: width).joined() == text)
  }

  @Test func counts() {
    #expect(Format.grouped(1_234_567) == "1,234,567")
    #expect(Format.grouped(-123) == "-123")
    #expect(Format.count(1, "child", plural: "children") == "1 child")
  }
}

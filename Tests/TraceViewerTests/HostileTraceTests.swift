import Testing
import Tracing

@testable import TraceViewer

@Suite("Traces that mean harm, or mean nothing")
struct HostileTraceTests {
  /// The same for each run: a failure can be looked at.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var mixed = state
      mixed ^= mixed >> 33
      mixed = mixed &* 0xff51_afd7_ed55_8ccd
      return mixed ^ mixed >> 29
    }
  }

  private static let keys: [Key] =
    [
      .up, .down, .left, .right, .pageUp, .pageDown, .home, .end, .enter, .escape, .tab, .backTab, .backspace, .delete,
      .help, .other,
    ]
    + "12345/nNpcbyzsdft!+- ?ghjklGax.".unicodeScalars.map { Key($0) }

  /// All that is shown must be what a terminal shows as it is, and nothing must be outside.
  private func check(_ state: inout ViewerState) {
    switch state.frame() {
    case .grid(let screen):
      #expect(screen.rows == state.rows && screen.columns == state.columns)
      for row in 0..<screen.rows {
        var column = 0
        while column < screen.columns {
          guard let character = screen[row, column].character else {
            Issue.record("half a character in row \(row)")
            return
          }
          let width = Glyphs.width(character)
          #expect(width > 0)
          column += max(1, width)
        }
        #expect(column == screen.columns)
      }
    case .text(let text):
      #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || Glyphs.width($0) > 0 })
    }
    if let copied = state.copied {
      #expect(copied.unicodeScalars.dropFirst().dropLast().allSatisfy { $0.isASCII && $0.value >= 0x20 })
      state.copied = nil
    }
  }

  private func press(_ count: Int, _ state: inout ViewerState, _ generator: inout Generator) {
    for _ in 0..<count {
      if Int.random(in: 0..<20, using: &generator) == 0 {
        state.resize(
          rows: .random(in: 0..<40, using: &generator), columns: .random(in: 0..<170, using: &generator))
      }
      state.handle(Self.keys.randomElement(using: &generator)!)
      check(&state)
    }
  }

  @Test("names of any bytes", arguments: [true, false])
  func names(_ isUTF8: Bool) {
    let words: [[UInt8]] = [
      Array("\u{1b}[2J\u{1b}]52;c;AAAA\u{7}".utf8), Array("tab\tnew\nline\r".utf8), [0xff, 0xfe, 0x80],
      Array("日本語".utf8),
      [UInt8](repeating: 0x78, count: 20_000), Array("e\u{301}\u{202e}".utf8), Array("\u{9b}31m".utf8), [],
    ]
    var script = TraceScript()
    for (number, word) in words.enumerated() {
      let pid = UInt32(number + 2)
      script.spawn(pid, parent: pid - 1)
      script.exec(pid, "/bin/\u{1b}[31mp\n", [word, word])
      script.print(pid, word)
      script.miss(pid, String(decoding: word.prefix(200), as: UTF8.self), in: "/日本\t")
      script.connect(pid, [1, 0] + word.prefix(100))
    }
    var state = script.viewer(isUTF8: isUTF8)
    var generator = Generator(state: 7)
    press(400, &state, &generator)
  }

  @Test("events of any bytes", arguments: 0..<20 as Range<UInt64>)
  func events(_ seed: UInt64) {
    var generator = Generator(state: seed)
    var state = ViewerState(path: "x", command: [], isUTF8: true)
    state.resize(rows: 24, columns: 80)
    state.progress = [.reading, .running, .ended][Int(seed) % 3]
    for _ in 0..<2000 {
      var event = Event(EventKind.allCases.randomElement(using: &generator)!, pid: 0, node: 0, version: 0)
      event.flags = .random(in: 0...3, using: &generator)
      event.pid = .random(in: 0...12, using: &generator)
      event.node = Bool.random(using: &generator) ? .random(in: 0...12, using: &generator) : .max
      event.version = Bool.random(using: &generator) ? .random(in: 0...12, using: &generator) : .max
      event.time = Bool.random(using: &generator) ? .random(in: 0...1000, using: &generator) : .max
      let name = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator)
      }
      name.withUnsafeBufferPointer { state.take(event, $0) }
    }
    state.refresh()
    press(100, &state, &generator)
  }

  @Test("100,000 processes, in a row and below each other", arguments: [true, false])
  func many(_ isChain: Bool) {
    var script = TraceScript()
    for pid in 2..<100_002 as Range<UInt32> {
      script.spawn(pid, parent: isChain || pid == 2 ? pid - 1 : 2)
      if pid == 2 { script.exec(2, "/bin/sh", "sh") }
    }
    script.exec(77_777, "/bin/needle", "needle")
    var state = script.viewer()
    state.handle(.end)
    check(&state)
    #expect(state.current?.pid == 100_001)
    state.type("/needle\r")
    check(&state)
    #expect(state.current?.pid == 77_777)
    #expect(state.tree.matchCount == 1)
    state.handle(.escape)
    state.type("-g")
    check(&state)
    #expect(state.tree.rows.count == (isChain ? 2 : 100_000))
  }
}

import Inspect
import Testing
import Tracing

@testable import TraceViewer

@Suite("What the viewer shows, and what its keys do")
struct ViewerStateTests {
  @Test("80x24: the tree over the details")
  func wholeScreen() {
    var state = TraceScript.build.viewer()
    #expect(
      state.text().joined(separator: "\n") == """
        uwrx ui  build/0/0  make -k                5 processes, 2 failed  73.0ms  ended
          PID STATUS       TIME     CPU  COMMAND
            2 exit 2     73.0ms  3.00ms  ▾ make -k
            3 ok         20.0ms  3.00ms  ├── cc -c main.c
            4 exit 1     7.00ms  3.00ms  ├── cc -c 'bad file.c'
            5 ok         40.0ms  3.00ms  └─▾ cc main.o
            6 ok         40.0ms  3.00ms    └── ld -o a.out main.o

         1 Summary  2 Environment  3 Files  4 Network  5 Output                  2 make
         Process    2  (pid 1 in the guest, 5002 on the host)
         Status     exit 2
         Time       73.0ms, from +0.000000 to +0.073000 s
         Waited for 6.00ms for itself alone
         Started    2026-01-02T03:04:05.000000Z
         Used       user 2.00ms, system 1.00ms, memory 12.0M
         Program    /usr/bin/make
         Directory  /src
         Counts     3 children, 7 events, 35B of output

         Command    make -k



        ? Help  q Quit  / Filter  Enter Details  1-5 Tab  y Copy  p Parent  c Child
        """)
  }

  @Test("a locale without UTF-8 gets ASCII")
  func ascii() {
    var script = TraceScript.build
    script.spawn(7, parent: 2)
    script.exec(7, "/usr/bin/env", "env", "grün")
    var state = script.viewer(isUTF8: false)
    let rows = state.text()
    #expect(rows.allSatisfy { $0.unicodeScalars.allSatisfy(\.isASCII) })
    #expect(rows.contains { $0.contains("|-+ ") || $0.contains("|-- ") })
    #expect(rows.contains { $0.hasSuffix("env $'gr\\303\\274n'") })
  }

  @Test("a filter is live and keeps the ancestors of what matches")
  func filter() {
    var state = TraceScript.build.viewer()
    state.type("/ld")
    var rows = state.text()
    #expect(rows[1].contains("[/ld] 1 of 5"))
    #expect(rows[2...4].map { $0.contains("make") || $0.contains("main.o") } == [true, true, true])
    #expect(!rows[2...7].contains { $0.contains("main.c") })
    #expect(rows[23].hasPrefix("Filter processes: ld"))
    #expect(state.current?.pid == 6)
    state.type(" a.out")
    rows = state.text()
    #expect(rows[1].contains("1 of 5"))
    #expect(state.current?.pid == 6)
    state.handle(.enter)
    #expect(state.text()[1].contains("[/ld a.out]"))
    state.handle(.escape)
    #expect(!state.isFiltered)
    #expect(state.current?.pid == 6)
    state.type("/no such program\r")
    #expect(state.text()[2].contains("No process matches"))
    state.type("n")
    #expect(state.message == "No process matches")
  }

  @Test("n and N go through the matches, or the failed ones")
  func matches() {
    var state = TraceScript.build.viewer()
    var pids: [UInt32] = []
    state.type("/cc\r")
    for _ in 0..<4 {
      pids.append(state.current!.pid)
      state.type("n")
    }
    #expect(pids == [3, 4, 5, 3])
    state.type("N")
    #expect(state.current?.pid == 3)
    state.handle(.escape)
    state.type("gn")
    #expect(state.current?.pid == 4)
    state.type("n")
    #expect(state.current?.pid == 2)
  }

  @Test("failed ones only, long ones only, sorted")
  func choices() {
    var state = TraceScript.build.viewer()
    func shown() -> [UInt32] { state.tree.rows.map { state.run.processes[$0.process].pid } }
    state.type("!")
    #expect(shown() == [2, 4])
    state.type("!t")
    #expect(shown() == [2, 3, 5, 6])
    state.type("ttt")
    #expect(shown() == [2, 3, 4, 5, 6])
    state.type("s")
    #expect(shown() == [2, 5, 6, 3, 4])
  }

  @Test("what was skipped is told apart, with where it ran; so is why others ran")
  func skipping() {
    var script = TraceScript()
    script.spawn(2, parent: 1)
    script.exec(2, "/usr/bin/make", "make")
    for pid in UInt32(3)...5 {
      script.spawn(pid, parent: 2)
      script.exec(pid, "/usr/bin/gcc", "cc", "-c", "\(pid).c")
      script.wait(milliseconds: 1)
    }
    script.skipping(
      .skipped, 3, SkippedProcess(origin: Array("/build/0/0".utf8), process: 7, duration: 95_000_000).bytes)
    script.exit(3)
    var difference = UnskippedProcess(reason: "has another size, mode or owner")
    (difference.process, difference.path, difference.question) = (8, Array("/src/4.c".utf8), .status)
    difference.was = Array("file 100644 0 0 12".utf8)
    difference.now = Array("file 100600 0 0 12".utf8)
    script.skipping(.unskipped, 4, difference.bytes)
    script.skipping(.unrecorded, 4, UnrecordedProcess(reason: "it moves FILE", path: Array("/src/a".utf8)).bytes)
    script.wait(milliseconds: 20)
    script.exit(4)
    script.skipping(.skipped, 5, SkippedProcess(origin: [], process: 9, duration: 1).bytes)
    script.exit(5, status: 1 << 8)
    script.wait(milliseconds: 1)
    script.exit(2)
    var state = script.viewer()
    var rows = state.text()
    #expect(rows[0].contains("4 processes, 2 skipped, 1 failed"))
    #expect(rows.contains { $0.contains("3 skipped ") })
    #expect(rows.contains { $0.contains("5 skipped 1 ") })
    state.type("c")
    rows = state.text()
    #expect(rows.contains { $0.contains("Skipped    it took 95.0ms in /build/0/0, process 7") }, "\(rows)")
    state.type("j")
    rows = state.text()
    #expect(rows.contains { $0.contains("Why it ran /src/4.c has another mode") }, "\(rows)")
    #expect(rows.contains { $0.contains("No record  it moves /src/a") }, "\(rows)")
    // The run has waited for make itself and for what ended last, with nothing between them.
    state.type("w")
    #expect(state.tree.rows.map { state.run.processes[$0.process].pid } == [2, 5])
    #expect(state.text()[1].contains("[waited for] 2 of 4"))
    let path = CriticalPath(state.run)
    #expect(path.segments.reduce(0) { $0 + $1.end - $1.start } == 24_000_000)
    #expect(path.times == [2: 3_000_000, 5: 21_000_000])
  }

  @Test("parent, child, collapse and back")
  func moves() {
    var state = TraceScript.build.viewer()
    state.handle(.end)
    #expect(state.current?.pid == 6)
    state.type("p")
    #expect(state.current?.pid == 5)
    state.type("p")
    #expect(state.current?.pid == 2)
    state.type("c")
    #expect(state.current?.pid == 3)
    state.type("bb")
    #expect(state.current?.pid == 5)
    state.handle(.backspace)
    #expect(state.current?.pid == 6)
    state.type("b")
    #expect(state.message == "There is nothing to go back to")
    state.handle(.left)
    #expect(state.current?.pid == 5)
    state.handle(.left)
    #expect(state.tree.rows.count == 4)
    #expect(state.text()[5].contains("▸ (1) cc main.o"))
    state.handle(.right)
    #expect(state.tree.rows.count == 5)
    state.handle(.end)
    state.type("-")
    #expect(state.tree.rows.count == 4)
    #expect(state.current?.pid == 5)
    state.type("+")
    #expect(state.tree.rows.count == 5)
  }

  @Test("from a file that was read to who wrote it, and back")
  func writer() {
    var state = TraceScript.build.viewer()
    state.handle(.end)
    state.type("3")
    state.handle(.enter)
    state.type("/main.o\r")
    let rows = state.text()
    #expect(rows[10].contains("read          /src/main.o  v1 ← 3 cc"))
    state.handle(.enter)
    #expect(state.current?.pid == 3)
    #expect(state.text()[10].contains("create        /src/main.o  v1"))
    state.handle(.enter)
    #expect(state.current?.pid == 6)
    state.type("bb")
    #expect(state.current?.pid == 6)
    state.handle(.escape)
    state.type("/a.out\r")
    state.handle(.enter)
    #expect(state.message == "This process wrote it, and no other one read it")
  }

  @Test("the files of a process by what was done with them")
  func files() {
    var state = TraceScript.build.viewer()
    state.type("c3")
    let rows = state.text()
    #expect(rows[9].contains("all 5  written 1  read 2  asked 1  missed 1"))
    #expect(
      rows[10...14].map { $0.split(separator: " ").prefix(2).joined(separator: " ") } == [
        "create /src/main.o", "exec /usr/bin/gcc-12", "read /src/main.c", "stat /usr/include", "missing /src/config.h",
      ])
    state.handle(.enter)
    state.type("ffff")
    #expect(state.pane.count == 1)
    #expect(state.text()[10].contains("missing       /src/config.h"))
  }

  @Test("an environment and how it differs")
  func environment() {
    var state = TraceScript.build.viewer()
    state.type("c2")
    let rows = state.text()
    #expect(rows[9].contains("3 variables, 2 not as in its parent"))
    #expect(
      rows[10...12] == [
        "   HOME=/root", " + MAKELEVEL=1", " ~ PATH=/usr/local/bin:/usr/bin",
      ])
    state.handle(.enter)
    state.type("d")
    #expect(state.pane.count == 2)
    // What the second compiler no longer has is told, too.
    state.handle(.escape)
    state.handle(.down)
    #expect(state.text()[10] == " - PATH=/usr/bin")
  }

  @Test("output with its control characters visible")
  func output() {
    var script = TraceScript.build
    script.print(2, Array("a\tb\u{1b}[31mred\u{1b}]0;title\u{7}\r\nöl ".utf8) + [0xff, 0x0a])
    var state = script.viewer()
    state.type("5")
    let rows = state.text()
    #expect(rows[9].contains("stderr 30B"))
    #expect(rows[10] == " err make: Target 'all' not remade")
    #expect(rows[11] == " out done")
    #expect(rows[12] == #" out a       b\x1b[31mred\x1b]0;title\x07\r"#)
    #expect(rows[13] == #" out öl \xff"#)
  }

  @Test("connections of all families")
  func network() {
    var script = TraceScript.build
    script.connect(2, [2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    script.connect(2, [10, 0, 0, 80, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 15) + [1, 0, 0, 0, 0], kind: .bind)
    script.connect(2, [1, 0] + Array("/run/x\n.sock".utf8) + [0], kind: .accept)
    script.connect(2, [1, 0, 0] + Array("abstract".utf8))
    script.connect(2, [2])
    script.connect(2, [])
    var state = script.viewer()
    state.type("4")
    let rows = state.text()
    #expect(rows[10].contains("connect  127.0.0.1:8080"))
    #expect(rows[11].contains("bind     [::1]:80"))
    #expect(rows[12].contains(#"accept   unix:/run/x\x0a.sock"#))
    #expect(rows[13].contains("connect  unix:@abstract"))
    #expect(rows[14].contains("unknown"))
  }

  @Test("the network that a run was given: connections, requests, names, refusals")
  func networkBeyondTheGuest() {
    var script = TraceScript.build
    script.connect(2, [2, 0, 0, 53, 10, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0])
    script.wait(milliseconds: 1)
    script.network(.lookUp, 2, LookUpRecord(name: "pypi.org", type: "A", answer: "127.1.2.3").bytes)
    script.wait(milliseconds: 1)
    script.network(.connection, 2, connection: 7, Array("pypi.org:443 at 192.0.2.1".utf8))
    script.network(.connection, 3, connection: 8, Array("other.org:443 at 192.0.2.2".utf8))
    script.wait(milliseconds: 30)
    let record = RequestRecord(
      method: "GET", url: "https://pypi.org/simple/\u{1b}[31m", status: 200, sent: 0, received: 12_345,
      duration: 20_000_000, isBrokenOff: false)
    script.network(.request, 2, connection: 7, record.bytes)
    script.network(.refusal, 2, Array("example.org:443\0--allow example.org:443 lets it through".utf8))
    script.network(.connectionEnd, 2, connection: 7, [0, 4, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0])
    script.network(.connection, 2, connection: 9, Array("late.org:80 at 192.0.2.3".utf8))
    var state = script.viewer()
    state.type("4")
    state.handle(.enter)
    state.type("z")
    let rows = state.text()
    let lines = [
      "f: all 6  requests 1  connections 3  names 1  sockets 1", "connect  10.0.2.3:53",
      "name     pypi.org A 127.1.2.3",
      "reached  pypi.org:443 at 192.0.2.1  1.00K out  16.0K in  30.0ms",
      "refused  example.org:443: --allow example.org:443 lets it through",
    ]
    let shown = lines.map { line in rows.firstIndex { $0.contains(line) } }
    #expect(!shown.contains(nil) && shown.compactMap { $0 } == shown.compactMap { $0 }.sorted(), "\(rows)")
    #expect(
      rows.contains { $0.contains(#"GET      https://pypi.org/simple/\x1b[31m  200  0B out  12.0K in  20.0ms"#) },
      "\(rows)")
    #expect(rows.contains { $0.contains("reached  late.org:80 at 192.0.2.3  open") })
    state.type("f")
    #expect(state.text().contains { $0.contains("GET      https://pypi.org") })
    #expect(!state.text().contains { $0.contains("10.0.2.3:53") })
    state.type("ff")
    #expect(state.text().contains { $0.contains("name     pypi.org A") })
    #expect(!state.text().contains { $0.contains("GET      https://pypi.org") })
  }

  @Test("the command alone on the screen, and to the clipboard")
  func copy() {
    var state = TraceScript.build.viewer()
    state.type("cj")
    state.type("y")
    guard case .text(let text) = state.frame() else { return #expect(Bool(false)) }
    #expect(text.hasPrefix("cc -c 'bad file.c'\n"))
    #expect(state.copied == "\u{1b}]52;c;Y2MgLWMgJ2JhZCBmaWxlLmMn\u{7}")
    state.type("q")
    #expect(state.mode == .browse)
    #expect(!state.isFinished)
    state.type("q")
    #expect(state.isFinished)
  }

  @Test("a run in progress keeps the selection, and its end is seen")
  func progress() {
    var script = TraceScript()
    script.spawn(2, parent: 1)
    script.exec(2, "/bin/sh", "sh")
    script.spawn(3, parent: 2)
    var state = script.viewer(progress: .running)
    #expect(state.text()[0].hasSuffix("● running"))
    #expect(state.text()[3].contains("running"))
    state.handle(.end)
    #expect(state.current?.pid == 3)
    var more = script
    more.spawn(4, parent: 2)
    more.exec(3, "/bin/true", "true")
    more.exit(3, status: 9)
    for (event, name) in more.events[script.events.count...] {
      name.withUnsafeBufferPointer { state.take(event, $0) }
    }
    state.refresh()
    #expect(state.current?.pid == 3)
    #expect(state.text()[3].contains("SIGKILL"))
    #expect(state.text()[3].contains("true"))
    #expect(state.text()[4].contains("running"))
    state.progress = .ended
    state.refresh()
    #expect(state.text()[0].hasSuffix("ended"))
    #expect(state.text()[4].contains("unknown"))
  }

  @Test(
    "small, large and impossible sizes",
    arguments: [(0, 0), (1, 200), (7, 80), (24, 39), (8, 40), (19, 80), (50, 59), (60, 220)])
  func sizes(_ rows: Int, _ columns: Int) {
    var state = TraceScript.build.viewer(rows: rows, columns: columns)
    let text = state.text()
    #expect(text.count == rows)
    if rows < 8 || columns < 40 {
      #expect(text.first.map { "The terminal is too small:".hasPrefix($0) } ?? true)
      return
    }
    #expect(text.contains { $0.contains("make") })
    state.type("3")
    #expect(state.text().contains { $0.contains("/src/Makefile") })
    if rows < 20 { #expect(!state.text().contains { $0.contains("PID") }) }
    state.handle(.escape)
    #expect(state.text().contains { $0.contains("PID") })
  }

  @Test("help lists the keys, and scrolls where it has no room")
  func help() {
    var state = TraceScript.build.viewer()
    state.type("?")
    #expect(state.text()[1] == " Moving")
    state.handle(.end)
    #expect(state.text().contains { $0.contains("quit") })
    state.handle(.escape)
    #expect(state.mode == .browse)
  }
}

import Foundation
import Testing
import Tracing

@Suite("uwrx ui on a real terminal", .serialized)
struct TerminalTests {
  /// Shows the sample build, between lines of the terminal that must come back.
  private func withViewer(
    environment: [String: String] = [:], rows: Int = 24, columns: Int = 80, _ body: (Tmux) throws -> Void
  ) throws {
    try Tmux.with(
      rows: rows, columns: columns,
      { directory in
        try TraceScript.build.write(to: directory + "/0/0")
        let exports = environment.map { "export \($0)=\($1); " }.joined()
        return "cd \(directory); trap : INT; echo before; \(exports)\(Tmux.binary) ui 0/0; echo status $?; exec cat"
      }, body)
  }

  @Test("tree, details, filter, help, resizing, and the terminal as it was")
  func tour() throws {
    try withViewer { tmux in
      var rows = try tmux.wait(for: "main.c")
      #expect(rows[0].hasPrefix("uwrx ui  0/0  make -k"))
      #expect(rows[0].hasSuffix("ended"))
      #expect(rows[2].hasSuffix("▾ make -k"))
      #expect(rows[6].hasSuffix("└── ld -o a.out main.o"))
      #expect(rows[8].contains("1 Summary"))
      #expect(!rows.contains("before"))
      try tmux.press("Down", "3")
      try tmux.wait(for: "create        /src/main.o")
      try tmux.press("/")
      try tmux.type("a.out")
      rows = try tmux.wait(for: "1 of 5")
      #expect(rows[23].hasPrefix("Filter processes: a.out"))
      #expect(!rows.contains { $0.contains("main.c") })
      try tmux.press("Enter", "Enter")
      try tmux.type("/main.o")
      try tmux.press("Enter")
      try tmux.wait(for: "← 3 cc")
      try tmux.press("Enter")
      try tmux.wait(for: "The filter was removed")
      try tmux.press("b", "Escape", "Escape", "F1")
      try tmux.wait(for: "Shift-Tab")
      try tmux.press("Escape")
      try tmux.wait(for: "1 Summary")
      try tmux.resize(rows: 30, columns: 170)
      rows = try tmux.wait("the details beside the tree") {
        $0.count > 29 && $0[1].contains("COMMAND") && $0[1].contains("1 Summary")
      }
      #expect(rows[29].hasPrefix("? Help"))
      try tmux.resize(rows: 7, columns: 50)
      try tmux.wait(for: "The terminal is too small")
      try tmux.resize(rows: 24, columns: 80)
      try tmux.wait(for: "1 Summary")
      try tmux.press("q")
      rows = try tmux.wait(for: "status 0")
      #expect(rows[0...1] == ["before", "status 0"])
    }
  }

  @Test("types of terminals", arguments: ["xterm-256color", "screen", "linux", "vt100", "xterm"])
  func types(_ type: String) throws {
    try withViewer(environment: ["TERM": type]) { tmux in
      let rows = try tmux.wait(for: "main.c")
      #expect(rows[6].hasSuffix("└── ld -o a.out main.o"))
      try tmux.press("Down", "Down", "3", "Enter", "End")
      try tmux.wait(for: "bad file.c")
      try tmux.press("q")
      try tmux.wait(for: "status 0")
    }
  }

  @Test("a locale without UTF-8, and one that is not installed", arguments: ["C", "xx_XX.UTF-8"])
  func locales(_ locale: String) throws {
    try withViewer(environment: ["LC_ALL": locale]) { tmux in
      let rows = try tmux.wait(for: "main.c")
      #expect(rows[6].hasSuffix((locale == "C" ? "`-- " : "└── ") + "ld -o a.out main.o"))
      try tmux.press("q")
      try tmux.wait(for: "status 0")
    }
  }

  @Test("a signal gives the terminal back", arguments: [SIGINT, SIGTERM, SIGHUP])
  func signals(_ signal: Int32) throws {
    try withViewer { tmux in
      try tmux.wait(for: "main.c")
      if signal == SIGINT { try tmux.press("C-c") } else { kill(try tmux.child(), signal) }
      let rows = try tmux.wait(for: "status \(128 + signal)")
      #expect(rows[0] == "before")
    }
  }

  @Test("Ctrl-Z stops it, fg brings it back")
  func stopping() throws {
    try Tmux.with({ directory in
      try TraceScript.build.write(to: directory + "/0/0")
      try "PS1='ready> '".write(toFile: directory + "/rc", atomically: false, encoding: .utf8)
      return "cd \(directory); exec bash --noprofile --rcfile rc -i"
    }) { tmux in
      try tmux.wait(for: "ready>")
      try tmux.type("\(Tmux.binary) ui 0/0")
      try tmux.press("Enter")
      try tmux.wait(for: "main.c")
      try tmux.press("C-z")
      try tmux.wait(for: "Stopped")
      try tmux.type("fg")
      try tmux.press("Enter")
      try tmux.wait(for: "main.c")
      try tmux.press("Down", "q")
      try tmux.wait("the shell") { $0.last { !$0.isEmpty } == "ready>" && !$0.contains { $0.contains("main.c") } }
    }
  }

  @Test("the command alone, without anything around it")
  func plain() throws {
    try withViewer { tmux in
      try tmux.wait(for: "main.c")
      try tmux.press("Down", "Down", "y")
      let rows = try tmux.wait(for: "any key")
      #expect(rows[0] == "cc -c 'bad file.c'")
      try tmux.press("Escape")
      try tmux.wait(for: "1 Summary")
      try tmux.press("q")
      try tmux.wait(for: "status 0")
    }
  }

  @Test("a run in progress is followed to its end")
  func following() throws {
    var script = TraceScript()
    script.spawn(2, parent: 1)
    script.exec(2, "/bin/sh", "sh", "-c", "first")
    var trace = ""
    var writer: EventWriter?
    func append(_ events: ArraySlice<(Event, [UInt8])>) {
      for (event, name) in events { name.withUnsafeBufferPointer { writer!.append(event, $0) } }
    }
    try Tmux.with({ directory in
      trace = directory + "/0/0"
      try FileManager.default.createDirectory(atPath: trace + "/files", withIntermediateDirectories: true)
      try "sh\n".write(toFile: trace + "/cmd", atomically: false, encoding: .utf8)
      writer = try EventWriter(trace: trace)
      append(script.events[...])
      return "\(Tmux.binary) ui \(trace); echo status $?; exec cat"
    }) { tmux in
      try tmux.wait(for: "● running")
      let count = script.events.count
      script.spawn(3, parent: 2)
      script.exec(3, "/bin/second", "second")
      append(script.events[count...])
      try tmux.wait(for: "└── second")
      try tmux.press("End", "y")
      try tmux.wait("the new process's command") { $0[0] == "second" }
      try tmux.press("Escape")
      let later = script.events.count
      script.exit(3, status: 3 << 8)
      script.exit(2)
      append(script.events[later...])
      try tmux.wait(for: "exit 3")
      try writer!.finish()
      try "exit\t0\n".write(toFile: trace + "/status", atomically: false, encoding: .utf8)
      try writer!.removeBuffer()
      try tmux.wait("the end") { $0[0].hasSuffix("ended") }
      try tmux.press("q")
      try tmux.wait(for: "status 0")
    }
  }

  @Test("a damaged trace and one whose run was killed are shown, with a notice", arguments: [true, false])
  func damage(_ isCut: Bool) throws {
    try Tmux.with({ directory in
      let trace = directory + "/0/0"
      try TraceScript.build.write(to: trace, isComplete: isCut)
      if isCut {
        let size = try #require(
          FileManager.default.attributesOfItem(atPath: trace + "/perfetto")[.size] as? Int)
        truncate(trace + "/perfetto", size - 5)
      }
      return "\(Tmux.binary) ui \(trace); exec cat"
    }) { tmux in
      let rows = try tmux.wait(for: isCut ? "damaged" : "killed")
      #expect(rows[3].hasSuffix("cc -c main.c"))
      try tmux.press("q")
    }
  }

  @Test("what cannot be shown is told with exit status 125")
  func refusals() throws {
    try Tmux.with({ directory in
      try TraceScript.build.write(to: directory + "/0/0")
      return """
        cd \(directory); uwrx=\(Tmux.binary)
        $uwrx ui 0/0 < /dev/null; echo no input $?
        $uwrx ui 0/0 2>&1 | cat; echo no output ${PIPESTATUS}
        $uwrx ui no/such; echo no trace $?
        $uwrx ui .; echo no run $?
        TERM=no-such-terminal $uwrx ui 0/0; echo no type $?
        exec cat
        """
    }) { tmux in
      let text = try tmux.wait(for: "no type 125").joined(separator: "\n")
      #expect(text.contains("uwrx: uwrx ui needs a terminal; use uwrx inspect procs 0/0\nno input 125"))
      #expect(text.contains("no output"))
      #expect(text.contains("uwrx: cannot find the trace no/such"))
      #expect(text.contains("no trace 125"))
      #expect(text.contains("no run 125"))
      #expect(text.contains("no-such-terminal is not known here"))
    }
  }
}

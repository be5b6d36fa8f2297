import Foundation
import Testing
import TraceKit
import Tracing

/// What `uwrx inspect` prints of traces that hold every kind of event.
struct InspectCommandTests {
  private func withTrace(_ body: (TraceBuilder, ([String]) throws -> CommandLine.Outcome) throws -> Void) throws {
    let trace = try TraceBuilder()
    trace.spawn(2)
    trace.environment(1, ["A=1"])
    trace.exec(2, "/usr/bin/sh", ["sh", "-c", "cc 'a b.c'\n"], environment: 1, in: "/src")
    trace.spawn(3, by: 2)
    trace.environment(2, ["A=2", "N\u{9b}=\t"])
    trace.exec(3, "/usr/bin/cc", ["cc", "a b.c"], environment: 2, in: "/src")
    trace.add(.read, 3, node: trace.node("/src/a b.c"), thread: 3, duration: 1500)
    trace.add(.output, 3, version: 2, Array("warning: \u{e4}\n".utf8))
    trace.add(.missing, 3, node: trace.node("/src"), [0xff, 0x0a])
    trace.file(.create, 3, "/src/a.out", version: 1)
    trace.add(.output, 3, version: 1, [0xff, 0x00], flags: Event.continues)
    trace.add(.output, 3, version: 1, [0x0a], flags: Event.isCut)
    trace.spawn(4, by: 3)
    trace.add(.connect, 4, version: 5, [2, 0, 0, 80, 127, 0, 0, 1])
    trace.add(.denied, 4, node: 1, version: 165)
    trace.exit(4, status: 9)
    trace.exit(3, status: 0, use: ResourceUse(userTime: 2_000_000, systemTime: 1_000_000, peakMemory: 3 << 20))
    trace.spawn(5, by: 2)
    trace.exec(5, "/src/a.out", ["./a.out"], environment: 2, in: "/src", version: 1)
    trace.add(.output, 5, version: 1, Array("hello\n".utf8))
    trace.exit(5, status: 0x86)
    trace.exit(2, status: 3 << 8)
    trace.add(.totals, 1, version: 257, trace.bytes(of: CallTotals(count: 4, totalTime: 2000, longestTime: 900)))
    try trace.finish()
    try body(trace) { try CommandLine.run(["inspect", $0[0], trace.path] + $0.dropFirst(), in: "/") }
  }

  private func objects(_ outcome: CommandLine.Outcome) throws -> [[String: Any]] {
    try outcome.output.split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test("the tree of processes, with what became of them")
  func tree() throws {
    try withTrace { trace, inspect in
      let text = try CommandLine.shell(
        "\(CommandLine.binary) inspect procs --tree --env \(trace.path)", in: "/", environment: ["LC_ALL": "C.UTF-8"])
      #expect(
        text.output == #"""
          pid  parent     start    wall    user  system  memory  status                           command
            2       1  0.000000  31.0us       -       -       -  exit 3                           sh -c $'cc \'a b.c\'\n'
            3       2  0.000008  17.0us  2.00ms  1.00ms   3.00M  exit 0                           ├─ cc 'a b.c'
                                                                                                  │  │  +N\xc2\x9b=\x09
                                                                                                  │  │  ~A=2
            4       3  0.000021  3.00us       -       -       -  killed by SIGKILL                │  └─ (cc 'a b.c')
            5       2  0.000026  4.00us       -       -       -  killed by SIGABRT (core dumped)  └─ ./a.out
                                                                                                        +N\xc2\x9b=\x09
                                                                                                        ~A=2

          """#)
      let ascii = try CommandLine.shell(
        "\(CommandLine.binary) inspect procs --tree \(trace.path)", in: "/", environment: ["LC_ALL": "C"])
      #expect(ascii.output.contains("  |- cc") && ascii.output.contains("  |  `- (cc") && ascii.error.isEmpty)
    }
  }

  @Test("processes as JSON lose nothing")
  func processes() throws {
    try withTrace { _, inspect in
      let found = try objects(inspect(["procs", "--format", "json", "--env"]))
      #expect(found.map { $0["pid"] as? Int } == [2, 3, 4, 5])
      #expect(found.map { $0["status"] as? String } == ["exited", "exited", "killed", "killed"])
      #expect(found[0]["exit"] as? Int == 3 && found[3]["signal"] as? String == "SIGABRT")
      #expect(found[3]["coreDumped"] as? Bool == true && found[0]["children"] as? [Int] == [3, 5])
      #expect(found[1]["user"] as? Int == 2_000_000 && found[1]["peakMemory"] as? Int == 3 << 20)
      let program = try #require((found[0]["programs"] as? [[String: Any]])?.first)
      #expect(program["executable"] as? String == "/usr/bin/sh" && program["directory"] as? String == "/src")
      #expect(program["arguments"] as? [String] == ["sh", "-c", #"cc 'a b.c'\x0a"#])
      #expect((found[1]["start"] as? Int ?? 0) > 0 && (found[2]["inherited"] as? [String: Any]) != nil)
      let environment = try #require(found[1]["environment"] as? [String: [[String: Any]]])
      #expect(environment["added"]?.first?["value"] as? String == #"\x09"#)
      #expect(environment["changed"]?.first?["old"] as? String == "1")
    }
  }

  @Test(
    "output comes back byte for byte, by process and by stream",
    arguments: [
      ([], "7761726e696e673a20c3a40aff000a68656c6c6f0a"), (["3"], "7761726e696e673a20c3a40aff000a"),
      (["--stdout"], "ff000a68656c6c6f0a"), (["3", "--stderr"], "7761726e696e673a20c3a40a"), (["4"], ""),
    ])
  func output(_ options: [String], _ hex: String) throws {
    try withTrace { trace, _ in
      let command = "\(CommandLine.binary) inspect output \(trace.path) \(options.joined(separator: " "))"
      let outcome = try CommandLine.shell(command + " | od -An -v -tx1 | tr -d ' \\n'", in: "/")
      #expect(outcome.output == hex)
      #expect(outcome.error.contains("not all that process 3") == hex.contains("ff000a"))
    }
  }

  @Test("output as JSON tells each write")
  func writes() throws {
    try withTrace { _, inspect in
      let found = try objects(inspect(["output", "--format", "json"]))
      #expect(found.map { $0["text"] as? String } == ["warning: \u{e4}\n", nil, "hello\n"])
      #expect(found[1]["base64"] as? String == "/wAK" && found.map { $0["cut"] as? Bool } == [false, true, false])
      #expect(found.map { $0["stream"] as? String } == ["stderr", "stdout", "stdout"])
    }
  }

  @Test(
    "events by process, type and path",
    arguments: [
      (["--pid", "4"], ["spawn", "connect", "denied", "exit"]), (["--pid", "4", "--type", "exit"], ["exit"]),
      (["--type", "node", "--path", "/usr"], ["node", "node", "node", "node"]),
      (["--path", "a.out"], ["create", "exec"]),
      (["--path", "/src", "--pid", "3"], ["read", "missing", "create"]),
      (["--path", "*.c", "--pid", "2", "--pid", "3"], ["read"]),
      (["--type", "connect", "--type", "denied"], ["connect", "denied"]), (["--path", #"\xff\x0a"#], ["missing"]),
      (["--pid", "1"], ["totals"]),
    ])
  func events(_ options: [String], _ types: [String]) throws {
    try withTrace { _, inspect in
      let json = try inspect(["events", "--format", "json"] + options)
      #expect(json.status == 0 && json.error.isEmpty)
      #expect(try objects(json).map { $0["type"] as? String } == types)
      let text = try inspect(["events"] + options)
      #expect(text.output.split(separator: "\n").map { $0.split(separator: " ")[2] }.map { String($0) } == types)
    }
  }

  @Test("what an event tells")
  func details() throws {
    try withTrace { _, inspect in
      let lines = try inspect(["events"]).output.split(separator: "\n").map { String($0) }
      for line in [
        "    0.000000     2  spawn       by 1, guest pid 2, host pid 1002",
        "    0.000014     3  read        /src/a b.c <1.50us>", #"    0.000015     3  output      2: "warning: ä\n""#,
        #"    0.000016     3  missing     /src/\xff\x0a"#, "    0.000018     3  create      /src/a.out version 1",
        "    0.000022     4  connect     5 127.0.0.1:80",
        "    0.000023     4  denied      mount: Operation not permitted",
        "    0.000024     4  exit        killed by SIGKILL",
        "    0.000025     3  exit        exit 0, user 2.00ms, system 1.00ms, memory 3.00M",
        "    0.000032     1  totals      openat: 4 calls, 2.00us in all, 900ns the longest",
      ] { #expect(lines.contains(line), "\(line)\n\(lines.joined(separator: "\n"))") }
    }
  }

  @Test("what events add up to")
  func statistics() throws {
    try withTrace { trace, inspect in
      let text = try inspect(["stats", "--top", "1"])
      for line in [
        "processes  4", "output           4", "openat      4  2.00us  500ns    900ns", "3.00ms    3  cc 'a b.c'",
      ] {
        #expect(text.output.contains(line), "\(line)\n\(text.output)")
      }
      let found = try #require(objects(inspect(["stats", "--format", "json"])).first)
      let size = try FileManager.default.attributesOfItem(atPath: trace.eventsFile.path)[.size] as? Int
      #expect(found["size"] as? Int == size && found["processes"] as? Int == 4)
      #expect((found["slowest"] as? [[String: Any]])?.first?["path"] as? String == "/src/a b.c")
      #expect((found["mostFiles"] as? [[String: Any]])?.first?["files"] as? Int == 4)
    }
  }

  @Test(
    "a process that the run has not is named", arguments: ["9", "3.1"],
    [
      ["output", "PID"], ["events", "--pid", "PID"], ["files", "--by-pid", "PID"],
      ["events", "--follow", "--pid", "PID"],
    ])
  func unknownProcess(_ pid: String, _ arguments: [String]) throws {
    try withTrace { _, inspect in
      let outcome = try inspect(arguments.map { $0 == "PID" ? pid : $0 })
      #expect(outcome.status == 125 && outcome.output.isEmpty)
      #expect(outcome.error.contains("has no process \(pid)") && outcome.error.split(separator: "\n").count == 1)
    }
  }

  @Test(
    "bad arguments are refused",
    arguments: [
      ["output", "x"], ["output", "3."], ["output", "--stdout", "--stderr"], ["events", "--type", "none"],
      ["events", "--pid", "-1"], ["events", "--path", ""], ["stats", "--top", "0"], ["procs", "--format", "xml"],
    ])
  func badArguments(_ arguments: [String]) throws {
    try withTrace { _, inspect in
      let outcome = try inspect(arguments)
      #expect(outcome.status == 125 && outcome.output.isEmpty && outcome.error.hasPrefix("uwrx: "))
    }
  }

  @Test("a trace that is none, or has no events", arguments: ["procs", "output", "events", "files", "stats"])
  func noTrace(_ command: String) throws {
    for (path, message) in [("/nowhere", "cannot find"), ("/usr", "not the trace")] {
      let outcome = try CommandLine.run(["inspect", command, path], in: "/")
      #expect(outcome.status == 125 && outcome.error.contains(message), "\(outcome.error)")
    }
    try withTrace { trace, inspect in
      try FileManager.default.removeItem(at: trace.eventsFile)
      let outcome = try inspect([command])
      #expect(outcome.status == 125 && outcome.error.hasPrefix("uwrx: cannot read"), "\(outcome.error)")
    }
  }

  @Test("what can be read of a damaged trace is told", arguments: ["procs", "output", "events", "files", "stats"])
  func damage(_ command: String) throws {
    try withTrace { trace, inspect in
      try (Data(contentsOf: trace.eventsFile).dropLast(10)).write(to: trace.eventsFile)
      let outcome = try inspect([command])
      #expect(outcome.status == 0 && outcome.error.contains("damaged"), "\(outcome.error)")
    }
  }

  @Test("who reads may leave, and a disk may be full", arguments: ["procs", "events", "files", "output"])
  func closedOutput(_ command: String) throws {
    let trace = try TraceBuilder()
    trace.spawn(2)
    for number in 0..<4000 as Range<UInt32> {
      trace.file(.read, 2, "/a/very/long/path/of/a/file/with/the/number/\(number)")
      trace.spawn(number + 3, by: 2)
      trace.add(.output, 2, version: 1, [UInt8](repeating: 0x61, count: 100))
    }
    try trace.finish()
    let report = "\(CommandLine.binary) inspect \(command) \(trace.path)"
    for prefix in ["", "trap '' PIPE; "] {
      let outcome = try CommandLine.shell("\(prefix)(\(report); echo $? >&2) | head -c 10", in: "/")
      #expect(outcome.output.utf8.count == 10 && outcome.error == "141\n", "\(outcome.error)")
    }
    let full = try CommandLine.shell("\(report) > /dev/full", in: "/")
    #expect(full.status == 125 && full.error == "uwrx: cannot write to standard output: No space left on device\n")
  }
}

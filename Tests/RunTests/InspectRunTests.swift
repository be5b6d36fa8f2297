import Foundation
import Testing

/// `uwrx inspect` on runs, also while they go on.
@Suite("Inspecting runs", .serialized)
struct InspectRunTests {
  @Test("processes, events and figures of a run")
  func run() throws {
    try CommandLine.withDirectory { directory in
      let run = try CommandLine.run(
        ["run", "--system", "--", "sh", "-c", "echo a > f; cat f; ls no-such; (exit 3); exit 0"], in: directory)
      #expect(run.status == 0)
      let processes = try CommandLine.shell(
        "\(CommandLine.binary) inspect procs build/0/0 --tree", in: directory, environment: ["LC_ALL": "C"])
      let lines = processes.output.split(separator: "\n").map { String($0) }
      func has(_ status: String, _ command: String) -> Bool {
        lines.contains { $0.hasSuffix("  " + command) && $0.contains("  \(status)  ") }
      }
      #expect(processes.status == 0 && processes.error.isEmpty && lines.count == 5, "\(processes.output)")
      #expect(has("exit 0", "|- cat f") && has("exit 2", "|- ls no-such"), "\(processes.output)")
      #expect(lines[1].hasSuffix("sh -c 'echo a > f; cat f; ls no-such; (exit 3); exit 0'"))
      let output = try CommandLine.run(["inspect", "output", "build/0/0"], in: directory)
      #expect(output.output == run.output.replacing("a\n", with: "a\n" + run.error))
      #expect(try CommandLine.run(["inspect", "output", "build/0/0", "--stdout"], in: directory).output == run.output)
      #expect(try CommandLine.run(["inspect", "output", "build/0/0", "--stderr"], in: directory).output == run.error)
      let events = try CommandLine.run(["inspect", "events", "build/0/0", "--path", "\(directory)/f"], in: directory)
      #expect(events.output.contains("create      \(directory)/f version 1\n"))
      #expect(events.output.contains("read        \(directory)/f version 1"))
      let stats = try CommandLine.run(["inspect", "stats", "build/0/0", "--format", "json"], in: directory)
      let object = try JSONSerialization.jsonObject(with: Data(stats.output.utf8)) as? [String: Any]
      #expect(object?["processes"] as? Int == 4 && object?["events"] as? Int ?? 0 > 50)
      #expect((object?["calls"] as? [[String: Any]] ?? []).contains { $0["name"] as? String == "execve" })
      #expect(!(object?["slowest"] as? [Any] ?? []).isEmpty && object?["started"] as? Int ?? 0 > 0)
      let files = try CommandLine.run(["inspect", "files", "build/0/0", "--who"], in: directory)
      #expect(files.output.contains("  version 1 by 2: files\(directory)/f\n"), "\(files.output)")
      #expect(files.output.contains("  version 0: /usr/bin/cat\n"))
    }
  }

  @Test("what a process did is told of the program that did it, its environment beside that of its parent")
  func programs() throws {
    try CommandLine.withDirectory { directory in
      let script = "echo data > f; cat f > g; A=x env -i Q=1 sh -c 'exec env > h'; cat f >> log; exec sleep 0"
      let run = try CommandLine.shell(
        "nohup \(CommandLine.binary) run --system -- sh -c \"\(script)\" > out", in: directory)
      #expect(run.status == 0)
      let files = try CommandLine.run(["inspect", "files", "build/0/0", "--who"], in: directory).output
      let lines = files.split(separator: "\n").map { String($0) }
      let place = try #require(lines.firstIndex { $0.hasSuffix(" \(directory)/f") })
      #expect(lines[place + 1].hasPrefix("  2 /usr/bin/dash: missing, create version "), "\(lines[place + 1])")
      #expect(lines[place + 2].hasPrefix("  3 /usr/bin/cat: "), "\(lines[place + 2])")
      let loader = try #require(lines.firstIndex { $0.hasSuffix("/ld-linux-x86-64.so.2") && $0.hasPrefix("read") })
      #expect(lines[loader + 1] == "  2 /usr/bin/dash: read" && lines[loader + 2] == "  2 /usr/bin/sleep: read")
      let processes = try CommandLine.run(
        ["inspect", "procs", "build/0/0", "--env", "--format", "json"], in: directory)
      let row = try #require(processes.output.split(separator: "\n").first { $0.contains("\"pid\":4,") })
      let object = try #require(JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any])
      let text = "\(object)"
      #expect(text.contains("Q") && text.contains("HOME"), "\(text)")
      #expect(try CommandLine.run(["inspect", "output", "build/0/0"], in: directory).error.isEmpty)
    }
  }

  @Test("what the user ignores does not end the run", arguments: ["HUP", "INT", "QUIT"])
  func ignoredSignals(_ signal: String) throws {
    try CommandLine.withDirectory { directory in
      let script = "trap '' \(signal); \(CommandLine.binary) run --system -- sh -c 'echo up; read x; echo down' < in & "
      let outcome = try CommandLine.shell(
        "mkfifo in; \(script) exec 3> in; sleep 1; kill -\(signal) $!; echo >&3; wait $!", in: directory)
      #expect(outcome.status == 0 && outcome.output == "up\ndown\n", "\(outcome)")
    }
  }

  @Test("where versions are kept is where they are")
  func places() throws {
    try CommandLine.withDirectory { directory in
      _ = try CommandLine.run(
        ["run", "--system", "--", "sh", "-c", "echo 1 > a; cat a; echo 22 > a; mv a b; echo 3 > c; rm c; cat b"],
        in: directory)
      _ = try CommandLine.run(["run", "--parent", "build/0/0", "--", "cat", "b"], in: directory)
      func place(_ run: String, _ name: String) throws -> [String?] {
        let files = try CommandLine.run(["inspect", "files", run, "--format", "json"], in: directory)
        for line in files.output.split(separator: "\n") where line.contains("\"path\":\"\(directory)/\(name)\"") {
          let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          let versions = object?["versions"] as? [[String: Any]] ?? []
          return versions.filter { $0["version"] as? Int != 0 || object?["missed"] as? Bool == false }.map {
            $0["place"] as? String
          }
        }
        return []
      }
      func text(_ place: String?) throws -> String {
        guard let place else { return "" }
        return try String(
          contentsOfFile: place.hasPrefix("/") ? place : "\(directory)/build/0/0/\(place)", encoding: .utf8)
      }
      #expect(try place("build/0/0", "a").map(text) == ["1\n", "22\n"])
      #expect(try place("build/0/0", "b").map(text) == ["22\n"])
      #expect(try place("build/0/0", "c") == [nil])
      #expect(try place("build/10/0", "b").map(text) == ["22\n"])
    }
  }

  @Test("a run in progress is followed to its end")
  func follow() throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let outcome = try CommandLine.shell(
        """
        mkfifo gate
        \(uwrx) run --system -- sh -c 'echo 1 > first; read line; echo 2 > second' < gate &
        exec 3> gate
        until [ -s build/0/0/files$PWD/first ]; do sleep 0.05; done
        \(uwrx) inspect procs build/0/0
        \(uwrx) inspect events build/0/0 --follow --type create > events & follower=$!
        until [ -s events ]; do sleep 0.05; done
        echo go >&3; wait $follower; echo status $?; wait; cat events
        """, in: directory)
      let lines = outcome.output.split(separator: "\n").map { String($0) }
      #expect(lines.contains { $0.contains("running") }, "\(outcome.output)\(outcome.error)")
      #expect(lines.contains { $0.hasSuffix("create      \(directory)/first version 1") })
      #expect(lines.contains { $0.hasSuffix("create      \(directory)/second version 2") }, "\(outcome.output)")
      #expect(lines.contains("status 0"))
    }
  }

  @Test("who follows a run that was killed comes to an end")
  func followKilled() throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let outcome = try CommandLine.shell(
        """
        \(uwrx) run --system -- sh -c 'echo 1 > first; sleep 60' & run=$!
        until [ -s build/0/0/files$PWD/first ]; do sleep 0.05; done
        \(uwrx) inspect events build/0/0 --follow > events & follower=$!
        kill -9 $run; wait $run 2> /dev/null; wait $follower; echo status $?
        \(uwrx) inspect procs build/0/0
        """, in: directory)
      #expect(outcome.output.hasPrefix("status 0\n"), "\(outcome.output)\(outcome.error)")
      #expect(outcome.output.contains("unfinished") && !outcome.output.contains("running"))
    }
  }

  @Test("who follows ends with the one who reads, and with Ctrl-C")
  func followEnds() throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let outcome = try CommandLine.shell(
        """
        \(uwrx) run --system -- sh -c 'echo 1 > first; sleep 60' & run=$!
        until [ -s build/0/0/files$PWD/first ]; do sleep 0.05; done
        \(uwrx) inspect events build/0/0 --follow | head -n 1 | wc -l
        env --default-signal=INT \(uwrx) inspect events build/0/0 --follow > events & follower=$!
        until [ -s events ]; do sleep 0.05; done
        kill -INT $follower; wait $follower; echo status $?
        kill $run; wait $run
        """, in: directory)
      #expect(outcome.output == "1\nstatus 130\n", "\(outcome.output)\(outcome.error)")
      let events = try String(contentsOfFile: directory + "/events", encoding: .utf8)
      #expect(events.hasSuffix("\n"))
    }
  }
}

import Foundation
import Testing

/// `uwrx run --replay`: a recorded run is made again.
@Suite("A replay", .serialized)
struct ReplayTests {
  private func run(_ arguments: [String], in directory: String, environment: [String: String] = [:]) throws
    -> CommandLine.Outcome
  {
    try CommandLine.run(["run"] + arguments, in: directory, environment: environment)
  }

  @Test("gives the same files, and says whose replay it is")
  func same() throws {
    try CommandLine.withDirectory { directory in
      try "int main(void) { return __LINE__; }\n".write(toFile: directory + "/m.c", atomically: true, encoding: .utf8)
      let script = "gcc -g -o m m.c && date > d && head -c 99 /dev/urandom > r && echo $$ > p && tar cf t m d r p"
      let first = try run(["--reproducible", "--system", "--", "sh", "-c", script], in: directory)
      #expect(first.status == 0, "\(first.error)")
      let replay = try run(["--replay", "last"], in: directory)
      #expect(replay.status == 0 && replay.error.isEmpty, "\(replay.error)")
      let link = try FileManager.default.destinationOfSymbolicLink(atPath: directory + "/build/0/1/replay")
      #expect(link == "../../0/0")
      let difference = try CommandLine.run(["diff", "build/0/0", "build/0/1"], in: directory)
      #expect(difference.status == 0, "\(difference.output)")
      let compared = try CommandLine.shell("diff -r build/0/0/files build/0/1/files", in: directory)
      #expect(compared.status == 0, "\(compared.output)")
    }
  }

  @Test("names what has changed, and who made what differs of it")
  func edited() throws {
    try CommandLine.withDirectory { directory in
      let source = directory + "/two.txt"
      try "one\n".write(toFile: directory + "/one.txt", atomically: true, encoding: .utf8)
      try "two\n".write(toFile: source, atomically: true, encoding: .utf8)
      try FileManager.default.copyItem(atPath: source, toPath: directory + "/kept")
      let script = "sort one.txt > a; sort two.txt > b; cat a b > c"
      #expect(try run(["--reproducible", "--system", "--", "sh", "-c", script], in: directory).status == 0)
      try "three\n".write(toFile: source, atomically: true, encoding: .utf8)
      let replay = try run(["--replay", "build/0/0"], in: directory)
      #expect(replay.status == 0)
      #expect(replay.error.contains("two.txt has changed since the run") && !replay.error.contains("one.txt"))
      let difference = try CommandLine.run(["diff", "build/0/0", "build/0/1"], in: directory)
      #expect(difference.status == 1)
      #expect(
        difference.output.split(separator: "\n").prefix(3).contains { $0.contains("two.txt") }, "\(difference.output)")
      // As it was.
      let again = try run(["--replay", "build/0/0", "--source", "/project/two.txt=kept"], in: directory)
      #expect(again.status == 0 && !again.error.contains("changed"), "\(again.error)")
      #expect(try CommandLine.run(["diff", "build/0/0", "build/0/2"], in: directory).output.contains("/c") == false)
    }
  }

  /// Each process of a run, in the order of their numbers: its number, its parent's and what it ran.
  private func processes(_ trace: String, in directory: String) throws -> [String] {
    let listing = try CommandLine.run(["inspect", "procs", "--format", "json", trace], in: directory)
    #expect(listing.status == 0, "\(listing.error)")
    return try listing.output.split(separator: "\n").map { line in
      let process = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let programs = process["programs"] as? [[String: Any]] ?? []
      let commands = programs.map { ($0["arguments"] as? [String] ?? []).joined(separator: " ") }
      return "\(process["pid"]!) of \(process["parent"]!): " + commands.joined(separator: ", ")
    }
  }

  /// Each rule waits in a shell of its own until a rule that begins later is done, or not: who is found first is another one each time.
  private static let makefile = """
    all: a b c d
    \tcat a b c d > all
    %: %.in
    \t( cat $< | sort > $@.0; true ); sort $@.0 $@.0 > $@; echo $@ >> log
    """

  @Test("has the numbers of the recorded run under make -j4, seeded or not", arguments: [["--reproducible"], []])
  func numbers(_ options: [String]) throws {
    try CommandLine.withDirectory { directory in
      try Self.makefile.write(toFile: directory + "/Makefile", atomically: true, encoding: .utf8)
      for name in ["a", "b", "c", "d"] {
        try "\(name)\n".write(toFile: directory + "/\(name).in", atomically: true, encoding: .utf8)
      }
      #expect(try run(options + ["--system", "--", "make", "-j4"], in: directory).status == 0)
      let recorded = try processes("build/0/0", in: directory)
      for _ in 1...3 {
        #expect(try run(["--replay", "build/0/0"], in: directory).status == 0)
        #expect(try processes("last", in: directory) == recorded)
        let check = try CommandLine.run(["check", "last"], in: directory)
        #expect(check.status == 0, "\(check.output)\(check.error)")
      }
      #expect(!FileManager.default.fileExists(atPath: directory + "/build/0/1/numbers"))
    }
  }

  @Test("gives dotted numbers to what was not there, and leaves the others theirs")
  func dottedNumbers() throws {
    try CommandLine.withDirectory { directory in
      let script = directory + "/s"
      try "cat one > log\nsort log >> log\nwc log\n".write(toFile: script, atomically: true, encoding: .utf8)
      try "1\n".write(toFile: directory + "/one", atomically: true, encoding: .utf8)
      #expect(try run(["--reproducible", "--system", "--", "sh", "s"], in: directory).status == 0)
      #expect(
        try processes("last", in: directory)
          == ["2 of 1: sh s", "3 of 2: cat one", "4 of 2: sort log", "5 of 2: wc log"])
      // Without `sort`, and with a process that overwrites what another has written and read.
      try "cat one > log\nsh -c '(tr 1 2 < one > log); true'\nwc log\n".write(
        toFile: script, atomically: true, encoding: .utf8)
      #expect(try run(["--replay", "build/0/0"], in: directory).status == 0)
      let expected = [
        "2 of 1: sh s", "2.1 of 2: sh -c (tr 1 2 < one > log); true", "2.2 of 2.1: tr 1 2", "3 of 2: cat one",
        "5 of 2: wc log",
      ]
      #expect(try processes("last", in: directory) == expected)
      let trace = directory + "/build/0/1"
      let kept = try FileManager.default.contentsOfDirectory(atPath: trace).filter { $0.hasPrefix("files-") }
      #expect(kept == ["files-2.2"], "\(kept)")
      #expect(try String(contentsOfFile: trace + "/files.meta", encoding: .utf8).contains("/log\t2.2\twrite"))
      #expect(try String(contentsOfFile: trace + "/files-2.2/project/log", encoding: .utf8) == "2\n")
      let check = try CommandLine.run(["check", "last"], in: directory)
      #expect(check.status == 0, "\(check.output)\(check.error)")

      // Whoever takes numbers takes these.
      for (arguments, part) in [
        (["events", "--pid", "2.2", "last"], "  2.2  exec"), (["files", "--who", "--by-pid", "2.2", "last"], "  2.2 "),
        (["output", "last", "5"], " log\n"), (["stats", "last"], "  2.1  "),
      ] {
        let told = try CommandLine.run(["inspect"] + arguments, in: directory)
        #expect(told.status == 0 && told.output.contains(part), "\(told.output)\(told.error)")
      }
      let unknown = try CommandLine.run(["inspect", "events", "--pid", "2.3", "last"], in: directory)
      #expect(unknown.status == 125 && unknown.error.contains("no process 2.3"))
      let difference = try CommandLine.run(["diff", "build/0/0", "last"], in: directory).output
      #expect(difference.contains("only in the first: 4 sort log"), "\(difference)")
      #expect(difference.contains("only in the second: 2.1 sh -c"), "\(difference)")

      // Again: nothing is new any more.
      #expect(try run(["--replay", "last"], in: directory).status == 0)
      #expect(try processes("last", in: directory) == expected)
      #expect(try CommandLine.run(["diff", "build/0/1", "build/0/2"], in: directory).status == 0)
      #expect(try CommandLine.run(["export", "last", "--to", "out"], in: directory).status == 0)
      #expect(try String(contentsOfFile: directory + "/out/project/log", encoding: .utf8) == "2\n")
    }
  }

  @Test("a source that is given comes when the recorded one came, unless it says when", arguments: ["", ":100", ":40"])
  func priority(_ priority: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        mkdir low high other; echo low > low/f; echo high > high/f; echo other > other/f; uwrx='\(CommandLine.binary)'
        $uwrx run --system --no-project --source /s:60=low --source /s/f:50=high/f -- cat /s/f
        $uwrx run --replay last --source /s\(priority)=other >&2
        """, in: directory)
      #expect(outcome.output == "high\n")
      #expect(outcome.error == (priority == ":40" ? "other\n" : "high\n"), "\(outcome)")
      let sources = try String(contentsOfFile: directory + "/build/0/1/sources", encoding: .utf8)
      let recorded = priority.isEmpty ? "60" : String(priority.dropFirst())
      #expect(sources.contains("/s\t\(recorded)\thost"), "\(sources)")
    }
  }

  @Test(
    "that finds the disk full when it gets its numbers is incomplete, and can be repaired", .enabled(if: getuid() == 0))
  func fullDisk() throws {
    try CommandLine.withDirectory { directory in
      // The replay has a process more, in front of all others. Its record has room on the disk, and a second one beside it has not.
      let script = """
        uwrx='\(CommandLine.binary)'; mkdir full; mount -t tmpfs -o size=60m tmpfs full
        echo 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do head -c 700000 /dev/urandom | base64; done' > s
        $uwrx run --system --build full/build -- sh s | cat > /dev/null
        (echo '(cat s; true) > /dev/null'; cat s) > t; mv t s
        used=$(du -sk full | cut -f 1); mount -o remount,size=$((used * 2 + used / 3))k full
        $uwrx run --quiet --replay full/build/0/0 | cat > /dev/null
        $uwrx check full/build/0/1; echo $?
        mount -o remount,size=60m full; $uwrx check --repair full/build/0/1
        """
      let outcome = try CommandLine.shell("unshare -m sh -c \"$(cat <<'END'\n\(script)\nEND\n)\"", in: directory)
      let message =
        "the run could not be recorded to its end, and \(directory)/full/build/0/1 is incomplete: No space left on device"
      #expect(outcome.error.contains(message), "\(outcome)")
      #expect(outcome.output.contains("is incomplete: its run was killed, or could not be recorded to its end\n1\n"))
      #expect(outcome.output.contains("repaired \(directory)/full/build/0/1"), "\(outcome)")
    }
  }

  @Test("has the values of secrets from the user alone")
  func secrets() throws {
    try CommandLine.withDirectory { directory in
      let secret = ["MY_TOKEN": "hunter22hunter22"]
      let arguments = ["--env", "MY_TOKEN", "--system", "--", "sh", "-c", "echo $MY_TOKEN"]
      #expect(try run(arguments, in: directory, environment: secret).output == "hunter22hunter22\n")
      let without = try run(["--replay", "last"], in: directory)
      #expect(without.status == 125 && without.error.contains("MY_TOKEN"), "\(without.error)")
      let other = try run(["--replay", "build/0/0"], in: directory, environment: ["MY_TOKEN": "another1another1"])
      #expect(other.status == 125)
      #expect(try run(["--replay", "build/0/0"], in: directory, environment: secret).output == "hunter22hunter22\n")
      let given = try run(["--replay", "build/0/0", "--env", "MY_TOKEN=x"], in: directory)
      #expect(given.output == "x\n", "\(given.error)")
    }
  }

  @Test(
    "refuses what does not go with it",
    arguments: [
      ["--replay", "last", "--", "true"], ["--replay", "last", "--system"], ["--replay", "last", "--seed", "1"],
      ["--replay", "last", "--reproducible"], ["--replay", "last", "--verify", "2"], ["--replay", "nosuch"],
      ["--replay", "last", "--time", "real"], ["--replay", "last~7"],
    ])
  func refusals(_ arguments: [String]) throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--system", "--", "true"], in: directory).status == 0)
      let outcome = try run(arguments, in: directory)
      #expect(outcome.status == 64 || outcome.status == 125, "\(outcome.status) \(outcome.error)")
      #expect(!outcome.error.isEmpty)
    }
  }

  @Test("does not believe a trace that was changed")
  func changed() throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--system", "--", "true"], in: directory).status == 0)
      let sources = directory + "/build/0/0/sources"
      let text = try String(contentsOfFile: sources, encoding: .utf8)
      try (text + "/secret\t100\thost\t/root\n").write(toFile: sources, atomically: true, encoding: .utf8)
      let outcome = try run(["--replay", "last"], in: directory)
      #expect(outcome.status == 125 && outcome.error.contains("it was changed"), "\(outcome.error)")
      #expect(outcome.error.contains("it would add /secret = /root"))
    }
  }

  @Test("names an archive that has changed and a source that is gone, with what gives them")
  func changedSources() throws {
    try CommandLine.withDirectory { directory in
      for (file, text) in [("t/a", "one"), ("s/b", "two")] {
        try FileManager.default.createDirectory(
          atPath: (directory + "/" + file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try (text + "\n").write(toFile: "\(directory)/\(file)", atomically: true, encoding: .utf8)
      }
      #expect(try CommandLine.shell("tar cf a.tar -C t . && cp a.tar old.tar", in: directory).status == 0)
      let sources = ["--system", "--source", "/t=tar:a.tar", "--source", "/s:ro=s"]
      #expect(try run(sources + ["--", "cat", "/t/a", "/s/b"], in: directory).output == "one\ntwo\n")
      #expect(try run(["--replay", "build/0/0"], in: directory).error.isEmpty)
      let change = "echo other > t/a; tar cf a.tar -C t .; mv s elsewhere"
      #expect(try CommandLine.shell(change, in: directory).status == 0)
      let gone = try run(["--replay", "build/0/0"], in: directory)
      #expect(gone.status == 125 && gone.error.contains("/s is gone; --source /s=PATH gives it"), "\(gone.error)")
      #expect(gone.error.contains("a.tar has changed since the run; --source /t=tar:PATH gives it"), "\(gone.error)")
      #expect(!gone.error.contains("/s/b"), "\(gone.error)")
      let given = ["--source", "/t=tar:old.tar", "--source", "/s=elsewhere"]
      let again = try run(["--replay", "build/0/0"] + given, in: directory)
      #expect(again.output == "one\ntwo\n" && again.error.isEmpty, "\(again.error)")
      // It is read-only, as the one in whose place it is.
      let recorded = try String(contentsOfFile: directory + "/build/last/sources", encoding: .utf8)
      #expect(recorded.contains("/s\t100\thost,ro\t"), "\(recorded)")
    }
  }

  @Test("needs the runs that the recorded one stood on")
  func parentGone() throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--system", "--", "touch", "/x"], in: directory).status == 0)
      #expect(try run(["--system", "--parent", "last", "--", "ls", "/x"], in: directory).status == 0)
      #expect(try CommandLine.shell("mv build/0 gone", in: directory).status == 0)
      let outcome = try run(["--replay", "build/10/0"], in: directory)
      #expect(outcome.status == 125 && outcome.error.contains("which is gone"), "\(outcome.error)")
      #expect(!outcome.error.contains("--trust-parent"), "\(outcome.error)")
    }
  }

  @Test(
    "makes nothing up that a trace does not say, however far it is trusted",
    arguments: [
      ("options", "^random\t.*", "random\tdice", "random"), ("options", "^epoch\t.*", "epoch\t", "time"),
      ("options", "^time\t.*", "time\tadvancing:x", "time"), ("options", "^uid\t.*", "uid\tx", "uid"),
      ("options", "^pids\t.*", "pids\tmany", "pids"), ("options", "^machine\t.*", "", "machine"),
      ("options", "^trace\t.*", "trace\tall", "trace"), ("seed.txt", ".*", "nothing", "seed"),
    ])
  func unknown(_ file: String, _ line: String, _ other: String, _ name: String) throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--reproducible", "--system", "--", "true"], in: directory).status == 0)
      let edit = "sed -i 's/\(line)/\(other)/' build/0/0/\(file)"
      #expect(try CommandLine.shell(edit, in: directory).status == 0)
      let outcome = try run(["--trust-parent", "--replay", "last"], in: directory)
      #expect(outcome.status == 125 && outcome.error.contains(name), "\(outcome.error)")
    }
  }

  @Test("does not guess who is who in a damaged trace")
  func damagedEvents() throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--system", "--", "true"], in: directory).status == 0)
      #expect(try CommandLine.shell("truncate -s -9 build/0/0/perfetto", in: directory).status == 0)
      let outcome = try run(["--trust-parent", "--replay", "last"], in: directory)
      #expect(outcome.status == 125 && outcome.error.contains("damaged or cut off"), "\(outcome.error)")
    }
  }
}

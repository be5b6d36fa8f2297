import Foundation
import Testing

/// `uwrx run --process-numbers`: what processes know themselves by is the same in each run.
@Suite("A run with process numbers", .serialized)
struct ProcessNumberTests {
  /// As root and as an ordinary user where both can be had.
  static let users: [Int] = geteuid() == 0 ? [0, 1000] : [Int(geteuid())]

  private static func run(
    _ script: String, user: Int = users[0], in directory: String, status: Int32 = 0, shell: String = "sh",
    _ options: String = "--process-numbers"
  ) throws -> String {
    var command = "\(CommandLine.binary) run --quiet --trace=off \(options) --system -- \(shell) ./script"
    if user != users[0] {
      // An ordinary user must be able to reach the binary.
      command = """
        [ -e uwrx ] || cp \(CommandLine.binary) uwrx; chown -R \(user) .
        exec setpriv --reuid \(user) --regid \(user) --clear-groups \(command.replacing(CommandLine.binary, with: "./uwrx"))
        """
    }
    try script.write(toFile: directory + "/script", atomically: true, encoding: .utf8)
    let outcome = try CommandLine.shell(command, in: directory)
    #expect(outcome.status == status, "\(script): \(outcome.output)\(outcome.error)")
    return outcome.output
  }

  /// The same in each run, and another without the option.
  @Test(
    "gives the same", arguments: users,
    [
      "echo $$ $PPID", "readlink /proc/self", "sed -n 's/^\\(Pid\\|PPid\\|NSsid\\):/&/p' /proc/self/status",
      "python3 -c 'import os; print(os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0))'",
      "perl -e 'print \"$$ \", getppid, \"\\n\"; if (!fork) { print \"$$ \", getppid, \"\\n\"; exit } wait'",
      "for i in 1 2 3; do sh -c 'echo $$ $PPID' & done; wait",
      "ps -o pid= -o ppid= -o pgid= -o args= -p $$", "f=/tmp/name.$$; echo $f > $f; cat /tmp/name.*",
      "(echo $(sh -c 'echo $PPID'))", "python3 -c 'import tempfile, os; print(f\"tmp{os.getpid()}\")'",
      "sleep 9 & sh -c 'echo $PPID; kill '$!",
    ])
  func same(_ user: Int, _ script: String) throws {
    let script = script.contains("&") ? "{ \(script); } | sort" : script
    try CommandLine.withDirectory { directory in
      let first = try Self.run(script, user: user, in: directory)
      #expect(first.contains { $0.isNumber })
      for _ in 0..<2 { #expect(try Self.run(script, user: user, in: directory) == first) }
      #expect(try Self.run(script, user: user, in: directory, "--no-process-numbers") != first)
    }
  }

  @Test("has them whoever comes first in a make -j")
  func make() throws {
    try CommandLine.withDirectory { directory in
      let recipes = [
        "echo $$$$ $$PPID", "python3 -c 'import os; print(os.getpid(), os.getppid())'",
        "perl -e 'print \"$$$$ \", getppid, \"\\n\"'",
      ]
      let rules = (1...12).map { number in
        "t\(number): ; @sleep 0.0$$(( $$(date +%N | cut -c7) )); \(recipes[number % 3]) > $@"
      }
      let makefile = "all: \((1...12).map { "t\($0)" }.joined(separator: " "))\n" + rules.joined(separator: "\n") + "\n"
      try makefile.write(toFile: directory + "/Makefile", atomically: true, encoding: .utf8)
      let script = "make -s -j8 && for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat t$i; done"
      let first = try Self.run(script, in: directory)
      #expect(Set(first.split(separator: "\n")).count == 12)
      for _ in 0..<4 { #expect(try Self.run(script, in: directory) == first) }
    }
  }

  @Test("keeps a process's number when it executes another program")
  func execution() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        sh -c 'echo $$; exec sh -c "echo \\$\\$; exec perl -e \\"print \\\\\\$\\\\\\$\\""' | uniq | wc -l
        python3 -c 'import os; print(os.getpid(), flush=True); os.execvp("sh", ["sh", "-c", "echo $$"])' | uniq | wc -l
        """
      let output = try Self.run(script, in: directory)
      #expect(output == "1\n1\n")
    }
  }

  private struct Line: CustomStringConvertible, Sendable {
    var script: String
    var output: String
    var shell = "sh"
    var description: String { script }
  }

  private static let lines = [
    Line(script: "kill -0 $$ && kill -0 $PPID && echo $?", output: "0\n"),
    Line(script: "sh -c 'kill -TERM $$; echo no'; echo $?", output: "143\n"),
    Line(script: "trap 'echo caught' USR1; kill -USR1 $$; echo after", output: "caught\nafter\n"),
    Line(script: "trap 'echo caught' USR1; sh -c 'kill -USR1 $PPID'; echo after", output: "caught\nafter\n"),
    Line(script: "setsid sh -c 'sleep 50 & sleep 50 & kill -- -$$; sleep 9'; echo $?", output: "143\n"),
    Line(script: "sh -c 'echo $$ > pid; sleep 50' & sleep 0.3; kill -TERM $(cat pid); wait; echo $?", output: "0\n"),
    Line(
      script:
        """
        (setsid sh -c 'echo $$ > pid; trap "echo bye; exit" TERM; while :; do sleep 0.05; done' &); sleep 0.3
        kill $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do sleep 0.05; done; echo gone
        """,
      output: "bye\ngone\n"),
    Line(script: "python3 -c 'import os; os.abort()' 2>/dev/null; echo $?", output: "134\n"),
    Line(script: "python3 -c 'import os, signal; os.kill(os.getpid(), 9)'; echo $?", output: "137\n"),
    Line(
      script: "python3 -c 'import signal; signal.signal(10, lambda *a: print(a[0])); signal.raise_signal(10)'",
      output: "10\n"),
    Line(
      script: """
        python3 -c '
        import os, signal, threading
        signal.signal(signal.SIGALRM, lambda *a: print("main", a[0] == 14, flush=True))
        t = threading.Thread(target=lambda: signal.pthread_kill(threading.main_thread().ident, 14)); t.start(); t.join()
        r, w = os.pipe()
        if os.fork() == 0: os.write(w, str(os.getpid()).encode()); os._exit(7)
        print(os.WEXITSTATUS(os.waitpid(int(os.read(r, 99)), 0)[1]))'
        """, output: "main True\n7\n"),
    Line(
      script: "prlimit --pid $$ --nofile=99:200; ulimit -n; prlimit --pid $$ --nofile -o SOFT --noheadings | tr -d ' '",
      output: "99\n99\n"),
    Line(script: "strace -f -o /dev/null sh -c 'kill -TERM $$'; echo $?", output: "143\n"),
    Line(script: "strace -o /dev/null python3 -c 'import os; os.abort()'; echo $?", output: "134\n"),
    Line(script: "renice -n 5 -p $$ > /dev/null; ps -o ni= -p $$ | tr -d ' '; taskset -p $$ | wc -l", output: "5\n1\n"),
    Line(
      script: "ls -d /proc/$$ | grep -c $$; head -c7 /proc/$$/stat | grep -c $$; cd /proc/$$ && cat comm",
      output: "1\n1\nsh\n"),
    Line(script: "[ $(cut -d' ' -f4 /proc/self/stat) = $$ ] && echo child", output: "child\n"),
    Line(script: "pgrep -x sh | grep -cx $$; ps -e -o pid= | tr -d ' ' | grep -cx $$", output: "1\n1\n"),
    Line(script: "sleep 30 & kill -0 $! && [ -d /proc/$! ] && kill $!; wait $!; echo $?", output: "143\n"),
    Line(
      script: "timeout 0.1 sleep 9; echo $?; timeout -s KILL 0.1 sh -c 'trap : TERM; sleep 9'; echo $?",
      output: "124\n137\n"),
    Line(
      script: "flock lock sh -c 'echo held'; xargs -n1 -P4 sh -c 'kill -0 $$; echo $?' < /dev/null",
      output: "held\n0\n"),
    Line(
      script: "exec 3>&1; (trap 'echo hup >&3' HUP; kill -HUP $BASHPID; echo $?)",
      output: "hup\n0\n", shell: "bash"),
    Line(script: "coproc cat; kill $COPROC_PID; wait $COPROC_PID; echo $?", output: "143\n", shell: "bash"),
  ]

  /// What sh does with its numbers.
  @Test("takes them wherever a process's number is taken", arguments: users, lines)
  private func uses(_ user: Int, _ line: Line) throws {
    try CommandLine.withDirectory { directory in
      let output = try Self.run(line.script, user: user, in: directory, shell: line.shell)
      #expect(output == line.output, "\(line)")
    }
  }

  @Test("has job control", arguments: users)
  func jobs(_ user: Int) throws {
    try CommandLine.withDirectory { directory in
      let script = """
        import os, pty, sys, time, select
        child, terminal = pty.fork()
        if child == 0:
          os.environ["PS1"] = "> "; os.environ["HISTFILE"] = ""
          os.execvp("bash", ["bash", "--norc", "-i"])
        text = b""
        def until(wanted, seconds=20):
          global text
          end = time.time() + seconds
          while wanted not in text:
            if time.time() > end: sys.exit("no " + repr(wanted) + " in " + repr(text))
            if select.select([terminal], [], [], 0.1)[0]: text += os.read(terminal, 4096)
          text = text[text.index(wanted) + len(wanted):]
        def say(line): os.write(terminal, line + b"\\n")
        say(b"sleep 100 | cat; echo stop''ped $?"); time.sleep(0.5); os.write(terminal, b"\\x1a"); until(b"Stopped")
        say(b"bg; jobs; echo se''en"); until(b"Running"); until(b"seen")
        say(b"fg"); time.sleep(0.3); os.write(terminal, b"\\x03"); say(b"echo int''errupted $?"); until(b"interrupted 130")
        say(b"sh -c 'ps -o tpgid= -p $$ | tr -d \\" \\"; ps -o pgid= -p $$ | tr -d \\" \\"' | uniq | wc -l | sed 's/^/lines /'"); until(b"lines 1")
        say(b"set -m; sleep 100 & kill %1; wait %1; echo ki''lled $?"); until(b"killed 143")
        say(b"exit"); os.waitpid(child, 0); print("done")
        """
      try script.write(toFile: directory + "/jobs.py", atomically: true, encoding: .utf8)
      #expect(try Self.run("python3 jobs.py", user: user, in: directory) == "done\n")
    }
  }

  @Test("has a process that lives through thousands of others")
  func siblings() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        import os
        own, parent = os.getpid(), os.getppid()
        seen = set()
        r, w = os.pipe()
        for i in range(3000):
          if os.fork() == 0:
            os.write(w, b"%d %d\\n" % (os.getpid(), os.getppid() == own)); os._exit(0)
          os.wait()
          number, known = os.read(r, 99).split()
          assert known == b"1" and number not in seen, (i, number, known)
          seen.add(number)
        assert os.getpid() == own and os.getppid() == parent and os.path.exists(f"/proc/{own}")
        os.kill(own, 0)
        import hashlib; print(hashlib.sha256(b" ".join(sorted(seen))).hexdigest())
        """
      try script.write(toFile: directory + "/many.py", atomically: true, encoding: .utf8)
      let first = try Self.run("python3 many.py", in: directory)
      #expect(try Self.run("python3 many.py", in: directory) == first)
    }
  }

  @Test("does as Linux what the fixture of process numbers asks for", arguments: users)
  func fixture(_ user: Int) throws {
    try CommandLine.withDirectory { directory in
      let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures").path
      let native = try CommandLine.shell(
        "gcc -O1 -I \(fixtures) -o fixture \(fixtures)/process_numbers.c -pthread && setsid -w ./fixture", in: directory
      )
      #expect(native.status == 0, "\(native.error)")
      #expect(try Self.run("./fixture", user: user, in: directory) == native.output)
    }
  }

  @Test("is told of in the trace")
  func trace() throws {
    try CommandLine.withDirectory { directory in
      for (option, value) in [("--process-numbers", "same"), ("--no-process-numbers", "kernel"), ("", "kernel")] {
        let outcome = try CommandLine.shell(
          "\(CommandLine.binary) run --quiet \(option) --system -- true; grep -A1 process-numbers build/last/options",
          in: directory)
        #expect(outcome.output.contains(value), "\(outcome.output)\(outcome.error)")
      }
    }
  }
}

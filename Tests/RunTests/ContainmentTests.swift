import Foundation
import Testing

/// Ways out that were once open. Each is tried for real, and the host looked at afterwards.
@Suite("Containment", .serialized)
struct ContainmentTests {
  private static func python(_ script: String, in directory: String, input: String? = nil) throws
    -> CommandLine.Outcome
  {
    try script.write(toFile: directory + "/attack.py", atomically: false, encoding: .utf8)
    let redirection = input.map { " < \($0)" } ?? ""
    // The shell opens the file, as a user's redirection does.
    return try CommandLine.shell(
      "exec \(CommandLine.binary) run --system -- /usr/bin/python3 attack.py\(redirection)", in: directory)
  }

  @Test("a link that takes a directory's place leads nothing out of the layer")
  func exchange() throws {
    try CommandLine.withDirectory { directory in
      let target = directory + "/target"
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      try "victim".write(toFile: target + "/victim", atomically: false, encoding: .utf8)
      let outcome = try Self.python(
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        os.makedirs("w/D/sub"); os.symlink("\(target)", "w/L")
        os.chdir("w/D"); os.chdir("..")
        print("exchange", libc.renameat2(-100, b"D", -100, b"L", 2))
        def attempt(f):
            try: f()
            except OSError: pass
        attempt(lambda: os.mkdir("D/made")); attempt(lambda: os.symlink("/etc", "D/link"))
        attempt(lambda: os.mkfifo("D/fifo")); open("payload", "w").write("x")
        attempt(lambda: os.rename("payload", "D/victim"))
        """, in: directory)
      #expect(outcome.output.contains("exchange 0"), "\(outcome.error)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: target) == ["victim"])
      #expect(try String(contentsOfFile: target + "/victim", encoding: .utf8) == "victim")
    }
  }

  @Test(
    "a lock of the guest's keeps no program of the host's waiting, also beside a mount", .enabled(if: geteuid() == 0),
    arguments: [true, false])
  func locks(_ isRoot: Bool) throws {
    try CommandLine.withDirectory { directory in
      try FileManager.default.copyItem(atPath: CommandLine.binary, toPath: directory + "/uwrx")
      let become = isRoot ? "" : "setpriv --reuid 1000 --regid 1000 --clear-groups"
      try """
      import fcntl, os, sys
      for path in ("/src/file", "/src/mounted/file"):
          first, second = os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY)
          fcntl.flock(first, fcntl.LOCK_EX)
          fcntl.lockf(first, fcntl.LOCK_SH)
          try: fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
          except BlockingIOError: print(path, open(path).read().strip(), os.fstat(first).st_ino == os.stat(path).st_ino)
      print("locked", flush=True)
      sys.stdin.read()
      """.write(toFile: directory + "/lock.py", atomically: false, encoding: .utf8)
      let outcome = try CommandLine.shell(
        """
        mkdir -p src/mounted; echo upper > src/file; chmod 755 . src; chmod 777 .
        cat > inner <<'END'
        mount -t tmpfs none src/mounted; echo lower > src/mounted/file; mkfifo hold; : > said; chmod 666 hold said
        \(become) ./uwrx run --system --build build --source "/src=$PWD/src" --source "/lock.py=$PWD/lock.py" \\
          --workdir / -- python3 /lock.py < hold > said & run=$!
        exec 3> hold
        until grep -q locked said || ! kill -0 $run; do sleep 0.05; done
        for file in src/file src/mounted/file; do
          python3 -c 'import fcntl, sys; file = open(sys.argv[1], "r+"); how = fcntl.LOCK_EX | fcntl.LOCK_NB
        fcntl.flock(file, how); fcntl.lockf(file, how); print("free")' $file
        done
        exec 3>&-
        wait $run; echo status $?
        cat said
        END
        unshare --mount sh inner
        """, in: directory)
      #expect(
        outcome.output == "free\nfree\nstatus 0\n/src/file upper True\n/src/mounted/file lower True\nlocked\n",
        "\(outcome.output)\(outcome.error)")
    }
  }

  @Test("an inherited file gives the access that it was opened with, and no other")
  func inherited() throws {
    try CommandLine.withDirectory { directory in
      let file = directory + "/given"
      try "given".write(toFile: file, atomically: false, encoding: .utf8)
      let before = try FileManager.default.attributesOfItem(atPath: file) as NSDictionary
      let outcome = try Self.python(
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        def attempt(f):
            try: f(); print("got through")
            except OSError: pass
        os.unlink("given")
        for flags in (os.O_RDWR, os.O_WRONLY, os.O_WRONLY | os.O_TRUNC):
            attempt(lambda: os.open("/proc/self/fd/0", flags))
        for arguments in ((0, b"", -100, b"/var/tmp/x", 0x1000), (-100, b"/proc/self/fd/0", -100, b"/var/tmp/x", 0x400)):
            if libc.linkat(*arguments) == 0: print("linked")
        os.fchmod(0, 0o777); os.utime(0, (1, 1))
        print(os.read(0, 5))
        """, in: directory, input: "given")
      #expect(outcome.output == "b'given'\n", "\(outcome.output) \(outcome.error)")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "given")
      // What the guest changed of the file that it sees in a source is its own affair.
      #expect(try FileManager.default.attributesOfItem(atPath: file) as NSDictionary == before)
    }
  }

  @Test("the host keeps half of the process numbers, where namespaces have their own")
  func processNumbers() throws {
    try CommandLine.withDirectory { directory in
      let file = "/proc/sys/kernel/pid_max"
      let host = try #require(Int(try String(contentsOfFile: file, encoding: .utf8).dropLast()))
      let outcome = try CommandLine.run(["run", "--system", "--", "/bin/cat", file], in: directory)
      var kernel = utsname()
      uname(&kernel)
      let release = withUnsafeBytes(of: &kernel.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
      // Linux 6.14
      let isOwn = numbers[0] > 6 || numbers[0] == 6 && numbers[1] >= 14
      #expect(outcome.output == "\(isOwn ? host / 2 : host)\n", "\(outcome)")
    }
  }

  @Test("guest init and the host's processes are out of reach")
  func processes() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(
        [
          "run", "--system", "--source", "/host=/", "--env", "A=1", "--clear-env", "--", "/bin/sh", "-c",
          "ls /host/proc /host/sys 2>&1; for f in mem environ maps fd/0; do cat /proc/1/$f 2>&1; done; kill -9 1; cat /proc/1/comm",
        ], in: directory)
      let lines = outcome.output.split(separator: "\n")
      // As another user's process; its descriptors are not told at all.
      let expected = [
        "No such file or directory", "No such file or directory", "Permission denied", "Permission denied",
        "Permission denied", "No such file or directory", "uwrx-init",
      ]
      #expect(lines.count == expected.count, "\(outcome.output)")
      for (line, end) in zip(lines, expected) { #expect(line.hasSuffix(end), "\(outcome.output)") }
    }
  }

  @Test("no directory that the guest holds has the host above it")
  func dotDot() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try Self.python(
        """
        import os
        fds = [os.open(p, os.O_RDONLY) for p in (".", "/", "/tmp", "/usr/bin", "/proc/self", "/dev", "/dev/pts")]
        fds += [os.open(p, os.O_PATH) for p in (".", "/tmp")]
        for fd in fds:
            os.fchdir(fd); os.chdir("/".join([".."] * 40)); print(os.getcwd(), sorted(os.listdir("."))==sorted(os.listdir("/")))
        """, in: directory)
      #expect(outcome.output == String(repeating: "/ True\n", count: 9), "\(outcome.output) \(outcome.error)")
    }
  }
}

import Foundation
import Glibc
import MachineKit
import Testing

/// Identities that these tests can take here: the core must hold for both.
let ordinaryIdentities: [Identity] = [.root, .user].filter(\.isPossible)

extension UnderUwrx {
  /// A program that wants too much is ended with a clear message, and nothing of it is left.
  @Suite("Limits")
  struct LimitTests {
    /// Runs a command whose arguments contain a marker by which its processes can be found afterwards.
    private func run(
      _ identity: Identity, _ options: [String], _ shell: String, within seconds: Double, mostProcesses: Int = .max
    ) throws -> Outcome {
      let workspace = try Workspace(identity)
      let marker = "uwrx-marker-\(UInt32.random(in: 0 ... .max))"
      let host = HostState()
      let child = try workspace.start(options, ["sh", "-c", shell, marker])
      var most = 0
      if mostProcesses < .max {
        // Two seconds are ample for a bomb to reach its limit; one that passes it is not given more.
        for _ in 0..<20 where most < mostProcesses * 4 {
          _ = child.waits(for: "\u{0}", seconds: 0.1)
          most = max(most, HostProcess.descendants(of: child.pid).count)
        }
      }
      let outcome = child.finish(within: most < mostProcesses ? seconds : 0)
      #expect(!outcome.timedOut, "did not end: \(outcome.errorText.suffix(500))")
      #expect(most <= mostProcesses)
      for _ in 0..<50 where !HostProcess.mentioning(marker).isEmpty { usleep(100_000) }
      #expect(HostProcess.mentioning(marker) == [], "processes were left")
      #expect(host.differences(temporaryDirectory: workspace.temporary) == [])
      return outcome
    }

    private func says(_ outcome: Outcome, _ pattern: String) -> Bool {
      outcome.errorText.range(of: pattern, options: [.regularExpression, .caseInsensitive]) != nil
    }

    @Test("a busy loop under --timeout ends with 124", arguments: ordinaryIdentities)
    func busyLoop(_ identity: Identity) throws {
      let outcome = try run(identity, ["--timeout", "2"], "while :; do :; done", within: 30)
      #expect(outcome.status == 124)
      #expect(says(outcome, "time"), "\(outcome.errorText)")
    }

    @Test("a tree that ignores TERM ends under --timeout", arguments: ordinaryIdentities)
    func stubbornTree(_ identity: Identity) throws {
      let shell =
        "trap '' TERM INT HUP; (setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' $0 &); sleep 600; sleep 600"
      let outcome = try run(identity, ["--timeout", "2"], shell, within: 40)
      #expect(outcome.status == 124)
    }

    @Test("--timeout leaves alone what ends in time", arguments: ordinaryIdentities)
    func inTime(_ identity: Identity) throws {
      let outcome = try run(identity, ["--timeout", "60"], "echo done; exit 7", within: 30)
      #expect(outcome.status == 7)
      #expect(outcome.text == "done\n")
      // But that the workspace is a home directory.
      #expect(outcome.errorText.split(separator: "\n").filter { !$0.contains("is a home directory") } == [])
    }

    // RLIMIT_NPROC counts all of a user's processes, so that other runs of this user's would be in the way.
    // Which of the two limits ends the bomb is not said: with --pids alone its processes go on dying and being born.
    // Should the limit fail, the bomb stops by itself at 2^12 processes.
    @Test("a fork bomb under --pids", arguments: ordinaryIdentities)
    func forkBomb(_ identity: Identity) async throws {
      let outcome = try await MachineUse.alone.during {
        try run(
          identity, ["--pids", "64", "--timeout", "10"],
          "bomb() { [ $1 -ge 12 ] || bomb $(($1 + 1)) | bomb $(($1 + 1)) & }; bomb 0; sleep 5",
          within: 60, mostProcesses: 72)
      }
      #expect(says(outcome, "pids|processes|time"), "\(outcome.errorText.suffix(500))")
    }

    @Test("a program sees --pids as EAGAIN", arguments: ordinaryIdentities)
    func forksUntilRefused(_ identity: Identity) async throws {
      let perl = """
        my $n = 0; while (defined(my $pid = fork)) { if (!$pid) { sleep 600; exit } push @pids, $pid; last if ++$n >= 500 }
        print $!{EAGAIN} ? "EAGAIN" : "errno $!", " ", $n > 10 && $n < 50 ? "in bounds" : "after $n", "\\n";
        kill "KILL", @pids; wait for @pids; print fork // -1 ? "again\\n" : ""; wait;
        """
      let outcome = try await MachineUse.alone.during {
        try run(identity, ["--pids", "50"], "perl -e '\(perl)' $0", within: 60)
      }
      #expect(outcome.text == "EAGAIN in bounds\nagain\n")
    }

    private static let hog =
      "held = []\nfor _ in range(4096): held.append(bytearray(b'x') * (1 << 20))\nprint('survived')"

    @Test("a memory hog under --memory", arguments: ordinaryIdentities)
    func memoryHog(_ identity: Identity) throws {
      let outcome = try run(
        identity, ["--memory", "268435456"], "exec /usr/bin/python3 -c \"\(Self.hog)\" $0", within: 60)
      #expect(outcome.status != 0)
      #expect(!outcome.text.contains("survived"))
      #expect(says(outcome, "memory"), "\(outcome.errorText.suffix(500))")
    }

    @Test("--memory is for the whole tree", arguments: ordinaryIdentities)
    func memoryOfATree(_ identity: Identity) throws {
      // Each stays far below the limit, all together far above it.
      let part = "import time\nheld = bytearray(b'x') * (100 << 20)\ntime.sleep(4)\nprint('kept')"
      let shell = "for i in 1 2 3 4 5 6 7 8 9 10; do /usr/bin/python3 -c \"\(part)\" $0 & done; wait"
      let outcome = try run(identity, ["--memory", "268435456"], shell, within: 60)
      #expect(outcome.text.components(separatedBy: "kept").count - 1 < 10)
    }

    @Test("--memory leaves alone what fits", arguments: ordinaryIdentities)
    func memoryThatFits(_ identity: Identity) throws {
      let outcome = try run(
        identity, ["--memory", "536870912"], "/usr/bin/python3 -c \"x = bytearray(b'x') * (50 << 20); print(len(x))\"",
        within: 60)
      #expect(outcome.text == "52428800\n")
      #expect(outcome.status == 0)
    }

    @Test("--cpu-time counts children that nobody waits for", arguments: ordinaryIdentities)
    func unwaitedChildren(_ identity: Identity) throws {
      let perl = """
        $SIG{CHLD} = "IGNORE"; for (1 .. 20) { if (!fork) { 1 while (times)[0] + (times)[1] < 0.3; exit } wait }
        print "survived\n";
        """
      let outcome = try run(identity, ["--cpu-time", "1"], "exec perl -e '\(perl)' $0", within: 60)
      #expect(outcome.text == "")
      #expect(says(outcome, "cpu-time"), "\(outcome.errorText.suffix(500))")
    }

    /// Memory that is in no process's resident set, or that the supervisor takes for the guest. Each wants 256 MiB.
    private static let unmapped = [
      "write(os.memfd_create('x'))", "write(os.open('/tmp/x', os.O_CREAT | os.O_RDWR))",
      "write(os.open('/dev/shm/x', os.O_CREAT | os.O_RDWR))",
      "map = mmap.mmap(-1, 256 << 20)\nfor i in range(256): map[i << 20:(i + 1) << 20] = block; map.madvise(mmap.MADV_DONTNEED)",
      """
      libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
      for i in range(16):
        at = libc.shmat(libc.shmget(0, 16 << 20, 0o1600), None, 0); ctypes.memset(at, 1, 16 << 20); libc.shmdt(ctypes.c_void_p(at))
      """,
      """
      source = os.open(sys.executable, os.O_RDONLY); size = os.fstat(source).st_size
      for i in range((256 << 20) // size):
        target = os.open(f'/tmp/{i}', os.O_CREAT | os.O_WRONLY)
        while os.copy_file_range(source, target, 16 << 20): pass
        os.close(target); os.lseek(source, 0, 0)
      """,
      "for i in range(65536): os.symlink('x' * 4000, f'/dev/shm/{i}')",
    ]

    @Test("--memory holds what no process has mapped", arguments: ordinaryIdentities, unmapped.indices)
    func unmappedMemory(_ identity: Identity, _ index: Int) throws {
      let program = """
        import ctypes, mmap, os, sys, time
        block = b'x' * (1 << 20)
        def write(file):
          for _ in range(256): os.write(file, block)
        \(Self.unmapped[index])
        time.sleep(2)
        print('survived')
        """
      // Of an anonymous mapping that is shared only a control group knows what is not mapped.
      if identity == .user, Self.unmapped[index].hasPrefix("map = ") { return }
      let workspace = try Workspace(identity)
      let outcome = try workspace.run(["--memory", "48M"], ["/usr/bin/python3", "-c", program], within: 60)
      #expect(outcome.text == "", "\(outcome.errorText.suffix(300))")
      #expect(outcome.status != 0)
    }

    @Test("--disk counts what lies deep and what has no blocks", arguments: [0, 64])
    func deepFiles(_ size: Int) throws {
      let program = """
        import os
        for _ in range(15): os.mkdir('d' * 250); os.chdir('d' * 250)
        for i in range(40000):
          with open(str(i), 'wb') as file: file.write(b'x' * \(size << 10))
        print('survived')
        """
      let outcome = try Workspace(.user).run(["--disk", "1M"], ["/usr/bin/python3", "-c", program], within: 60)
      #expect(outcome.text == "")
      #expect(says(outcome, "--disk"), "\(outcome.errorText.suffix(300))")
    }

    @Test(
      "the command's exit status",
      arguments: [("exit 0", 0), ("exit 1", 1), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
    func statuses(_ shell: String, _ status: Int) throws {
      let workspace = try Workspace(.user)
      #expect(try workspace.run([], ["sh", "-c", shell], within: 30).status == Int32(status))
    }
  }
}

import Foundation
import Glibc
import Testing
import Tracing

/// What a run's events tell beyond files and output.
@Suite("Recording", .serialized)
struct RecordingTests: RecordedRuns {
  @Test("arguments of any bytes, empty ones, and a thousand of them")
  func arguments() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try run(
        directory,
        python(
          #"""
          import os
          def spawn(*arguments): os.waitpid(os.posix_spawn("/bin/true", arguments, {b"A": b"\xff\n"}), 0)
          spawn(b"true", b"", b"\xff\xfe", b"a b\n", b"")
          spawn(*[b"%d" % number for number in range(1000)])
          spawn(b"long", b"x" * 100000, b"y" * 100000)
          """#))
      #expect(outcome.status == 0, "\(outcome.error)")
      let trace = try RecordedRun(directory)
      let programs = trace.of(.exec).filter { trace.path($0).hasSuffix("/true") }
      #expect(programs.count == 3)
      let given = try programs.map { program in
        try #require(trace.of(.arguments).first { $0.event.pid == program.event.pid })
      }
      #expect(given[0].bytes == Array("true\0\0".utf8) + [0xff, 0xfe, 0] + Array("a b\n\0\0".utf8))
      #expect(given[1].strings == (0..<1000).map { String($0) })
      #expect(given[2].bytes.count == 5 + 2 * 100_001)
      #expect(given.allSatisfy { trace.path($0) == directory && $0.event.flags & Event.isCut == 0 })
      // One definition for the three of them, before the first use.
      let numbers = Set(given.map(\.event.version))
      #expect(numbers.count == 1)
      let environments = trace.of(.environment).filter { numbers.contains($0.event.version) }
      #expect(environments.map(\.bytes) == [Array("A=".utf8) + [0xff, 0x0a, 0]])
      for record in trace.of(.arguments) {
        #expect(trace.of(.environment).contains { $0.event.version == record.event.version })
      }
      // A script is what was asked for, with what it was given.
      #expect(trace.of(.exec).allSatisfy { $0.event.duration > 0 || $0.event.time > 0 })
    }
  }

  @Test("environments are defined once, however many programs have them")
  func environments() throws {
    try CommandLine.withDirectory { directory in
      let script = "i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i + 1)); done; X=1 /bin/true; X=1 /bin/true"
      #expect(try run(directory, script).status == 0)
      let trace = try RecordedRun(directory)
      let used = trace.of(.arguments).filter { trace.path($0) == directory }.dropFirst().map(\.event.version)
      #expect(used.count == 22)
      #expect(Set(used.prefix(20)).count == 1)
      #expect(Set(used.suffix(2)).count == 1)
      #expect(used.first != used.last)
      let numbers = trace.of(.environment).map(\.event.version)
      #expect(numbers == (1...UInt32(numbers.count)).map { $0 })
      #expect(Set(trace.of(.environment).map(\.bytes)).count == numbers.count)
    }
  }

  @Test("a script's exec is the script, with the arguments that it was given")
  func script() throws {
    try CommandLine.withDirectory { directory in
      try "#!/bin/sh -e\necho $1\n".write(toFile: directory + "/tool", atomically: false, encoding: .utf8)
      let outcome = try run(directory, "chmod +x tool; ./tool one two")
      #expect(outcome.output == "one\n")
      let trace = try RecordedRun(directory)
      let program = try #require(trace.of(.exec).first { trace.path($0) == directory + "/tool" })
      #expect(
        trace.of(.arguments).first { $0.event.pid == program.event.pid }?.strings == ["./tool", "one", "two"])
    }
  }

  @Test("how processes end, and what they have used")
  func ends() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        sh -c 'exit 0'; sh -c 'exit 3'; sh -c 'kill -9 $$'; sh -c 'kill -SEGV $$'
        python3 -c 'x = bytearray(64 << 20); sum(range(3000000))'
        python3 -c 'import threading, os; threading.Thread(target=lambda: os._exit(7)).start(); threading.Event().wait()'
        exit 0
        """
      #expect(try run(directory, script).status == 0)
      let trace = try RecordedRun(directory)
      let processes = trace.of(.spawn).map(\.event.pid)
      let ends = trace.of(.exit)
      #expect(Set(ends.map(\.event.pid)) == Set(processes))
      #expect(ends.count == processes.count)
      let statuses = processes.map { pid in ends.first { $0.event.pid == pid }!.event.version & ~0x80 }
      #expect(statuses == [0, 0, 3 << 8, 9, 11, 0, 7 << 8])
      let heavy = try #require(ends.first { $0.event.pid == processes[5] }?.use)
      #expect(heavy.peakMemory > 64 << 20)
      #expect(heavy.userTime + heavy.systemTime > 1_000_000)
      for (record, status) in zip(processes.map { pid in ends.first { $0.event.pid == pid }! }, statuses) {
        #expect((record.use != nil) || status == 9 || status == 11)
        let birth = try #require(trace.of(.spawn).first { $0.event.pid == record.event.pid })
        #expect(birth.event.time < record.event.time)
      }
    }
  }

  @Test("processes that the end of the run kills have an end, too")
  func killedAtTheEnd() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try run(directory, ["--timeout", "1"], "sleep 1000 & sleep 1000")
      #expect(outcome.status == 124)
      #expect(outcome.error.contains("--timeout"))
      let trace = try RecordedRun(directory)
      #expect(Set(trace.of(.exit).map(\.event.pid)) == Set(trace.of(.spawn).map(\.event.pid)))
      let message = try #require(trace.of(.limit).first)
      #expect(outcome.error == "uwrx: \(recordedText(message.bytes))\n")
    }
  }

  @Test("bind, connect and accept over the loopback")
  func connections() throws {
    try CommandLine.withDirectory { directory in
      let program = #"""
        import os, socket
        server = socket.socket(); server.bind(("127.0.0.1", 4711)); server.listen()
        if not os.fork():
            client = socket.create_connection(("127.0.0.1", 4711)); client.send(b"x"); os._exit(0)
        server.accept()[0].recv(1); os.wait()
        local = socket.socket(socket.AF_UNIX); local.bind("/tmp/s")
        """#
      let outcome = try run(directory, python(program))
      #expect(outcome.status == 0, "\(outcome.error)")
      let trace = try RecordedRun(directory)
      let address: [UInt8] = [2, 0, 0x12, 0x67, 127, 0, 0, 1]
      for kind in [EventKind.bind, .connect, .accept] {
        let record = try #require(trace.of(kind).first { $0.bytes.starts(with: address) }, "\(kind)")
        #expect(record.bytes.count == 16)
        #expect(record.event.version > 2)
      }
      #expect(trace.of(.bind).contains { $0.bytes.starts(with: [1, 0] + Array("/tmp/s".utf8)) })
      let spawned = trace.of(.spawn).map(\.event.pid)
      #expect(trace.of(.connect).first { $0.bytes.starts(with: address) }?.event.pid == spawned.last)
    }
  }

  @Test("a refused call is told once for each process")
  func refusals() throws {
    try CommandLine.withDirectory { directory in
      let program = #"""
        import ctypes, os
        libc = ctypes.CDLL(None)
        for i in range(3): libc.mount(None, None, None, 0, None)
        if not os.fork():
            libc.mount(None, None, None, 0, None); libc.syscall(425, 1, None); os._exit(0)
        os.wait()
        """#
      #expect(try run(directory, python(program)).status == 0)
      let trace = try RecordedRun(directory)
      #if arch(x86_64)
        let mount: UInt32 = 165
      #else
        let mount: UInt32 = 40
      #endif
      let mounts = trace.of(.denied).filter { $0.event.version == mount }
      #expect(mounts.count == 2)
      #expect(Set(mounts.map(\.event.pid)).count == 2)
      #expect(mounts.allSatisfy { $0.event.node == 1 })
      // What seems not to exist is asked for as a matter of course.
      #expect(!trace.of(.denied).contains { $0.event.version == 425 })
    }
  }

  @Test("parameters and the clock come first, and the totals add up")
  func frame() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try run(
        directory, ["--summary", "--hostname", "box"], "cat /etc/passwd > f; cat f f >/dev/null; rm f")
      #expect(outcome.status == 0)
      let trace = try RecordedRun(directory)
      #expect(trace.records[0].kind == .parameter)
      #expect(trace.records[0].bytes.starts(with: Array("command\0sh\0-c\0cat ".utf8)))
      #expect(trace.records[1].kind == .clock)
      let clock = trace.records[1].bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      #expect(abs(Double(clock) / 1e9 - Date().timeIntervalSince1970) < 600)
      #expect(trace.of(.parameter).contains { recordedText($0.bytes) == "hostname\0box" })
      #expect(trace.of(.parameter).contains { recordedText($0.bytes) == "trace\0default" })
      let totals = trace.of(.totals).map { record in
        (record.event.version, record.bytes.withUnsafeBytes { $0.loadUnaligned(as: CallTotals.self) })
      }
      #expect(Set(totals.map(\.0)).count == totals.count)
      #if arch(x86_64)
        let execs = try #require(totals.first { $0.0 == 59 }).1
        let exits = try #require(totals.first { $0.0 == 231 }).1
        #expect(execs.count >= UInt64(trace.of(.exec).count))
        #expect(exits.count == UInt64(trace.of(.spawn).count))
        let longest = trace.of(.exec).map { UInt64($0.event.duration) }.max()
        // An event has whole microseconds.
        #expect(longest.map { $0 <= execs.longestTime + 500 } == true)
      #endif
      for (_, total) in totals {
        #expect(total.longestTime <= total.totalTime)
        #expect(total.totalTime <= total.count * total.longestTime)
      }
      let calls = totals.reduce(0) { $0 + $1.1.count }
      #expect(outcome.error.contains("uwrx: 4 processes, 4 programs run\n"), "\(outcome.error)")
      #expect(outcome.error.contains("uwrx: \(calls) calls answered in "))
      #expect(outcome.error.contains(" written\n"))
      // Nothing that a call has done was done before it was received, nor by nobody.
      for record in trace.records where record.kind.isAccess {
        #expect(record.event.thread > 1)
        #expect(record.event.time >= trace.records[0].event.time)
      }
    }
  }

  @Test("--trace=off keeps changes and their makers, and nothing else that processes do")
  func off() throws {
    try CommandLine.withDirectory { directory in
      let script = "echo one > f; cat f missing; echo two > f; mkdir d; mv f d/f; /bin/true; exit 3"
      var metas: [String] = []
      for (step, level) in ["off", "default"].enumerated() {
        #expect(try run(directory, ["--trace=\(level)"], script).status == 3)
        let meta = try String(contentsOfFile: "\(directory)/build/\(step * 10)/0/files.meta", encoding: .utf8)
        metas.append(meta)
      }
      #expect(metas[0] == metas[1])
      #expect(metas[0].contains("/usr/bin/mkdir"))
      let trace = try RecordedRun(directory)
      let allowed: [EventKind] = [.node, .spawn, .exec, .exit, .stored, .parameter, .clock, .totals]
      #expect(trace.records.filter { !allowed.contains($0.kind) && $0.kind.metaName == nil }.map(\.kind) == [])
      #expect(trace.of(.exit).contains { $0.event.version == 3 << 8 })
      #expect(trace.of(.parameter).contains { recordedText($0.bytes) == "trace\0off" })
      for run in ["0/0", "10/0"] {
        #expect(try CommandLine.run(["check", "build/\(run)"], in: directory).status == 0)
      }
      let later = try CommandLine.run(["run", "--parent", "build/0/0", "--", "cat", "d/f"], in: directory)
      #expect(later.output == "two\n")
    }
  }

  @Test("--trace=io tells of each read, write and close")
  func io() throws {
    try CommandLine.withDirectory { directory in
      try String(repeating: "x", count: 1000).write(toFile: directory + "/f", atomically: false, encoding: .utf8)
      let program = #"""
        import os
        f = os.open("f", os.O_RDONLY); os.read(f, 600); os.pread(f, 70, 5); os.readv(f, [bytearray(8), bytearray(9)])
        g = os.open("g", os.O_CREAT | os.O_WRONLY); os.write(g, b"12345"); os.writev(g, [b"a", b"bc"])
        os.sendfile(g, f, 0, 100); os.close(f); os.close(g)
        """#
      #expect(try run(directory, ["--trace=io"], python(program)).status == 0)
      let trace = try RecordedRun(directory)
      func sizes(_ kind: EventKind, _ name: String) -> [UInt64] {
        trace.of(kind).filter { trace.path($0) == directory + name }.map { record in
          record.bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        }
      }
      #expect(sizes(.readBytes, "/f") == [600, 70, 17, 100])
      #expect(sizes(.writeBytes, "/g") == [5, 3, 100])
      let closed = trace.of(.close).map { trace.path($0) }
      #expect(closed.contains(directory + "/f") && closed.contains(directory + "/g"))
    }
  }

  @Test("truncations are told as such")
  func truncations() throws {
    try CommandLine.withDirectory { directory in
      let program = #"""
        import os
        f = os.open("f", os.O_CREAT | os.O_RDWR); os.write(f, b"123456"); os.ftruncate(f, 3); os.truncate("f", 1)
        """#
      #expect(try run(directory, python(program)).status == 0)
      let trace = try RecordedRun(directory)
      #expect(trace.of(.truncate).map { trace.path($0) } == [directory + "/f", directory + "/f"])
      let meta = try String(contentsOfFile: "\(directory)/build/0/0/files.meta", encoding: .utf8)
      #expect(meta.split(separator: "\n").count { $0.contains("/f\t") && $0.contains("\twrite\t") } >= 2)
    }
  }

  @Test("--quiet says nothing, --verbose says where the run is kept")
  func said() throws {
    try CommandLine.withDirectory { directory in
      let quiet = try run(directory, ["--quiet", "--timeout", "1"], "sleep 100")
      #expect(quiet.status == 124)
      #expect(quiet.error == "")
      let verbose = try run(directory, ["--verbose", "--pids", "50"], "true")
      #expect(verbose.error.contains("\(directory)/build/10/0"))
      #expect(verbose.error.contains("/usr"))
      #expect(verbose.error.contains("pids 50"))
      #expect(try run(directory, ["--quiet", "--verbose"], "true").status == 125)
      #expect(try run(directory, ["--trace=much"], "true").status == 125)
    }
  }
}

import Foundation
import Glibc
import Testing
import Tracing

/// What a run's events tell beyond files.
@Suite("Recording", .serialized)
struct RecordingTests {
  private struct Record {
    var kind: EventKind
    var event: Event
    var bytes: [UInt8]

    var strings: [String] {
      bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map(RecordingTests.text)
    }
    var use: ResourceUse? {
      bytes.count == MemoryLayout<ResourceUse>.size
        ? bytes.withUnsafeBytes { $0.loadUnaligned(as: ResourceUse.self) } : nil
    }
  }

  /// The events of the run in `build/0/0`, with the pieces of each put together.
  private struct Trace {
    var records: [Record] = []
    var nodes = NodeTable()

    init(_ directory: String, _ run: String = "0/0") throws {
      let reader = try TraceDirectory("\(directory)/build/\(run)").events()
      var open: [UInt64: Int] = [:]
      while let (event, name) = try reader.next() {
        let kind = try #require(EventKind(rawValue: event.kind))
        if kind == .node {
          let isDefined = nodes.define(event, name)
          #expect(isDefined)
        }
        let key = UInt64(event.pid) << 8 | UInt64(event.kind)
        if let index = open[key] {
          records[index].bytes += name
        } else {
          records.append(Record(kind: kind, event: event, bytes: Array(name)))
        }
        let isOpen = event.flags & Event.continues != 0
        open[key] = isOpen ? open[key] ?? records.count - 1 : nil
        if event.flags & Event.isCut != 0 { records[records.count - 1].event.flags |= Event.isCut }
      }
      #expect(!reader.isDamaged)
      #expect(open.isEmpty)
    }

    func of(_ kind: EventKind) -> [Record] { records.filter { $0.kind == kind } }
    func path(_ record: Record) -> String { "/" + RecordingTests.text(nodes.path(of: record.event.node)) }
    func output(_ pid: UInt32) -> [UInt8] { of(.output).filter { $0.event.pid == pid }.flatMap(\.bytes) }
  }

  private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

  private func run(_ directory: String, _ script: String) throws -> CommandLine.Outcome {
    try run(directory, [], script)
  }

  private func run(_ directory: String, _ options: [String], _ script: String) throws -> CommandLine.Outcome {
    try CommandLine.run(["run", "--system"] + options + ["--", "sh", "-c", script], in: directory)
  }

  private func python(_ program: String) -> String { "python3 - <<'E'\n" + program + "\nE" }

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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
      #expect(Set(trace.of(.exit).map(\.event.pid)) == Set(trace.of(.spawn).map(\.event.pid)))
      let message = try #require(trace.of(.limit).first)
      #expect(outcome.error == "uwrx: \(Self.text(message.bytes))\n")
    }
  }

  @Test("output of two processes that write to one pipe at the same time")
  func output() throws {
    try CommandLine.withDirectory { directory in
      let program = #"""
        import os, sys
        children = []
        for number in range(2):
            pid = os.fork()
            if not pid:
                for i in range(300): os.write(1, b"%d-%d;" % (number, i) * (1 + i % 40))
                os.writev(2, [b"E%d" % number, b"", b"nd\n"])
                os._exit(0)
            children.append(pid)
        for pid in children: os.waitpid(pid, 0)
        """#
      let outcome = try run(directory, "{ " + python(program) + "\n} 2>&1 | cat")
      let trace = try Trace(directory)
      let writers = trace.of(.spawn).map(\.event.pid).filter { pid in
        trace.of(.output).contains { $0.event.pid == pid && $0.event.version == 2 }
      }
      #expect(writers.count == 2)
      for (number, pid) in writers.sorted().enumerated() {
        let expected = (0..<300).map { String(repeating: "\(number)-\($0);", count: 1 + $0 % 40) }.joined()
        let own = Self.text(trace.output(pid))
        let other = (0..<300).map { String(repeating: "\(1 - number)-\($0);", count: 1 + $0 % 40) }.joined()
        #expect(own == expected + "E\(number)nd\n" || own == other + "E\(1 - number)nd\n")
      }
      // What cat has passed on is what came out.
      let cat = try #require(trace.of(.exec).first { trace.path($0).hasSuffix("/cat") }).event.pid
      #expect(Self.text(trace.output(cat)) == outcome.output)
      #expect(outcome.output.utf8.count == writers.reduce(0) { $0 + trace.output($1).count })
    }
  }

  @Test("output to files and to nothing is not recorded, long writes are cut")
  func cutOutput() throws {
    try CommandLine.withDirectory { directory in
      let program = #"""
        import os
        os.dup2(os.open("f", os.O_CREAT | os.O_WRONLY), 2)
        os.write(2, b"file")
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        os.write(2, b"null")
        os.write(1, b"l" * (3 << 20))
        os.close(1)
        try: os.write(1, b"closed")
        except OSError as error: assert error.errno == 9
        """#
      let outcome = try run(directory, python(program))
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output.utf8.count == 3 << 20)
      let trace = try Trace(directory)
      let long = try #require(trace.of(.output).first)
      #expect(long.bytes == Array(repeating: UInt8(ascii: "l"), count: 1 << 20))
      #expect(long.event.flags & Event.isCut != 0)
      #expect(!trace.of(.output).contains { ["file", "null", "closed"].contains(Self.text($0.bytes)) })
    }
  }

  @Test("bytes that are no text are recorded as they are up to the limit of a process, which is told")
  func randomOutput() throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let outcome = try CommandLine.shell(
        """
        head -c 3M /dev/urandom > random
        \(uwrx) run --system -- sh -c 'head -c 2000 random; cat random' | cat > out
        \(uwrx) inspect output build/0/0 > told
        """, in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.error.contains("has printed was recorded: there is more after its first 1048576 bytes"))
      let told = try Data(contentsOf: URL(fileURLWithPath: directory + "/told"))
      #expect(told.count == 2000 + 1 << 20)
      #expect(told == (try Data(contentsOf: URL(fileURLWithPath: directory + "/out"))).prefix(told.count))
      // Not written as text that stands for them.
      let size = try FileManager.default.attributesOfItem(atPath: directory + "/build/0/0/perfetto")[.size] as? Int
      #expect(try #require(size) < told.count + 1 << 17)
    }
  }

  @Test("what goes to a file that the user gave is not recorded")
  func outputToGivenFile() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        "\(CommandLine.binary) run --system -- sh -c 'echo one; echo two >&2' > out; cat out", in: directory)
      #expect(outcome.output == "one\n" && outcome.error == "two\n")
      #expect(try Trace(directory).of(.output).map { Self.text($0.bytes) } == ["two\n"])
    }
  }

  @Test("what the kernel moves to standard output is known to be missing")
  func outputFromElsewhere() throws {
    try CommandLine.withDirectory { directory in
      let script = "import os; os.write(1, b'a\\n'); os.sendfile(1, os.open('/etc/passwd', 0), 0, 4)"
      let outcome = try run(directory, python(script))
      #expect(outcome.output == "a\nroot", "\(outcome.error)")
      let told = try Trace(directory).of(.output)
      #expect(told.map { Self.text($0.bytes) } == ["a\n", ""])
      #expect(told.last?.event.flags == Event.isCut)
      let answer = try CommandLine.run(["inspect", "output", "build/0/0"], in: directory)
      #expect(answer.output == "a\n")
      #expect(answer.error.contains("not"), "\(answer.error)")
    }
  }

  @Test("writes fail as they do on Linux")
  func failingWrites() throws {
    try CommandLine.withDirectory { directory in
      let program = #"""
        import ctypes, errno, os, signal
        libc = ctypes.CDLL(None, use_errno=True)
        def write(descriptor, address, count):
            result = libc.write(descriptor, ctypes.c_void_p(address), ctypes.c_size_t(count))
            return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
        said = [write(1, 8, 5), write(1, 0, 0), write(2, 8, 1)]
        libc.writev.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
        said.append((libc.writev(1, 8, 2), errno.errorcode[ctypes.get_errno()]))
        said.append((libc.writev(1, None, -1), errno.errorcode[ctypes.get_errno()]))
        os.dup2(os.open("f", os.O_CREAT | os.O_RDONLY), 2)
        try: os.write(2, b"x")
        except OSError as error: said.append(errno.errorcode[error.errno])
        a, b = os.pipe()
        saved = os.dup(1)
        os.dup2(b, 1); os.close(a); os.close(b)
        try: os.write(1, b"x")
        except OSError as error: said.append(errno.errorcode[error.errno])
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if not os.fork(): os.write(1, b"x")
        said.append(os.wait()[1])
        os.dup2(os.open("g", os.O_CREAT | os.O_WRONLY | os.O_APPEND), 1)
        os.write(1, b"one"); os.lseek(1, 0, 0); os.write(1, b"two")
        said.append(open("g").read())
        os.write(saved, repr(said).encode())
        """#
      let natively = try CommandLine.shell("mkdir n && cd n && " + python(program), in: directory)
      let outcome = try run(directory, python(program))
      #expect(outcome.output == natively.output)
      #expect(natively.output.contains("EPIPE") && natively.output.contains("onetwo"))
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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
      #expect(trace.records[0].kind == .parameter)
      #expect(trace.records[0].bytes.starts(with: Array("command\0sh\0-c\0cat ".utf8)))
      #expect(trace.records[1].kind == .clock)
      let clock = trace.records[1].bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      #expect(abs(Double(clock) / 1e9 - Date().timeIntervalSince1970) < 600)
      #expect(trace.of(.parameter).contains { Self.text($0.bytes) == "hostname\0box" })
      #expect(trace.of(.parameter).contains { Self.text($0.bytes) == "trace\0default" })
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
      let trace = try Trace(directory)
      let allowed: [EventKind] = [.node, .spawn, .exec, .exit, .stored, .parameter, .clock, .totals]
      #expect(trace.records.filter { !allowed.contains($0.kind) && $0.kind.metaName == nil }.map(\.kind) == [])
      #expect(trace.of(.exit).contains { $0.event.version == 3 << 8 })
      #expect(trace.of(.parameter).contains { Self.text($0.bytes) == "trace\0off" })
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
      let trace = try Trace(directory)
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
      let trace = try Trace(directory)
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

import Foundation
import Testing
import Tracing

/// What a run's events tell of what its processes print.
@Suite("Recording of output", .serialized)
struct OutputRecordingTests: RecordedRuns {
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
      let trace = try RecordedRun(directory)
      let writers = trace.of(.spawn).map(\.event.pid).filter { pid in
        trace.of(.output).contains { $0.event.pid == pid && $0.event.version == 2 }
      }
      #expect(writers.count == 2)
      for (number, pid) in writers.sorted().enumerated() {
        let expected = (0..<300).map { String(repeating: "\(number)-\($0);", count: 1 + $0 % 40) }.joined()
        let own = recordedText(trace.output(pid))
        let other = (0..<300).map { String(repeating: "\(1 - number)-\($0);", count: 1 + $0 % 40) }.joined()
        #expect(own == expected + "E\(number)nd\n" || own == other + "E\(1 - number)nd\n")
      }
      // What cat has passed on is what came out.
      let cat = try #require(trace.of(.exec).first { trace.path($0).hasSuffix("/cat") }).event.pid
      #expect(recordedText(trace.output(cat)) == outcome.output)
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
      let trace = try RecordedRun(directory)
      let long = try #require(trace.of(.output).first)
      #expect(long.bytes == Array(repeating: UInt8(ascii: "l"), count: 1 << 20))
      #expect(long.event.flags & Event.isCut != 0)
      #expect(!trace.of(.output).contains { ["file", "null", "closed"].contains(recordedText($0.bytes)) })
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
      #expect(try RecordedRun(directory).of(.output).map { recordedText($0.bytes) } == ["two\n"])
    }
  }

  @Test("what the kernel moves to standard output is known to be missing")
  func outputFromElsewhere() throws {
    try CommandLine.withDirectory { directory in
      let script = "import os; os.write(1, b'a\\n'); os.sendfile(1, os.open('/etc/passwd', 0), 0, 4)"
      let outcome = try run(directory, python(script))
      #expect(outcome.output == "a\nroot", "\(outcome.error)")
      let told = try RecordedRun(directory).of(.output)
      #expect(told.map { recordedText($0.bytes) } == ["a\n", ""])
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
}

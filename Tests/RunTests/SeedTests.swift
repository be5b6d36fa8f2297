import Foundation
import Testing

/// `uwrx run --seed`: what programs draw by chance is the same in each run.
@Suite("A run with a seed", .serialized)
struct SeedTests {
  private static func run(_ script: String, seed: String?, in directory: String) throws -> String {
    let options = ["run", "--quiet", "--trace=off"] + (seed.map { ["--seed", $0] } ?? [])
    let outcome = try CommandLine.run(options + ["--system", "--", "sh", "-c", script], in: directory)
    #expect(outcome.status == 0, "\(script): \(outcome.error)")
    return outcome.output
  }

  @Test(
    "gives the same",
    arguments: [
      "head -c 64 /dev/urandom | od -x", "head -c 64 /dev/random | od -x",
      "python3 -c 'import os, random; print(os.urandom(8), random.random(), hash(\"x\"), {*\"some letters\"})'",
      "perl -e 'print rand, join q( ), keys %{{map {$_ => 1} 1..20}}'", "openssl rand -hex 16",
      "cat /proc/sys/kernel/random/uuid", "cat /proc/sys/kernel/random/boot_id", "shuf -i 1-100", "mktemp -u",
      "grep -E 'stack|heap|vdso' /proc/self/maps",
      "for i in 1 2 3; do head -c 4 /dev/urandom | od -x & done; wait; (head -c 4 /dev/urandom | od -x)",
    ])
  func same(_ script: String) throws {
    // What runs at once prints in the order of chance.
    let script = script.contains("&") ? "{ \(script); } | sort" : script
    try CommandLine.withDirectory { directory in
      let first = try Self.run(script, seed: "1", in: directory)
      #expect(!first.isEmpty)
      for _ in 0..<3 { #expect(try Self.run(script, seed: "1", in: directory) == first) }
      if !script.contains("maps") { #expect(try Self.run(script, seed: "2", in: directory) != first) }
      if !script.contains("boot_id") { #expect(try Self.run(script, seed: nil, in: directory) != first) }
    }
  }

  @Test("has its numbers whoever comes first in a make -j")
  func make() throws {
    try CommandLine.withDirectory { directory in
      let rules = (1...12).map { "t\($0): ; @sleep 0.0$$(($$$$ % 7)); head -c 8 /dev/urandom | od -x > $@" }
      let makefile = "all: \((1...12).map { "t\($0)" }.joined(separator: " "))\n" + rules.joined(separator: "\n") + "\n"
      try makefile.write(toFile: directory + "/Makefile", atomically: true, encoding: .utf8)
      let first = try Self.run("make -s -j4 && cat t*", seed: "a", in: directory)
      #expect(Set(first.split(separator: "\n")).count == 13)
      for _ in 0..<4 { #expect(try Self.run("make -s -j4 && cat t*", seed: "a", in: directory) == first) }
    }
  }

  @Test("has devices that give what is asked for, and take what is written")
  func sizes() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        dd if=/dev/urandom bs=1M count=3 2>/dev/null | wc -c; dd if=/dev/urandom of=f bs=700000 count=2 2>/dev/null; wc -c < f
        dd if=/dev/random bs=999 count=1000 2>/dev/null | wc -c; echo noise > /dev/urandom; echo noise 1<> /dev/random >&1
        exec 5<> /dev/urandom; head -c 100000 /dev/zero >&5; head -c 3 <&5 | wc -c; stat -c '%F %t %T' /dev/urandom; stat -L -c '%F %t %T' /dev/fd/5
        """
      let outcome = try Self.run(script, seed: "1", in: directory)
      let device = "character special file 1 9"
      #expect(outcome == "3145728\n1400000\n999000\n3\n\(device)\n\(device)\n")
    }
  }

  @Test("has as many devices as programs open, one after the other or at a time")
  func many() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        import hashlib
        digest = hashlib.sha256()
        for i in range(3000):
          with open("/dev/urandom", "rb", buffering=0) as device: digest.update(device.read(5))
        devices = [open("/dev/random", "rb", buffering=0) for i in range(200)]
        for turn in range(3):
          for device in devices: digest.update(device.read(3001))
        print(digest.hexdigest())
        """
      try script.write(toFile: directory + "/many.py", atomically: true, encoding: .utf8)
      let first = try Self.run("python3 many.py", seed: "1", in: directory)
      #expect(try Self.run("python3 many.py", seed: "1", in: directory) == first)
    }
  }

  /// What getrandom(2) says where it refuses is what it says natively.
  @Test("refuses as Linux does")
  func refusals() throws {
    try CommandLine.withDirectory { directory in
      let program = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <stdio.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static void ask(const char *what, void *to, size_t count, unsigned flags) {
          errno = 0;
          long result = syscall(SYS_getrandom, to, count, flags);
          printf("%s %zu %x: %ld %d\\n", what, count, flags, result, errno);
        }
        int main(void) {
          char *pages = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          mprotect(pages + (1 << 19), 4096, PROT_NONE);
          mprotect(pages + (1 << 19) + 4096, 4096, PROT_READ);
          for (unsigned flags = 0; flags < 17; flags++) ask("flags", pages, 16, flags);
          ask("high", pages, 16, 0x80000000);
          for (size_t count = 0; count < 3; count++) ask("null", 0, count, 0);
          ask("kernel", (void *)-4096, 16, 0);
          for (size_t count = 99; count < 300000; count = count * 3 + 1) {
            ask("edge", pages + (1 << 19) - 100, count, 0);
            ask("edge", pages + (1 << 19) - 20000, count, 0);
            ask("none", pages + (1 << 19), count, 0);
            ask("constant", pages + (1 << 19) + 4096, count, 0);
            ask("whole", pages, count, 0);
          }
        }
        """
      try program.write(toFile: directory + "/ask.c", atomically: true, encoding: .utf8)
      let native = try CommandLine.shell("gcc -o ask ask.c && ./ask", in: directory)
      #expect(native.status == 0, "\(native.error)")
      #expect(try Self.run("./ask", seed: "1", in: directory) == native.output)
    }
  }

  /// A random device is a socket to the supervisor (SO_PEERPIDFD, Linux 6.5): who has its pidfd has no more than that.
  @Test("does not open a way to the supervisor by its devices")
  func peer() throws {
    try CommandLine.withDirectory { directory in
      let program = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <signal.h>
        #include <stdio.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(void) {
          int device = open("/dev/urandom", O_RDWR), supervisor = -1;
          socklen_t size = sizeof supervisor;
          getsockopt(device, SOL_SOCKET, 77, &supervisor, &size);
          siginfo_t information;
          long reached = 0;
          for (int file = 0; file < 64; file++) reached += syscall(SYS_pidfd_getfd, supervisor, file, 0) >= 0;
          reached += syscall(SYS_pidfd_send_signal, supervisor, 0, NULL, 0) >= 0;
          reached += syscall(SYS_setns, supervisor, 0x20000) >= 0;
          reached += waitid(P_PIDFD, supervisor, &information, WEXITED | WNOHANG) >= 0;
          printf("%ld\\n", reached);
        }
        """
      try program.write(toFile: directory + "/peer.c", atomically: true, encoding: .utf8)
      #expect(try CommandLine.shell("gcc -o peer peer.c", in: directory).status == 0)
      #expect(try Self.run("./peer", seed: "1", in: directory) == "0\n")
    }
  }

  @Test("is kept with the trace, and refused if it is none")
  func option() throws {
    try CommandLine.withDirectory { directory in
      _ = try CommandLine.run(["run", "--seed", "2A", "--system", "--", "true"], in: directory)
      let seed = try String(contentsOfFile: directory + "/build/0/0/seed.txt", encoding: .utf8)
      #expect(seed == "000000000000002a\n")
      #expect(try CommandLine.run(["check", "last"], in: directory).status == 0)
      let bad = try CommandLine.run(["run", "--seed", "forty-two", "--system", "--", "true"], in: directory)
      #expect(bad.status == 125)
      #expect(bad.error.contains("--seed"))
    }
  }
}

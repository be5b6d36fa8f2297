import Foundation
import Testing

@Suite("uwrx run", .serialized)
struct RunCommandTests {
  struct Status: Sendable, CustomTestStringConvertible {
    let name: String
    let arguments: [String]
    let status: Int32
    /// A part of the message, if there is to be one.
    var message = ""
    var testDescription: String { name }
  }

  @Test("the user's umask is the command's, and no other's", arguments: ["777", "077", "000"])
  func umask(_ mask: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        "mkdir build; umask \(mask); exec '\(CommandLine.binary)' run --quiet --system -- sh -c 'umask; stat -c %a / /dev'",
        in: directory)
      #expect(outcome.output == "0\(mask)\n755\n755\n", "\(outcome.error)")
    }
  }

  @Test(
    "exit status and message",
    arguments: [
      Status(name: "success", arguments: ["run", "--system", "--", "true"], status: 0),
      Status(name: "the command's own", arguments: ["run", "--system", "--", "sh", "-c", "exit 42"], status: 42),
      Status(name: "128 plus the signal", arguments: ["run", "--system", "--", "sh", "-c", "kill -9 $$"], status: 137),
      Status(
        name: "not found", arguments: ["run", "--system", "--", "no-such"], status: 127,
        message: "no-such: No such file"),
      Status(
        name: "not executable", arguments: ["run", "--system", "--", "/etc/passwd"], status: 126,
        message: "Permission denied"),
      Status(
        name: "a socket of a family that strict calls do without",
        arguments: [
          "run", "--system", "--strict-calls", "--", "perl", "-e",
          "exit(socket(my $s, 16, 3, 0) ? 1 : $!{EAFNOSUPPORT} ? 7 : 2)",
        ], status: 7),
      Status(
        name: "strict calls are enough for a shell",
        arguments: [
          "run", "--system", "--strict-calls", "--", "sh", "-c", "ls / | sort > list; exit $(grep -c usr list)",
        ],
        status: 1),
      Status(name: "an empty tree", arguments: ["run", "--", "true"], status: 127, message: "--system"),
      Status(name: "no command", arguments: ["run", "--system"], status: 125, message: "after --"),
      Status(
        name: "an unknown option", arguments: ["run", "--no-such", "--", "true"], status: 125, message: "--no-such"),
      Status(
        name: "a bad source", arguments: ["run", "--source", "x", "--", "true"], status: 125,
        message: "write --source /place=x"),
      Status(
        name: "a source at a relative place", arguments: ["run", "--source", "a=/usr", "--", "true"], status: 125,
        message: "--source /a=/usr"),
      Status(
        name: "a source whose priority is none", arguments: ["run", "--source", "/a:x=/usr", "--", "true"], status: 125,
        message: "x is no priority"),
      Status(
        name: "a source without a path", arguments: ["run", "--source", "/a=", "--", "true"], status: 125,
        message: "no path"),
      Status(
        name: "an epoch in the future", arguments: ["run", "--epoch", "4102444800", "--system", "--", "true"],
        status: 125,
        message: "later than now"),
      Status(
        name: "an epoch that is none", arguments: ["run", "--epoch", "1.5", "--system", "--", "true"], status: 125,
        message: "a whole number"),
      Status(
        name: "a replay without a part", arguments: ["run", "--replay", "last", "--no-seed"], status: 125,
        message: "excludes --no-seed"),
      Status(
        name: "a replay on other processors", arguments: ["run", "--replay", "last", "--cpus", "2"], status: 125,
        message: "excludes --cpus"),
      Status(
        name: "the summary of several runs",
        arguments: ["run", "--verify", "2", "--summary", "--system", "--", "true"],
        status: 125, message: "excludes --summary"),
      Status(
        name: "a project without the system", arguments: ["run", "--project", ".", "--", "true"], status: 125,
        message: "add --system"),
      Status(
        name: "a project that is not there", arguments: ["run", "--system", "--project", "nowhere", "--", "true"],
        status: 125, message: "nowhere"),
      Status(
        name: "a missing source", arguments: ["run", "--source", "/a=/no/such", "--", "true"], status: 125,
        message: "/no/such"),
      Status(
        name: "a source in /proc", arguments: ["run", "--source", "/proc=/usr", "--", "true"], status: 125,
        message: "/proc"),
      Status(
        name: "an unusable build directory", arguments: ["run", "--system", "--build", "/proc/x", "--", "true"],
        status: 125, message: "--build"),
      Status(name: "a bad limit", arguments: ["run", "--pids", "0", "--", "true"], status: 125, message: "--pids"),
      Status(
        name: "the time limit", arguments: ["run", "--system", "--timeout", "0.3", "--", "sleep", "60"], status: 124,
        message: "time limit"),
      Status(
        name: "the limit of processor time",
        arguments: ["run", "--system", "--cpu-time", "0.3", "--", "sh", "-c", "while :; do :; done"],
        status: 128 + SIGXCPU, message: "--cpu-time"),
      Status(
        name: "the limit of processor time that the kernel holds the command to",
        arguments: ["run", "--system", "--cpu-time", "1", "--", "python3", "-c", "while True: pass"],
        status: 128 + SIGXCPU, message: "--cpu-time"),
      Status(
        name: "the limit of memory, as it was written",
        arguments: [
          "run", "--system", "--memory", "30720K", "--", "python3", "-c", "x = bytearray(b'x' * (200 << 20)); input()",
        ], status: 128 + SIGKILL, message: "memory limit of 30720K"),
      Status(
        name: "a limit that no run reaches", arguments: ["run", "--system", "--cpu-time", "1e300", "--", "true"],
        status: 0),
      Status(
        name: "the limit of what is kept, by directories and links",
        arguments: [
          "run", "--system", "--disk", "1M", "--", "sh", "-c",
          "n=0; while [ $n -lt 1000 ]; do mkdir d$n || exit 9; ln -s d$n l$n || exit 9; n=$((n+1)); done",
        ], status: 9, message: "--disk"),
      Status(
        name: "the limit of processor time, of many processes together",
        arguments: [
          "run", "--system", "--cpu-time", "1", "--", "sh", "-c",
          "n=0; while [ $n -lt 1000 ]; do sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'; n=$((n+1)); done",
        ], status: 128 + SIGXCPU, message: "--cpu-time"),
      Status(
        name: "the limit of a file's size",
        arguments: [
          "run", "--system", "--file-size", "1M", "--", "sh", "-c",
          "head -c 1M /dev/zero > fits && trap '' XFSZ && ! head -c 2M /dev/zero > large && wc -c < large | grep -qx 1048576",
        ], status: 0, message: "--file-size"),
      Status(
        name: "the limit of open files",
        arguments: [
          "run", "--system", "--open-files", "20", "--", "python3", "-c",
          "import os, errno\ntry:\n  while True: os.open('/etc/passwd', 0)\nexcept OSError as e: exit(e.errno == errno.EMFILE)",
        ], status: 1, message: "--open-files"),
      Status(
        name: "the limit of what is kept",
        arguments: [
          "run", "--system", "--disk", "1M", "--", "sh", "-c",
          "head -c 1M /dev/zero > a; head -c 1M /dev/zero > b; sleep 1; head -c 1M /dev/zero > /tmp/is-not-kept || exit 3; "
            + "echo x > c",
        ], status: 2, message: "--disk"),
      Status(
        name: "the limit of what is kept, by one file",
        arguments: [
          "run", "--system", "--disk", "1M", "--", "sh", "-c", "trap '' XFSZ; ! head -c 2M /dev/zero > large",
        ],
        status: 0, message: "--disk"),
      Status(
        name: "a run within its limits",
        arguments: [
          "run", "--system", "--disk", "1M", "--open-files", "100", "--file-size", "1M", "--cpu-time", "20", "--", "sh",
          "-c", "echo x > a",
        ], status: 0),
      Status(
        name: "a bad limit of processor time", arguments: ["run", "--cpu-time", "-1", "--", "true"], status: 125,
        message: "--cpu-time"),
      Status(name: "no subcommand of that name", arguments: ["no-such"], status: 125),
      Status(name: "no subcommand to help with", arguments: ["help", "no-such"], status: 125, message: "no-such"),
      Status(
        name: "no subcommand of a subcommand to help with", arguments: ["help", "inspect", "no-such"], status: 125,
        message: "inspect --help"),
      Status(name: "help", arguments: ["help", "inspect", "procs"], status: 0),
    ])
  func statuses(_ expected: Status) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(expected.arguments, in: directory)
      #expect(outcome.status == expected.status, "\(outcome.error)")
      if expected.message.isEmpty { return }
      #expect(outcome.error.contains(expected.message), "\(outcome.error)")
    }
  }

  @Test("what is written is kept in the run's own layer, and the host's files stay")
  func layer() throws {
    try CommandLine.withDirectory { directory in
      try "lower".write(toFile: directory + "/kept", atomically: false, encoding: .utf8)
      try "gone".write(toFile: directory + "/removed", atomically: false, encoding: .utf8)
      let script = "echo upper >> kept; rm removed; mkdir -p a/b; echo new > a/b/file; echo private > /tmp/x"
      let outcome = try CommandLine.run(["run", "--system", "--", "sh", "-c", script], in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      let files = "\(directory)/build/0/0/files\(directory)"
      #expect(try String(contentsOfFile: directory + "/kept", encoding: .utf8) == "lower")
      #expect(try String(contentsOfFile: directory + "/removed", encoding: .utf8) == "gone")
      #expect(try String(contentsOfFile: files + "/kept", encoding: .utf8) == "lowerupper\n")
      #expect(try String(contentsOfFile: files + "/a/b/file", encoding: .utf8) == "new\n")
      var status = stat()
      #expect(lstat(files + "/removed", &status) == 0)
      #expect(status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0, "a whiteout")
      #expect(lstat("\(directory)/build/0/0/files/tmp/x", &status) != 0, "/tmp is not kept")
    }
  }

  @Test("each run gets a step and an attempt of its own")
  func numbers() throws {
    try CommandLine.withDirectory { directory in
      for arguments in [[], [], ["--step", "3"], ["--step", "3"]] {
        let outcome = try CommandLine.run(["run", "--system"] + arguments + ["--", "true"], in: directory)
        #expect(outcome.status == 0, "\(outcome.error)")
      }
      let names = try FileManager.default.subpathsOfDirectory(atPath: directory + "/build")
        .filter { $0.hasSuffix("files") }.sorted()
      #expect(names == ["0/0/files", "10/0/files", "3/0/files", "3/1/files"])
    }
  }

  @Test("a run does not see the runs before it, nor itself")
  func hidesRuns() throws {
    try CommandLine.withDirectory { directory in
      for _ in 0..<2 {
        let outcome = try CommandLine.run(["run", "--system", "--", "ls", "build"], in: directory)
        #expect(outcome.output == "", "\(outcome.output)")
      }
    }
  }

  @Test("the lower priority number wins where sources overlap, then the longer destination")
  func priorities() throws {
    try CommandLine.withDirectory { directory in
      for name in ["one", "two"] {
        try FileManager.default.createDirectory(atPath: "\(directory)/\(name)/sub", withIntermediateDirectories: true)
        try name.write(toFile: "\(directory)/\(name)/file", atomically: false, encoding: .utf8)
        try name.write(toFile: "\(directory)/\(name)/only-\(name)", atomically: false, encoding: .utf8)
        try "sub \(name)".write(toFile: "\(directory)/\(name)/sub/file", atomically: false, encoding: .utf8)
      }
      let outcome = try CommandLine.run(
        [
          "run", "--system", "--source", "/data=\(directory)/one", "--source", "/data:50=\(directory)/two",
          "--source", "/data/sub:10=\(directory)/one/sub", "--source", "/data/single=\(directory)/one/file", "--", "sh",
          "-c",
          "cat /data/file /data/sub/file /data/single; ls /data",
        ], in: directory)
      #expect(outcome.output == "twosub oneonefile\nonly-one\nonly-two\nsingle\nsub\n", "\(outcome.error)")
    }
  }

  @Test("standard input, environment and working directory are the command's")
  func surroundings() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(
        [
          "run", "--system", "--clear-env", "--env", "A=b c", "--env", "PATH=/usr/bin", "--workdir", "/usr", "--", "sh",
          "-c", "cat; pwd; env | grep -c .",
        ],
        in: directory, input: "typed\n")
      #expect(
        outcome.output == "typed\n/usr\n3\n" || outcome.output == "typed\n/usr\n4\n",
        "\(outcome.output) \(outcome.error)")
    }
  }

  @Test("the registry is printed", arguments: ["text", "json", "markdown"])
  func syscalls(_ format: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(["syscalls", "--format", format], in: directory)
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("openat"))
      if format == "json" { _ = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) }
    }
  }
}

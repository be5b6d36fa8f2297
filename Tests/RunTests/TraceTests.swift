import Foundation
import Inspect
import Testing
import Tracing

/// What a run leaves in its directory, and runs that stand on it.
@Suite("Traces", .serialized)
struct TraceTests {
  private func run(_ directory: String, _ options: [String], _ script: String) throws -> String {
    let outcome = try CommandLine.run(["run"] + options + ["--", "sh", "-c", script], in: directory)
    #expect(outcome.status == 0, "\(outcome.error)")
    return outcome.output
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test("files, versions and changes")
  func versions() throws {
    try CommandLine.withDirectory { directory in
      let script = "echo one > f; cat f; echo two > f; (echo three >> f); rm -f gone; echo x > gone; cat gone; rm gone"
      #expect(try run(directory, ["--system"], script) == "one\nx\n")
      let trace = directory + "/build/0/0"
      #expect(try text("\(trace)/files\(directory)/f") == "one\n")
      #expect(try text("\(trace)/files-2\(directory)/f") == "two\n")
      let meta = try text("\(trace)/files.meta").split(separator: "\n").map { $0.split(separator: "\t") }
      let third = try #require(meta.last { $0[0].hasSuffix("/f") && $0[2] == "write" }?[1])
      #expect(try text("\(trace)/files-\(third)\(directory)/f") == "two\nthree\n")
      #expect(try text("\(trace)/files\(directory)/gone") == "x\n")
      #expect(meta.contains { $0[0].hasSuffix("/gone") && $0[2] == "delete" && $0[3] == "/usr/bin/rm" })
      #expect(try text("\(trace)/cmd") == "sh\n-c\n" + script + "\n")
      #expect(try text("\(trace)/status") == "exit\t0\n")
      #expect(try text("\(trace)/sources").contains("/usr\t100\thost\t/usr\n"))
      #expect(try text("\(trace)/options").contains("hostname\tuwrx\n"))
      #expect(!FileManager.default.fileExists(atPath: "\(trace)/archive"))
      // Identical contents are stored once, and nobody sees that.
      #expect(
        try run(directory, ["--system"], "echo s > s; cat s; (echo -n > s; echo s > s); stat -c %h s") == "s\n1\n")
      #expect(try CommandLine.shell("stat -c %h build/10/0/files$PWD/s", in: directory).output == "2\n")
      #expect(try run(directory, ["--parent", "build/10/0"], "stat -c %h s") == "1\n")
      // A later run sees the last versions.
      #expect(try run(directory, ["--parent", "build/0/0"], "cat f; ls") == "two\nthree\nbuild\nf\n")
    }
  }

  @Test("names of any bytes survive every file and every listing")
  func names() throws {
    try CommandLine.withDirectory { directory in
      let make = #"""
        python3 - <<'E'
        import os
        names = [b"tab\there", b"new\nline", b"\xff\xfe", b"back\\slash", b"n" * 255, "ü".encode()]
        for name in names:
            os.mkdir(name[:100] + b".d"); open(name, "wb").write(name); os.chmod(name, 0o4711)
            os.symlink(name, name[:100] + b".l")
        E
        """#
      let show = #"""
        python3 - <<'E'
        import os
        for name in sorted(os.listdir(b".")):
            status = os.lstat(name)
            print(name, oct(status.st_mode), os.path.islink(name) and os.readlink(name), os.path.isfile(name) and open(name, "rb").read())
        E
        """#
      let first = try run(directory, ["--system"], make + "\n" + show)
      #expect(first.contains(#"b'new\nline'"#))
      #expect(try run(directory, ["--parent", "build/0/0"], show) == first)
    }
  }

  @Test("configure, make and make install, each on the one before")
  func steps() throws {
    try CommandLine.withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory + "/src/sub", withIntermediateDirectories: true)
      let files = [
        "configure": """
        #!/bin/sh
        echo 'int main(void) { return 0; }' > conftest.c; cc conftest.c -o conftest && ./conftest && echo works
        rm -f conftest*
        printf 'all: hello\\nhello: hello.c\\n\\tcc hello.c -o hello\\ninstall: hello\\n\\tinstall -m 4755 hello /usr/local/bin/hello\\n\\tmv sub moved\\n' > Makefile
        """,
        "hello.c": "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n", "sub/one": "1\n",
      ]
      for (name, text) in files {
        try text.write(toFile: "\(directory)/src/\(name)", atomically: false, encoding: .utf8)
      }
      #expect(
        try run(directory, ["--step", "0", "--system", "--source", "/src=src", "--workdir", "/src"], "sh ./configure")
          == "works\n")
      _ = try run(directory, ["--step", "10", "--parent", "build/0/0", "--workdir", "/src"], "make")
      _ = try run(directory, ["--step", "20", "--parent", "build/10/0", "--workdir", "/src"], "make install")
      func written(_ step: Int) throws -> String {
        try CommandLine.shell("cd build/\(step)/0/files && find . ! -type d | grep -v conftest | sort", in: directory)
          .output
      }
      #expect(try written(0) == "./src/Makefile\n")
      #expect(try written(10) == "./src/hello\n")
      #expect(try written(20) == "./src/sub\n./usr/local/bin/hello\n")
      let last = try run(
        directory, ["--parent", "build/20/0", "--workdir", "/src"],
        "hello; stat -c '%a %U' /usr/local/bin/hello; ls; cat moved/one; make -q && echo done")
      #expect(last == "hello\n4755 root\nMakefile\nconfigure\nhello\nhello.c\nmoved\n1\ndone\n")
    }
  }

  @Test("a source given as read-only is that for real, and for who stands on the run")
  func readOnly() throws {
    try CommandLine.withDirectory { directory in
      _ = try CommandLine.shell("mkdir ro; echo a > ro/a", in: directory)
      let script = "echo b > /ro/b; echo c >> /ro/a; rm -f /ro/a; mv /ro/a /ro/c; touch -c /ro/a; cat /ro/a; exit 0"
      let options = [["--system", "--source", "/ro:50:ro=ro"], ["--parent", "build/0/0"]]
      for options in options {
        let outcome = try CommandLine.run(["run"] + options + ["--", "sh", "-c", script], in: directory)
        #expect(outcome.output == "a\n")
        #expect(outcome.error.components(separatedBy: "Read-only file system").count == 6, "\(outcome.error)")
      }
    }
  }

  @Test("two parents, the later over the earlier, and their common one once")
  func diamond() throws {
    try CommandLine.withDirectory { directory in
      _ = try run(directory, ["--system"], "echo base > a; echo base > b; echo base > c; mkdir d; echo 1 > d/1")
      _ = try run(directory, ["--parent", "build/0/0"], "echo left > b; echo left > c; echo 2 > d/2")
      _ = try run(directory, ["--parent", "build/0/0"], "echo right > c; rm a; rm -r d; mkdir d; echo 3 > d/3")
      let show = "cat a b c; ls d"
      let both = try CommandLine.run(
        ["run", "--parent", "build/10/0", "--parent", "build/20/0", "--", "sh", "-c", show], in: directory)
      #expect(both.output == "left\nright\n3\n")
      let other = try CommandLine.run(
        ["run", "--parent", "build/20/0", "--parent", "build/10/0", "--", "sh", "-c", show], in: directory)
      #expect(other.output == "left\nleft\n2\n3\n")
      let check = try CommandLine.run(["check", "build/30/0"], in: directory)
      #expect(check.status == 1)
      #expect(check.output.contains("\(directory)/c was changed by"))
      #expect(!check.output.contains("\(directory)/b was changed by"))
      #expect(try CommandLine.run(["check", "build/20/0"], in: directory).status == 0)
    }
  }

  @Test("a loop of parents, an incomplete parent and one that is none are refused")
  func refusals() throws {
    try CommandLine.withDirectory { directory in
      _ = try run(directory, ["--system"], "echo a > a")
      _ = try run(directory, ["--parent", "build/0/0"], "echo b > b")
      let files = FileManager.default
      try files.createDirectory(atPath: directory + "/build/0/0/parent", withIntermediateDirectories: true)
      try files.createSymbolicLink(
        atPath: directory + "/build/0/0/parent/0", withDestinationPath: directory + "/build/10/0")
      func refused(_ parent: String, _ message: String) throws {
        let outcome = try CommandLine.run(["run", "--parent", parent, "--", "true"], in: directory)
        #expect(outcome.status == 125)
        #expect(outcome.error.contains(message), "\(outcome.error)")
      }
      try refused("build/10/0", "loop")
      try files.removeItem(atPath: directory + "/build/0/0/parent")
      try files.removeItem(atPath: directory + "/build/0/0/status")
      try refused("build/10/0", "incomplete")
      try refused(directory, "not the trace")
      try refused("no/such", "no/such")
      // Nothing was begun for them.
      #expect(try files.contentsOfDirectory(atPath: directory + "/build").sorted() == ["0", "10", "last"])
    }
  }

  @Test("who read, wrote and missed what")
  func inspection() throws {
    try CommandLine.withDirectory { directory in
      _ = try run(directory, ["--system"], "echo a > f; cat f > g; ls no-such; rm g; exit 0")
      let json = try CommandLine.run(["inspect", "files", "build/0/0", "--format", "json"], in: directory)
      struct Line: Decodable {
        struct Process: Decodable {
          var pid: Int
          var executable: String
          var operations: [String]
        }
        var path: String
        var read: Bool
        var changed: Bool
        var missed: Bool
        var processes: [Process]
      }
      let lines = try json.output.split(separator: "\n").map {
        try JSONDecoder().decode(Line.self, from: Data($0.utf8))
      }
      let f = try #require(lines.first { $0.path == directory + "/f" })
      #expect(f.read && f.changed)
      #expect(f.processes.contains { $0.executable == "/usr/bin/cat" && $0.operations.contains("read") })
      let missing = try #require(lines.first { $0.path == directory + "/no-such" })
      #expect(missing.missed && !missing.read && !missing.changed)
      #expect(missing.processes.map(\.executable) == ["/usr/bin/ls"])
      let cat = try #require(f.processes.first { $0.executable == "/usr/bin/cat" }?.pid)
      let byCat = try CommandLine.run(["inspect", "files", "build/0/0", "--by-pid", "\(cat)"], in: directory)
      #expect(byCat.output.contains("\(directory)/f\n") && !byCat.output.contains("no-such"))
      let who = try CommandLine.run(["inspect", "files", "build/0/0", "--who"], in: directory)
      #expect(who.output.contains("/usr/bin/rm: stat,delete") || who.output.contains("/usr/bin/rm: delete"))
    }
  }

  @Test("which version of a file a process saw")
  func resolution() throws {
    try CommandLine.withDirectory { directory in
      try "below".write(toFile: directory + "/b", atomically: false, encoding: .utf8)
      _ = try run(
        directory, ["--system"],
        "cat f 2>&1; echo one > f; cat f; echo two > f; head -1 f; (echo three > f); rm f; tail f 2>&1; wc b; exit 0")
      let trace = try TraceDirectory(directory + "/build/0/0")
      let history = try RunHistory(trace)
      func pids(_ program: String) -> [UInt32] {
        let executable = history.paths.id(of: Array("/usr/bin/\(program)".utf8))
        return history.processes.filter { $0.program?.executable == executable }.map(\.pid)
      }
      let path = Array("\(directory)/f".utf8)
      func seen(_ pid: UInt32) throws -> String {
        guard case .version(_, let place?) = history.resolveFile(path, asOf: pid) else { return "" }
        return try text(trace.path + "/" + String(decoding: place, as: UTF8.self))
      }
      let cats = pids("cat")
      try #require(cats.count == 2)
      #expect(history.resolveFile(path, asOf: cats[0]) == .missing)
      #expect(try seen(cats[1]) == "one\n")
      #expect(try seen(#require(pids("head").first)) == "two\n")
      #expect(history.resolveFile(path, asOf: try #require(pids("tail").first)) == .missing)
      // It never looked: what stood there when it began.
      #expect(try seen(#require(pids("rm").first)) == "" && history.resolveFile(path, asOf: pids("wc")[0]) == .missing)
      let other = Array("\(directory)/b".utf8)
      #expect(history.resolveFile(other, asOf: try #require(pids("wc").first)) == .below)
      #expect(try LowerFiles(trace).file(other) == other)
    }
  }

  @Test("owners, modes, attributes and times are those that the run gave")
  func metadata() throws {
    try CommandLine.withDirectory { directory in
      try "x".write(toFile: directory + "/lower", atomically: false, encoding: .utf8)
      let make = #"""
        echo a > a; chown 7:8 a; chmod 2640 a; touch -d '2003-04-05 06:07:08.123456789 UTC' a; setfattr -n user.note -v hello a
        mkdir d; chmod 1777 d; chown 9 d; ln -s a l; chown -h 11:12 l; mkfifo p; chmod 600 p; chown 13 p; chmod 0 lower; ln a hard
        chown 14:15 lower; mkdir empty; chmod 0 empty
        """#
      let show = "stat -c '%n %F %a %u %g %h %s %y' a d l p lower hard empty; getfattr -d a; readlink l"
      let first = try run(directory, ["--system"], make + "\n" + show)
      #expect(first.contains("a regular file 2640 7 8 2 2 2003-04-05 06:07:08.123456789"))
      #expect(try run(directory, ["--parent", "build/0/0"], show) == first)
      // And on a run that changes nothing but one of them.
      _ = try run(directory, ["--parent", "build/0/0"], "ls -l hard; chmod 4711 a")
      #expect(try run(directory, ["--parent", "build/20/0"], show) == first.replacing(" 2640 ", with: " 4711 "))
    }
  }

  @Test("a damaged trace is named, never believed")
  func damage() throws {
    try CommandLine.withDirectory { directory in
      _ = try run(directory, ["--system"], "echo a > f; cat f; echo b > f; chmod 4755 f")
      let trace = directory + "/build/0/0"
      #expect(try CommandLine.run(["check", "build/0/0"], in: directory).status == 0)
      func damaged(_ name: String, _ message: String, _ damage: (String) throws -> Void) throws {
        let path = "\(trace)/\(name)"
        let intact = try Data(contentsOf: URL(fileURLWithPath: path))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] ?? 0o644
        try damage(path)
        let outcome = try CommandLine.run(["check", "build/0/0"], in: directory)
        #expect(outcome.status == 1 && outcome.output.contains(message), "\(name): \(outcome.output)")
        try? FileManager.default.removeItem(atPath: path)
        try intact.write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      }
      try damaged("files.index", "damaged") { try Data("x".utf8).write(to: URL(fileURLWithPath: $0)) }
      try damaged("sources", "damaged") { try Data("\\q\n".utf8).write(to: URL(fileURLWithPath: $0)) }
      for name in ["cmd", "options", "sources", "seed.txt", "files.meta"] {
        let message =
          name == "files.meta" ? "does not say what the events say" : "does not say what the run was started with"
        try damaged(name, message) { try Data().write(to: URL(fileURLWithPath: $0)) }
        try damaged(name, message) {
          let text = try String(contentsOfFile: $0, encoding: .utf8)
          try (text + text.split(separator: "\n")[0] + "\n").write(toFile: $0, atomically: false, encoding: .utf8)
        }
        try damaged(name, "No such file") { try FileManager.default.removeItem(atPath: $0) }
      }
      try damaged("status", "incomplete") { try FileManager.default.removeItem(atPath: $0) }
      try damaged("perfetto", "no regular file") {
        try FileManager.default.removeItem(atPath: $0)
        mkfifo($0, 0o644)
      }
      try damaged("perfetto", "cut off") {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: $0))
        try bytes.prefix(bytes.count - 3).write(to: URL(fileURLWithPath: $0))
      }
      try damaged("files-2\(directory)/f", "missing") { try FileManager.default.removeItem(atPath: $0) }
      #expect(try CommandLine.run(["check", "build/0/0"], in: directory).status == 0)
    }
  }

  @Test("a run on a full disk is incomplete, and what it had recorded is readable", .enabled(if: getuid() == 0))
  func fullDisk() throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let script = """
        mkdir full; mount -t tmpfs -o size=4m tmpfs full
        \(uwrx) run --system --build full/build -- sh -c 'echo x > small; head -c 9000000 /dev/zero > big; echo $?'
        echo status $?; \(uwrx) check full/build/0/0; \(uwrx) inspect files full/build/0/0
        """
      let outcome = try CommandLine.shell("unshare -m sh -c \"$(cat <<'E'\n\(script)\nE\n)\"", in: directory)
      #expect(outcome.output.hasPrefix("1\nstatus 125\n"), "\(outcome.output)\(outcome.error)")
      #expect(outcome.error.contains("No space left on device"))
      #expect(outcome.output.contains("is incomplete"))
      #expect(outcome.output.contains("\(directory)/small\n"))
    }
  }

  @Test("a killed run is incomplete, and what it had recorded is readable")
  func killed() throws {
    try CommandLine.withDirectory { directory in
      let command =
        "\(CommandLine.binary) run --system -- sh -c 'echo a > a; cat a; sleep 60' & until [ -s build/0/0/files$PWD/a ]; do sleep 0.05; done; sleep 0.3; kill -9 $!; wait $! 2>/dev/null; exit 0"
      _ = try CommandLine.shell(command, in: directory)
      #expect(!FileManager.default.fileExists(atPath: directory + "/build/0/0/status"))
      #expect(try text("\(directory)/build/0/0/files\(directory)/a") == "a\n")
      let outcome = try CommandLine.run(["run", "--parent", "build/0/0", "--", "true"], in: directory)
      #expect(outcome.status == 125 && outcome.error.contains("incomplete"))
      let listing = try CommandLine.run(["inspect", "files", "build/0/0"], in: directory)
      #expect(listing.status == 0 && listing.output.contains("\(directory)/a"), "\(listing.error)")
      // What is left of it can be made a record that says what it is.
      let repair = try CommandLine.run(["check", "--repair", "build/0/0"], in: directory)
      #expect(repair.status == 0 && repair.output.contains("were saved"), "\(repair.output)\(repair.error)")
      #expect(!FileManager.default.fileExists(atPath: directory + "/build/0/0/events"))
      #expect(try text("\(directory)/build/0/0/status") == "killed\n")
      #expect(try text("\(directory)/build/0/0/files.meta").contains("\(directory)/a\t2\tcreate\t"))
      let check = try CommandLine.run(["check", "build/0/0"], in: directory)
      #expect(check.status == 1 && check.output.contains("killed") && check.output.split(separator: "\n").count == 1)
      #expect(try CommandLine.run(["inspect", "files", "build/0/0"], in: directory).output == listing.output)
      let again = try CommandLine.run(["check", "--repair", "build/0/0"], in: directory)
      #expect(again.status == 0 && again.output.isEmpty, "\(again.output)\(again.error)")
      let refused = try CommandLine.run(["run", "--parent", "build/0/0", "--", "true"], in: directory)
      #expect(refused.status == 125 && refused.error.contains("killed"))
    }
  }

  @Test("a run that goes on can be read, and is not repaired")
  func goingOn() throws {
    try CommandLine.withDirectory { directory in
      let command = """
        \(CommandLine.binary) run --system -- sh -c 'echo a > a; sleep 60' & until [ -s build/0/0/files$PWD/a ]; do sleep 0.05; done
        \(CommandLine.binary) check --repair build/0/0; echo status $?; \(CommandLine.binary) inspect files build/0/0
        kill $!; wait $!; exit 0
        """
      let outcome = try CommandLine.shell(command, in: directory)
      #expect(
        outcome.output.hasPrefix("status 125\n") && outcome.output.contains("\(directory)/a\n"), "\(outcome.output)")
      #expect(outcome.error.contains("goes on"), "\(outcome.error)")
    }
  }
}

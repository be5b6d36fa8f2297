import Foundation
import Testing

@Suite("uwrx test and uwrx conformance", .serialized)
struct ConformanceCommandTests {
  /// A directory with fixtures of which one agrees and one cannot: the guest has a host name of its own.
  private func withFixtures(_ body: (_ directory: String) throws -> Void) throws {
    try CommandLine.withDirectory { directory in
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory)
      try FileManager.default.createDirectory(atPath: directory + "/fixtures", withIntermediateDirectories: false)
      try FileManager.default.createDirectory(atPath: directory + "/scratch", withIntermediateDirectories: false)
      try write(
        """
        // calls: getcwd
        #include "observe.h"
        int main(void) { say("the same"); }
        """, "agrees", directory)
      try write(
        """
        // calls: uname
        #include "observe.h"
        int main(void) { char name[65]; gethostname(name, sizeof name); say("<b>%s</b>", name); }
        """, "differs", directory)
      try body(directory)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/scratch") == [], "left behind")
    }
  }

  private func write(_ text: String, _ name: String, _ directory: String) throws {
    try text.write(toFile: "\(directory)/fixtures/\(name).c", atomically: false, encoding: .utf8)
  }

  private func uwrx(_ arguments: String, in directory: String, path: String? = nil) throws -> CommandLine.Outcome {
    var environment = ["UWRX_CONFORMANCE_DIR": directory + "/scratch"]
    environment["PATH"] = path
    return try CommandLine.shell("'\(CommandLine.binary)' \(arguments)", in: directory, environment: environment)
  }

  @Test("the built-in fixtures are listed with what they test")
  func list() throws {
    try withFixtures { directory in
      let outcome = try uwrx("test --list", in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      let names = outcome.output.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let files = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Fixtures").path)
      #expect(names == files.filter { $0.hasSuffix(".c") }.map { String($0.dropLast(2)) }.sorted())
      let own = try uwrx("test --list --fixtures fixtures", in: directory)
      #expect(own.output == "agrees: getcwd\ndiffers: uname\n")
    }
  }

  @Test("a built-in fixture runs without a checkout")
  func builtIn() throws {
    try withFixtures { directory in
      let outcome = try uwrx("test umask.c access", in: directory)
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
      #expect(outcome.output.contains("ok umask (dynamic, "), "\(outcome.output)")
      #expect(outcome.output.contains("ok access (dynamic, "), "\(outcome.output)")
      #expect(outcome.output.contains("passed, 0 failed"), "\(outcome.output)")
    }
  }

  @Test("a fixture that sees something else under uwrx fails, and the difference is shown")
  func failing() throws {
    try withFixtures { directory in
      let outcome = try uwrx("test --fixtures fixtures --all", in: directory)
      #expect(outcome.status == 1, "\(outcome.error)")
      #expect(outcome.output.contains("ok agrees"), "\(outcome.output)")
      #expect(outcome.output.contains("FAIL differs"), "\(outcome.output)")
      #expect(outcome.output.contains("\n-<b>"), "\(outcome.output)")
      #expect(outcome.output.contains("\n+<b>uwrx</b>"), "\(outcome.output)")
    }
  }

  @Test("another exit status under uwrx fails")
  func otherStatus() throws {
    try withFixtures { directory in
      try write(
        """
        #include "observe.h"
        int main(void) { char name[65]; gethostname(name, sizeof name); return strcmp(name, "uwrx") != 0; }
        """, "status", directory)
      let outcome = try uwrx("test --fixtures fixtures status", in: directory)
      #expect(outcome.status == 1, "\(outcome.error)")
      #expect(outcome.output.contains("exit status 0, natively 1"), "\(outcome.output)")
    }
  }

  @Test("a fixture that cannot be compiled fails with the compiler's message")
  func uncompilable() throws {
    try withFixtures { directory in
      try write("int main(void) { return nothing; }\n", "broken", directory)
      let outcome = try uwrx("test --fixtures fixtures broken", in: directory)
      #expect(outcome.status == 1, "\(outcome.error)")
      #expect(outcome.output.contains("FAIL broken") && outcome.output.contains("nothing"), "\(outcome.output)")
    }
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let arguments: String
    let message: String
    var path: String?
    var testDescription: String { arguments }
  }

  @Test(
    "what cannot be done is said",
    arguments: [
      Refusal(arguments: "test openta", message: "did you mean openat"),
      Refusal(arguments: "test no-such-thing", message: "--list"),
      Refusal(arguments: "test --fixtures fixtures uname", message: "tested by differs"),
      Refusal(arguments: "test", message: "--all"),
      Refusal(arguments: "test --all agrees", message: "--all"),
      Refusal(arguments: "test --fixtures no-such --all", message: "no-such"),
      Refusal(arguments: "test --fixtures scratch --all", message: "no fixture"),
      Refusal(arguments: "test agrees --fixtures fixtures", message: "no C compiler", path: "/nonexistent"),
      Refusal(arguments: "conformance access --output /nonexistent/report", message: "/nonexistent/report"),
    ])
  func refusals(_ refusal: Refusal) throws {
    try withFixtures { directory in
      let outcome = try uwrx(refusal.arguments, in: directory, path: refusal.path)
      #expect(outcome.status == 125, "\(outcome.output)\(outcome.error)")
      #expect(outcome.error.contains(refusal.message), "\(outcome.error)")
    }
  }

  @Test("an ordinary user who cannot reach the binary is skipped, and counted", .enabled(if: getuid() == 0))
  func unreachable() throws {
    try withFixtures { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/private", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      try FileManager.default.copyItem(atPath: CommandLine.binary, toPath: directory + "/private/uwrx")
      let outcome = try CommandLine.shell(
        "private/uwrx test --fixtures fixtures agrees", in: directory,
        environment: ["UWRX_CONFORMANCE_DIR": directory + "/scratch"])
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
      #expect(
        outcome.output.contains("skipped agrees (dynamic, user, source): uid 1000 cannot reach"), "\(outcome.output)")
      #expect(outcome.output.contains("1 passed, 0 failed, 1 skipped"), "\(outcome.output)")
      let only = try CommandLine.shell(
        "private/uwrx test --user --fixtures fixtures agrees", in: directory,
        environment: ["UWRX_CONFORMANCE_DIR": directory + "/scratch"])
      #expect(only.status == 1, "nothing was tried: \(only.output)")
    }
  }

  @Test("Ctrl-C leaves nothing behind", arguments: ["natively", "under uwrx"])
  func interrupted(_ place: String) throws {
    try withFixtures { directory in
      let test = place == "natively" ? "1" : "strcmp(name, \"uwrx\") == 0"
      try write(
        """
        #include "observe.h"
        int main(void) { char name[65]; gethostname(name, sizeof name); fork(); while (\(test)) pause(); }
        """, "hangs", directory)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: CommandLine.binary)
      process.arguments = ["test", "--fixtures", directory + "/fixtures", "hangs"]
      process.currentDirectoryURL = URL(fileURLWithPath: directory)
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["UWRX_CONFORMANCE_DIR": directory + "/scratch"]) { $1 }
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      let deadline = Date(timeIntervalSinceNow: 30)
      // Under uwrx it comes after a run natively, which does not hang.
      var hangs = false
      while !hangs, Date() < deadline {
        usleep(20_000)
        hangs = running(below: directory).contains { name in
          place == "natively" || filters(name).map { $0 != filters("self") } == true
        }
      }
      #expect(hangs, "the fixture never ran")
      kill(process.processIdentifier, SIGINT)
      process.waitUntilExit()
      #expect(process.terminationStatus == 130)
      while !running(below: directory).isEmpty, Date() < deadline { usleep(20_000) }
      #expect(running(below: directory) == [])
    }
  }

  /// How many seccomp filters a process has, as proc_pid_status(5) writes it; nil if it is gone.
  private func filters(_ process: String) -> Substring? {
    let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
    return String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("Seccomp_filters:") }
  }

  /// The processes whose program is a fixture in a directory.
  private func running(below directory: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.filter { name in
      guard Int(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
        return false
      }
      let program = String(decoding: line.prefix { $0 != 0 }, as: UTF8.self)
      return program.hasPrefix(directory + "/scratch/") && program.hasSuffix("/hangs")
    }
  }

  @Test("the report in JSON: totals, a system call with its fixtures, cases, and what differs")
  func json() throws {
    try withFixtures { directory in
      let outcome = try uwrx("conformance --format json --output report.json --fixtures fixtures", in: directory)
      #expect(outcome.status == 1, "\(outcome.error)")
      let data = try #require(FileManager.default.contents(atPath: directory + "/report.json"))
      let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      #expect(report["format"] as? Int == 1)
      let cases = try #require(report["cases"] as? [[String: Any]])
      let ways = getuid() == 0 ? 6 : 2
      #expect(cases.count == 2 * ways)
      for test in cases {
        let expected = test["fixture"] as? String == "agrees" ? "passed" : "failed"
        #expect(test["outcome"] as? String == expected, "\(test)")
      }
      let totals = try #require(report["totals"] as? [String: [String: Int]])
      #expect(totals["cases"] == ["passed": ways, "failed": ways, "skipped": 0])
      let calls = try #require(report["systemCalls"] as? [[String: Any]])
      #expect(totals["systemCalls"]?.values.reduce(0, +) == calls.count)
      #expect(totals["dispositions"]?.values.reduce(0, +) == calls.count)
      let states = Dictionary(uniqueKeysWithValues: calls.map { ($0["name"] as? String, $0["state"] as? String) })
      #expect(states["getcwd"] == "passed")
      #expect(states["uname"] == "failed")
      #expect(states["read"] == "untested")
      #expect(calls.first { $0["name"] as? String == "uname" }?["fixtures"] as? [String] == ["differs"])
    }
  }

  @Test("the intended differences of the fixtures that ran are in the report, as text")
  func text() throws {
    try withFixtures { directory in
      let outcome = try uwrx("conformance absent --ground source", in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output.contains("INTENDED DIFFERENCES\n\nabsent (any), in "), "\(outcome.output)")
      #expect(!outcome.output.contains("\nseccomp (any)"), "\(outcome.output)")
    }
  }

  @Test("the report in HTML has each system call once, needs nothing from outside, and escapes")
  func html() throws {
    try withFixtures { directory in
      let outcome = try uwrx("conformance --format html --fixtures fixtures --ground source", in: directory)
      #expect(outcome.status == 1, "\(outcome.error)")
      let page = outcome.output
      let registry = try uwrx("syscalls --format json", in: directory)
      let entries = try #require(
        try JSONSerialization.jsonObject(with: Data(registry.output.utf8)) as? [[String: Any]])
      #expect(entries.count > 300)
      for entry in entries {
        let name = try #require(entry["name"] as? String)
        #expect(page.components(separatedBy: "data-call=\"\(name)\"").count == 2, "\(name)")
      }
      for reference in ["http:", "https:", "src=", "href=\"/", "url(", "@import", "<link"] {
        #expect(!page.contains(reference), "\(reference)")
      }
      #expect(page.contains("&lt;b&gt;uwrx&lt;/b&gt;"))
      #expect(!page.contains("<b>uwrx</b>"))
    }
  }
}

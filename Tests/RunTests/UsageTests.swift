import Foundation
import Glibc
import Testing

/// The command line itself: what it takes, completes and says.
@Suite("Usage", .serialized)
struct UsageTests {
  @Test("a command has as many arguments as the kernel takes, also ones that look like uwrx's own")
  func manyArguments() throws {
    try CommandLine.withDirectory { directory in
      let arguments = ["run", "--system", "--", "sh", "-c", "echo $# $1 $3 ${20000}", "sh", "--", "--help", "--system"]
      let numbers = (1...19_997).map(String.init)
      let outcome = try CommandLine.run(arguments + numbers, in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output == "20000 -- --system 19997\n")
    }
  }

  @Test("the version is told")
  func version() throws {
    let outcome = try CommandLine.run(["--version"], in: "/")
    #expect(outcome.status == 0)
    #expect(outcome.output.wholeMatch(of: /uwrx [0-9]+\.[0-9]+\.[0-9]+\n/) != nil, "\(outcome.output)")
  }

  struct Completion: Sendable, CustomTestStringConvertible {
    let words: [String]
    let expected: String
    var testDescription: String { words.joined(separator: " ") }
  }

  @Test(
    "bash completes files and directories where they are meant",
    arguments: [
      Completion(words: ["check", ""], expected: "build"),
      Completion(words: ["inspect", "files", "bu"], expected: "build"),
      Completion(words: ["ui", "build/"], expected: "build/0"),
      Completion(words: ["run", "--parent", ""], expected: "build"),
      Completion(words: ["run", "--system", "--project", ""], expected: "build"),
      Completion(words: ["run", "--system", "--", "Mak"], expected: "Makefile"),
      Completion(words: ["run", "--tri"], expected: ""),
      Completion(words: ["run", "--sys"], expected: "--system"),
    ])
  func completion(_ completion: Completion) throws {
    try CommandLine.withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory + "/build/0", withIntermediateDirectories: true)
      try "".write(toFile: directory + "/Makefile", atomically: false, encoding: .utf8)
      let words = completion.words.map { "'\($0)'" }.joined(separator: " ")
      let script = """
        eval "$('\(CommandLine.binary)' --generate-completion-script bash)"
        COMP_WORDS=(uwrx \(words)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
        _uwrx uwrx "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s' "${COMPREPLY[*]}"
        """
      try script.write(toFile: directory + "/Makefile", atomically: false, encoding: .utf8)
      let outcome = try CommandLine.shell("bash Makefile", in: directory)
      #expect(outcome.output == completion.expected, "\(outcome.error)")
    }
  }

  @Test("in the examples of the documentation no shell takes a ! for its history")
  func quotedExamples() throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let guide = package.appendingPathComponent("Sources/uwrx/uwrx.docc")
    let pages = try FileManager.default.contentsOfDirectory(at: guide, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "md" }
    let lines = try (pages + [package.appendingPathComponent("README.md")]).flatMap { page in
      try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("$ ") }
    }
    #expect(lines.contains { $0.contains("!") })
    for line in lines {
      #expect(!line.replacing(/'[^']*'/, with: "").contains("!"), "\(line)")
    }
  }

  @Test("a current directory that was removed is said to be")
  func removedDirectory() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        "mkdir gone; cd gone; rmdir ../gone; '\(CommandLine.binary)' run --system -- true", in: directory)
      #expect(outcome.status == 125)
      #expect(outcome.error.contains("directory was removed") && outcome.error.contains("--build"), "\(outcome.error)")
      let elsewhere = try CommandLine.shell(
        "mkdir gone; cd gone; rmdir ../gone; '\(CommandLine.binary)' run --system --build '\(directory)/build' -- pwd",
        in: directory)
      #expect(elsewhere.output == "/\n", "\(elsewhere.error)")
    }
  }

  @Test("too few descriptors for uwrx itself are said to be")
  func fewDescriptors() throws {
    try CommandLine.withDirectory { directory in
      func run(_ limit: Int) throws -> CommandLine.Outcome {
        try CommandLine.shell("ulimit -n \(limit); '\(CommandLine.binary)' run --system -- true", in: directory)
      }
      let few = try run(20)
      #expect(few.status == 125)
      #expect(few.error.contains("ulimit -n"), "\(few.error)")
      let enough = try run(64)
      #expect(enough.status == 0, "\(enough.error)")
    }
  }

  @Test(
    "in a chroot without /proc, or whose root is no mount, it is said what to do", .enabled(if: geteuid() == 0),
    arguments: [("", "mount -t proc"), ("mount -t proc proc root/proc; ", "mount --bind")])
  func chroot(_ preparation: String, _ advice: String) throws {
    try CommandLine.withDirectory { directory in
      let script = """
        set -e; mkdir -p root/proc root/tmp; cp '\(CommandLine.binary)' root/uwrx
        for library in $(ldd root/uwrx | grep -o '/[^ ]*'); do mkdir -p root"${library%/*}"; cp -L "$library" root"$library"; done
        unshare -m sh -c '\(preparation)exec /usr/sbin/chroot root /uwrx run -- true'
        """
      let outcome = try CommandLine.shell(script, in: directory)
      #expect(outcome.status == 125)
      #expect(outcome.error.contains(advice), "\(outcome.error)")
    }
  }
}

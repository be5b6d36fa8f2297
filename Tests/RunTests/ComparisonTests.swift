import Foundation
import Testing

/// `uwrx diff` of two runs.
@Suite("Two runs compared")
struct ComparisonTests {
  /// Runs a script twice, and compares.
  private static func compare(
    _ script: String, in directory: String, between: (() throws -> Void)? = nil, _ options: String = ""
  ) throws -> CommandLine.Outcome {
    for turn in 0..<2 {
      if turn == 1 { try between?() }
      let outcome = try CommandLine.run(["run", "--quiet", "--system", "--", "sh", "-c", script], in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    return try CommandLine.shell("\(CommandLine.binary) diff last~1 last \(options)", in: directory)
  }

  @Test("who is given the same and gives something else is named first")
  func culprit() throws {
    try CommandLine.withDirectory { directory in
      let script = """
        echo same > same; dd if=/dev/urandom of=key bs=8 count=1 2> /dev/null; cp key copy; cp same other; sort -o sorted copy same
        """
      let outcome = try Self.compare(script, in: directory)
      #expect(outcome.status == 1)
      let lines = outcome.output.split(separator: "\n").map { String($0) }
      #expect(
        lines[0].hasPrefix("made a difference: ") && lines[0].hasSuffix(" dd if=/dev/urandom of=key bs=8 count=1"),
        "\(outcome)")
      #expect(lines[1] == "  gave other contents: \(directory)/key")
      #expect(lines.count { $0.hasPrefix("made a difference") } == 1)
      #expect(lines.count { $0.hasPrefix("was given something else") } == 2)
      let culprit = lines[0].split(separator: " ")[3]
      for name in ["copy", "sorted"] {
        #expect(
          lines.contains {
            $0.hasPrefix("differs: \(directory)/\(name),") && $0.hasSuffix("difference is \(culprit)'s")
          })
      }
      #expect(!outcome.output.contains("\(directory)/same") && !outcome.output.contains("\(directory)/other"))
    }
  }

  @Test("runs that are the same have nothing to tell")
  func same() throws {
    try CommandLine.withDirectory { directory in
      let script =
        "echo a > a; for i in 1 2 3; do cat a > $i & done; wait; ln -s a link; mkdir d; mktemp -u > /dev/null"
      let outcome = try Self.compare(script, in: directory)
      #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome)")
      let json = try CommandLine.run(["diff", "last~1", "last", "--format", "json"], in: directory)
      #expect(json.output.hasPrefix("{\"same\":true,"))
    }
  }

  @Test("in how many pieces something is printed makes no difference")
  func pieces() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try Self.compare(
        "if [ -e marker ]; then printf ab; else printf a; printf b; fi", in: directory,
        between: { try "".write(toFile: directory + "/marker", atomically: true, encoding: .utf8) })
      #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome)")
    }
  }

  @Test("a compiler's temporary files are as good as one another")
  func compiler() throws {
    try CommandLine.withDirectory { directory in
      try "int main(void) { return __TIME__[7]; }\n".write(
        toFile: directory + "/clock.c", atomically: true, encoding: .utf8)
      try "int other(void) { return 0; }\n".write(toFile: directory + "/other.c", atomically: true, encoding: .utf8)
      let outcome = try Self.compare(
        "sleep 1; gcc -c clock.c; gcc -c other.c; gcc -o prog clock.o other.o", in: directory)
      let lines = outcome.output.split(separator: "\n").map { String($0) }
      let culprits = lines.filter { $0.hasPrefix("made a difference") }
      #expect(
        culprits.count == 1 && culprits[0].hasSuffix(" gcc -c clock.c"), "\(outcome.output)")
      #expect(lines.contains { $0.hasPrefix("differs: \(directory)/prog,") && $0.contains("the difference is") })
      #expect(!outcome.output.contains("\(directory)/other.o"))
    }
  }

  @Test("a source that was edited in between is named, and who printed it")
  func source() throws {
    try CommandLine.withDirectory { directory in
      let file = directory + "/input"
      try "one\n".write(toFile: file, atomically: true, encoding: .utf8)
      let outcome = try Self.compare(
        "cat input; sort input > sorted", in: directory,
        between: { try "two\n".write(toFile: file, atomically: true, encoding: .utf8) })
      #expect(outcome.status == 1)
      #expect(!outcome.output.contains("made a difference"), "\(outcome.output)")
      #expect(outcome.output.components(separatedBy: "got other source, changed in between: \(file)\n").count == 3)
      #expect(outcome.output.contains("differs: \(directory)/sorted, written by"))
    }
  }

  @Test("processes and files of one run alone, another end and another environment are told")
  func structure() throws {
    try CommandLine.withDirectory { directory in
      let script = "if [ -e input ]; then touch only; tail -n 1 input; fi; sh -c '[ -e input ]' || true"
      let outcome = try Self.compare(
        script, in: directory,
        between: { try "x\n".write(toFile: directory + "/input", atomically: true, encoding: .utf8) })
      #expect(outcome.status == 1)
      #expect(
        outcome.output.contains("only in the second: ") && outcome.output.contains(" touch only\n"), "\(outcome.output)"
      )
      #expect(outcome.output.contains("differs: \(directory)/only, only in the second, written by "))
      _ = try CommandLine.run(["run", "--quiet", "--system", "--env", "X=1", "--", "true"], in: directory)
      _ = try CommandLine.run(["run", "--quiet", "--system", "--env", "X=2", "--", "true"], in: directory)
      let other = try CommandLine.run(["diff", "last~1", "last"], in: directory)
      #expect(other.output.contains("got other environment: X\n"), "\(other)")
    }
  }

  @Test("links differ by their targets, and from what is no link")
  func links() throws {
    try CommandLine.withDirectory { directory in
      let input = directory + "/input"
      try "one\n".write(toFile: input, atomically: true, encoding: .utf8)
      let outcome = try Self.compare(
        """
        ln -s same same; ln -s "$(cat input)" link; ln -s gone gone; rm gone
        if [ "$(cat input)" = one ]; then ln -s x kind; ln -s x only; else echo x > kind; fi
        """, in: directory, between: { try "two\n".write(toFile: input, atomically: true, encoding: .utf8) })
      let lines = outcome.output.split(separator: "\n").map { String($0) }
      let link = try #require(
        lines.firstIndex { $0.hasPrefix("differs: \(directory)/link, written by ") }, "\(outcome)")
      #expect(lines[link].contains("; the difference came in with ") && lines[link + 1] == "  target one and two")
      let kind = try #require(
        lines.firstIndex { $0.hasPrefix("differs: \(directory)/kind, written by ") }, "\(outcome)")
      #expect(lines[kind + 1] == "  type link and file")
      #expect(lines.contains { $0.hasPrefix("differs: \(directory)/only, only in the first, written by ") })
      #expect(!outcome.output.contains("/same") && !outcome.output.contains("/gone"), "\(outcome.output)")
    }
  }

  @Test("a path is a path, and what is no trace is told")
  func names() throws {
    try CommandLine.withDirectory { directory in
      _ = try CommandLine.run(
        ["run", "--quiet", "--system", "--", "sh", "-c", "echo 1 > a; echo 2 > b"], in: directory)
      let one = try CommandLine.run(["diff", "last", "a", "--name-status"], in: directory)
      #expect(one.status == 0 && one.output.contains("a") && !one.output.contains("b\n"), "\(one)")
      let missing = try CommandLine.run(["diff", "last", "last~7"], in: directory)
      #expect(missing.status == 125 && missing.error.contains("last~7"))
      let options = try CommandLine.run(["diff", "last", "last", "--stat"], in: directory)
      #expect(options.status == 125 && options.error.contains("--stat"))
      let itself = try CommandLine.run(["diff", "last", "last"], in: directory)
      #expect(itself.status == 0 && itself.output.isEmpty, "\(itself)")
    }
  }
}

import Foundation
import Testing

/// What was there in one of two runs alone, or was looked at and changed: nobody is taken to have gone by chance for it.
@Suite("Sources that runs have looked for")
struct GivenSourceTests {
  struct Change: CustomTestStringConvertible, Sendable {
    var prepare = "true"
    var between: String
    var command: String
    /// Without the directory.
    var told: String
    var testDescription: String { command }
  }

  static let changes: [Change] = [
    Change(between: "echo x > c", command: "cat c; true", told: "source, only in the second: /c"),
    Change(prepare: "echo x > c", between: "rm c", command: "cat c; true", told: "source, only in the first: /c"),
    Change(
      between: "mkdir c", command: "if [ -e c ]; then touch yes; else touch no; fi",
      told: "source, only in the second: /c"),
    Change(
      between: "echo x > c", command: "ls", told: "names in a directory, changed in between: "),
    Change(
      prepare: "echo x > a", between: "echo longer > a", command: "stat -c %s a", told: "source, changed in between: /a"
    ),
    Change(
      prepare:
        "mkdir i1 i2; echo \"#define X 1\" > i2/x.h; printf \"#include <x.h>\\nint x = X;\\n\" > t.c",
      between: "echo \"#define X 2\" > i1/x.h", command: "gcc -Ii1 -Ii2 -c t.c",
      told: "source, only in the second: /i1/x.h"),
  ]

  @Test(arguments: changes)
  func isTold(_ change: Change) throws {
    try CommandLine.withDirectory { directory in
      let run = "\(CommandLine.binary) run --quiet --system -- sh -c '\(change.command)'"
      let outcome = try CommandLine.shell(
        """
        { \(change.prepare); \(run); sleep 0.1; \(change.between); sleep 0.1; \(run); } 2>&1 | cat >&2
        \(CommandLine.binary) diff last~1 last
        """, in: directory)
      #expect(outcome.status == 1, "\(outcome)")
      #expect(!outcome.output.contains("made a difference"), "\(outcome)")
      let told = change.told.replacing(": /", with: ": \(directory)/")
      #expect(
        outcome.output.contains("was given something else: ") && outcome.output.contains("  got other \(told)"),
        "\(outcome)")
    }
  }

  @Test("a replay names what was not there, and is there now")
  func replay() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        \(CommandLine.binary) run --quiet --system -- sh -c 'cat c other; true' 2> err
        echo x > c; \(CommandLine.binary) run --replay last
        """, in: directory)
      #expect(
        outcome.output == "x\n" && outcome.error.contains("/c, which the run has looked for in vain, is there now"),
        "\(outcome)")
      #expect(!outcome.error.contains("/other, which"), "\(outcome)")
    }
  }

  @Test("who writes into a pipe is named, not who reads from it")
  func pipeline() throws {
    try CommandLine.withDirectory { directory in
      for _ in 0..<3 {
        let outcome = try CommandLine.shell(
          """
          for turn in 1 2; do \(CommandLine.binary) run --quiet --system -- sh -c 'head -c4 /dev/urandom | od -An -tx4' | cat >&2; done
          \(CommandLine.binary) diff last~1 last
          """, in: directory)
        let culprits = outcome.output.split(separator: "\n").filter { $0.hasPrefix("made a difference: ") }
        #expect(culprits.count == 1 && culprits[0].hasSuffix(" head -c4 /dev/urandom"), "\(outcome)")
      }
    }
  }
}

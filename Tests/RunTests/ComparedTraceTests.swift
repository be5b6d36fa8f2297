import Foundation
import Testing

/// `uwrx diff` of traces that are not whole, and of what is none.
@Suite("Traces that cannot be compared")
struct ComparedTraceTests {
  /// Two equal runs, copied to `d1` and `d2`, then a change of them.
  private static func compare(_ change: String, _ arguments: String) throws -> CommandLine.Outcome {
    var outcome: CommandLine.Outcome?
    try CommandLine.withDirectory { directory in
      outcome = try CommandLine.shell(
        """
        for n in 1 2; do \(CommandLine.binary) run --quiet --system -- sh -c 'echo hi > f; mkdir d'; cp -a $(realpath build/last) d$n; done
        \(change)
        \(CommandLine.binary) diff \(arguments)
        """, in: directory)
    }
    return try #require(outcome)
  }

  @Test(
    "events that cannot be read make no runs the same",
    arguments: [
      "truncate -s 0 d1/perfetto d2/perfetto", "echo garbage > d1/perfetto; echo garbage > d2/perfetto",
      "truncate -s 0 d1/perfetto", "truncate -s 0 d2/perfetto",
    ])
  func unreadable(_ change: String) throws {
    let outcome = try Self.compare(change, "d1 d2")
    #expect(outcome.status == 125 && outcome.error.contains("perfetto is damaged"), "\(outcome)")
  }

  @Test("one that was changed is named, whichever it is", arguments: ["d1 d2", "d2 d1"])
  func changed(_ arguments: String) throws {
    let outcome = try Self.compare("p=$(find d2/files -name f); echo other > \"$p\"", arguments)
    #expect(outcome.status == 1 && outcome.error.contains("the trace d2 is not whole, or was changed"), "\(outcome)")
    #expect(outcome.error.contains("see uwrx check") && !outcome.error.contains("the trace d1"), "\(outcome)")
  }

  @Test("so is what is no trace", arguments: ["d1 d2", "d2 d1", "d1 d3"])
  func none(_ arguments: String) throws {
    let outcome = try Self.compare("rm d2/cmd; mkdir d3", arguments)
    let name = arguments.hasSuffix("d3") ? "d3" : "d2"
    #expect(outcome.status == 125 && outcome.error.contains("\(name) is not the trace of a run"), "\(outcome)")
  }

  @Test(
    "options that are for the host are refused, and what cannot be written is said",
    arguments: [
      ("d1 d2 --to .", "--to and --with-parents compare a run with the host"),
      ("d1 d2 --with-parents", "--to and --with-parents compare a run with the host"),
      ("d1 d2 --format json >&-", "cannot write to standard output: Bad file descriptor"),
    ])
  func refusals(_ arguments: String, _ message: String) throws {
    let outcome = try Self.compare("true", arguments)
    #expect(outcome.status == 125 && outcome.error.contains(message), "\(outcome)")
  }
}

import Foundation
import Testing

/// Traces that no uwrx has made: what `Conformance/Traces/fuzz` tries at length by hand.
struct CraftedTraceTests {
  private static let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Conformance/Traces/fuzz").path

  @Test(arguments: [1, 2])
  func changedTracesDoNoHarm(_ seed: Int) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell("'\(Self.fuzz)' '\(CommandLine.binary)' 12 \(seed)", in: directory)
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    }
  }

  /// Each was once a signal, memory without bound, a wait, or a write to another's file.
  @Test(arguments: [
    ("killed", "truncate -s 0 $t/events", "is damaged"),
    ("killed", "echo precious > p; rm $t/perfetto; ln p $t/perfetto", "cannot be repaired|were saved"),
    ("killed", "rm $t/perfetto; ln -s ../../../p $t/perfetto; echo precious > p", "no regular file"),
    ("whole", "truncate -s 200G $t/status", "status is damaged"),
    ("whole", "truncate -s 200G $t/files.index", "files.index is damaged"),
    ("whole", "rm $t/options; mkfifo $t/options", "options: it is no regular file"),
    ("whole", "rm $t/cmd; ln -s /dev/zero $t/cmd", "cmd: it is no regular file"),
    ("whole", "printf '\\\\xZZ\\033]0;pwn\\007\\n' >> $t/sources", "sources is damaged"),
    ("whole", "mkdir $t/parent; for n in $(seq 0 300); do ln -s ../../../../whole/0/0 $t/parent/$n; done", "parents"),
  ])
  func craftedTracesAreNamed(_ kind: String, _ change: String, _ message: String) throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let outcome = try CommandLine.shell(
        """
        mkdir work; cd work
        \(uwrx) run --quiet --system --build ../whole -- sh -c 'echo hi > f'
        \(uwrx) run --quiet --system --build ../killed -- sh -c 'echo hi > f; echo ready; exec sleep 60' > ../out & pid=$!
        until grep -q ready ../out; do sleep 0.05; done
        kill -9 $pid; wait $pid; cd ..
        mkdir -p c/0; cp -r \(kind)/0/0 c/0/0; t=c/0/0
        \(change)
        ulimit -v 8000000
        timeout 20 \(uwrx) check \(kind == "killed" ? "--repair" : "") $t; echo status $?; cat p
        """, in: directory)
      #expect(try Regex(message).firstMatch(in: outcome.output + outcome.error) != nil, "\(outcome)")
      #expect(try Regex("status (0|1|125)\n").firstMatch(in: outcome.output) != nil, "\(outcome)")
      #expect(!change.contains("precious") || outcome.output.hasSuffix("precious\n"))
      #expect(!(outcome.output + outcome.error).contains("\u{1b}"))
    }
  }
}

import Foundation
import Testing

/// What uwrx itself says and cannot write is no success.
@Suite("A full disk behind standard output", .serialized)
struct OutputFailureTests {
  @Test(
    "is told, with one message and 125",
    arguments: [
      "list", "list --format json", "diff last", "diff last --stat", "diff last~1 last",
      "diff last~1 last --format html",
      "inspect procs last", "inspect stats last --format json", "check last", "syscalls", "syscalls --format markdown",
      "doctor",
      "apply last --dry-run", "undo last~1 --dry-run", "prune --keep 0 --dry-run", "test --list", "test access",
      "test --native access", "conformance access --ground source", "--help", "help run", "--version",
      "--generate-completion-script bash",
    ])
  func commands(_ command: String) throws {
    try CommandLine.withDirectory { directory in
      let script = """
        cd '\(directory)'; uwrx='\(CommandLine.binary)'
        $uwrx run --system -- sh -c 'echo x > x' && $uwrx apply last > out && $uwrx run --system -- sh -c 'echo y > x'
        $uwrx \(command) > /dev/full
        """
      let outcome = try CommandLine.shell(script, in: directory)
      #expect(outcome.status == 125, "\(outcome)")
      #expect(outcome.error == "uwrx: cannot write to standard output: No space left on device\n", "\(outcome)")
    }
  }

  @Test("is told of a run that is verified, too", arguments: [">", "2>"])
  func verified(_ redirection: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        "\(CommandLine.binary) run --system --verify 2 -- sh -c 'echo x; echo y >&2' \(redirection) /dev/full",
        in: directory)
      #expect(outcome.status == 125, "\(outcome)")
      guard redirection == ">" else { return }
      let message = "cannot pass on what the command has printed: No space left on device; "
      #expect(outcome.error == "y\nuwrx: \(message)\(directory)/build/0/0 keeps it\n", "\(outcome.error)")
    }
  }

  @Test("A reader that leaves ends no comparison")
  func reader() throws {
    try CommandLine.withDirectory { directory in
      let command = "(\(CommandLine.binary) run --system --verify 2 -- seq 100000; echo $? >&2) | head -n 1"
      let outcome = try CommandLine.shell(command, in: directory)
      #expect(outcome.output == "1\n")
      #expect(
        outcome.error.hasSuffix("runs have given the same; the first is \(directory)/build/0/0\n0\n"), "\(outcome)")
    }
  }
}

import Foundation
import Testing

/// What the user gives to a run as descriptors 0, 1 and 2 (Conformance/Descriptors/given).
@Suite struct GivenDescriptorTests {
  static let users = geteuid() == 0 ? [[], ["--user"]] : [[]]

  /// Tells of each descriptor whether it can be used, and what number a file gets that is opened then.
  private static let teller = """
    import errno, os
    def name(call):
        try: return call()
        except OSError as e: return errno.errorcode[e.errno]
    told = [name(lambda: os.fstat(d) and "open") for d in range(3)] + [name(lambda: os.write(d, b"")) for d in (1, 2)]
    told += [name(lambda: os.read(0, 1)), os.open("new", os.O_RDWR | os.O_CREAT), sorted(n for n in os.listdir("/proc/self/fd") if len(n) < 2)]
    with open("told", "w") as file: print(*told, file=file)
    """

  @Test(
    "What is closed is closed to the guest",
    arguments: ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-", ""])
  func closed(_ redirection: String) throws {
    try CommandLine.withDirectory { directory in
      try Self.teller.write(toFile: directory + "/tell.py", atomically: false, encoding: .utf8)
      let command = "python3 tell.py \(redirection.contains("<") ? "" : "< tell.py") \(redirection)"
      let native = try CommandLine.shell("\(command); cat told; rm told new", in: directory)
      let told = try CommandLine.shell(
        "\(CommandLine.binary) run --quiet --apply --system -- \(command); cat told", in: directory)
      #expect(native.output.hasPrefix("open") || native.output.hasPrefix("EBADF"), "\(native)")
      #expect(told.output == native.output && told.status == 0, "\(told)")
    }
  }

  @Test(
    "What is closed is none of uwrx's own files either",
    arguments: ["list", "diff last~1 last", "check last", "doctor"])
  func own(_ command: String) throws {
    try CommandLine.withDirectory { directory in
      let uwrx = CommandLine.binary
      let outcome = try CommandLine.shell(
        """
        for text in one two; do \(uwrx) run --quiet --system -- sh -c "echo $text > f"; done
        \(uwrx) \(command) >&-; echo $?; \(uwrx) \(command) 2>&- <&- > /dev/null; echo $?; \(uwrx) check last
        """, in: directory)
      let status = command.hasPrefix("diff") ? 1 : 0
      #expect(outcome.output == "125\n\(status)\nthe trace \(directory)/build/10/0 is whole\n", "\(outcome)")
      #expect(outcome.error == "uwrx: cannot write to standard output: Bad file descriptor\n", "\(outcome)")
    }
  }

  @Test(
    "gives nothing else, and is as before afterwards",
    arguments: [
      "connection", "connection_closed", "pair", "no_connection", "terminal_not_given", "terminal_given",
      "terminal_of_another_job",
      "left_as_given",
      "background_read", "stopped_without_shell", "stopped_by_shell",
    ], users)
  func given(_ name: String, _ user: [String]) throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let outcome = try CommandLine.shell(
      "exec '\(package)/Conformance/Descriptors/given' \(user.joined()) \(name)", in: package)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
  }
}

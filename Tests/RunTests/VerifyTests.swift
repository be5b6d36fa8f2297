import Foundation
import Testing

/// `uwrx run --verify`: runs in other surroundings are compared.
@Suite("Runs that are verified", .serialized)
struct VerifyTests {
  private static func verify(
    _ command: String, _ options: String = "--verify 2", prepare: String = "", in directory: String
  ) throws -> CommandLine.Outcome {
    try CommandLine.shell(
      """
      mkdir -p repo/src; git init -q repo; cd repo/src; printf 'int main(void) { return 0; }\\n' > m.c
      printf 'm: m.c\\n\\t@gcc -g -o m m.c; echo made\\n' > Makefile; \(prepare)
      exec '\(CommandLine.binary)' run \(options) --system -- \(command)
      """, in: directory)
  }

  @Test("a build that depends on nothing gives the same, and is told once")
  func same() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try Self.verify("make", "--verify 3 --apply", in: directory)
      #expect(outcome.status == 0 && outcome.output == "made\nA\tm\n", "\(outcome)")
      #expect(outcome.error.hasPrefix("uwrx: 3 runs have given the same"))
      // Three attempts of one step, and nothing of the copies.
      let left = try CommandLine.shell("ls -A build build/0; test -x m && echo there", in: directory + "/repo/src")
      #expect(left.output == "build:\n0\nlast\n\nbuild/0:\n0\n1\n2\nthere\n")
    }
  }

  @Test("the last run is none of those made in copies, which are gone", arguments: [2, 3])
  func last(_ count: Int) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try Self.verify("sh -c 'echo hi > out'", "--verify \(count)", in: directory)
      #expect(outcome.status == 0, "\(outcome)")
      let used = try CommandLine.shell(
        """
        readlink build/last; '\(CommandLine.binary)' diff --name-status last
        '\(CommandLine.binary)' run --quiet --system --parent last -- cat /project/src/out
        '\(CommandLine.binary)' run --quiet --replay last~\(count == 2 ? 1 : 2) && echo again
        """, in: directory + "/repo/src")
      #expect(used.output == "0/\(count == 2 ? 0 : 2)\nA\tout\nhi\nagain\n", "\(used)")
    }
  }

  struct Difference: CustomTestStringConvertible {
    var option: String
    var command: String
    var told: [String]
    var testDescription: String { "\(option) \(command)" }
  }

  static let differences = [
    Difference(
      option: "--no-seed", command: "sh -c 'dd if=/dev/urandom of=key bs=8 count=1 2> /dev/null; cp key copy; make -s'",
      told: ["made a difference: ", " dd if=", "/project/src/key", "differs: /project/src/copy"]),
    Difference(
      option: "--no-seed", command: "sh -c 'head -c 8 /dev/urandom | od -x'", told: ["what they printed differs"]),
    Difference(option: "--no-machine", command: "sh -c 'ulimit -s > limit'", told: ["/project/src/limit"]),
    Difference(
      option: "--keep-env", command: "sh -c 'echo $TZ > zone'", told: ["got other environment: ", "/project/src/zone"]),
    Difference(
      option: "--keep-env", command: "touch file",
      told: ["the mode differs of /project/src/file", "mode 0644 and 0600"]),
    Difference(
      option: "--no-seed",
      command:
        "python3 -c 'import os, sys; sys.exit(1) if os.path.exists(\"/project/src/build\") else 0; print(hash(\"x\"))'",
      told: ["made a difference: "]),
  ]

  @Test("what differs is told, who made it so first, and the exit status is 1", arguments: differences)
  func different(_ difference: Difference) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try Self.verify(difference.command, "--verify 2 \(difference.option)", in: directory)
      #expect(outcome.status == 1, "\(outcome)")
      for text in difference.told { #expect(outcome.error.contains(text), "\(outcome.error)") }
      let all = try Self.verify(difference.command, in: directory)
      #expect(all.status == 0, "\(all)")
    }
  }

  @Test("the kernel's numbers that processes tell each other make no difference")
  func kernelNumbers() throws {
    try CommandLine.withDirectory { directory in
      let threads =
        "import os, threading; [threading.Thread(target=int).start() for _ in range(os.urandom(1)[0])]"
      let outcome = try Self.verify(
        "sh -c 'python3 -c \"\(threads)\"; (sleep 0.1 & echo $!; wait) | cat | grep -q .'", "--verify 2 --no-seed",
        in: directory)
      #expect(outcome.status == 0, "\(outcome)")
    }
  }

  @Test("a command that fails is said to have failed, and ends with its status")
  func failure() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try Self.verify("sh -c 'echo hi; exit 3'", in: directory)
      #expect(outcome.status == 3 && outcome.output == "hi\n", "\(outcome)")
      #expect(outcome.error.contains("the command has failed in the first run, with exit status 3"))
      #expect(try Self.verify("nonesuch", in: directory).status == 127)
      // Only the second has no room for it.
      let own = try Self.verify("true", "--verify 2 --source /x=nowhere", in: directory)
      #expect(own.status == 125 && own.error.contains("nowhere"), "\(own)")
    }
  }

  @Test("the copy has what the project has, whatever it is")
  func copy() throws {
    try CommandLine.withDirectory { directory in
      let prepare = """
        mkdir -p 'd e/f'; echo x > 'd e/f/x'; ln 'd e/f/x' hard; ln -s nowhere dangling; ln -s /etc/passwd out; chmod 4755 hard
        mkfifo fifo; chmod 700 'd e'; head -c 3000000 /dev/urandom > large; truncate -s 1M holes
        """
      let command =
        "sh -c 'find . -type f -o -type l -o -type d | sort | xargs -d \"\\n\" stat -c \"%n %a %s %h %N %i %b\"; sha256sum large holes'"
      let outcome = try Self.verify(command, prepare: prepare, in: directory)
      #expect(outcome.status == 0, "\(outcome)")
    }
  }

  @Test("an interrupt ends all, and nothing of the copy is left")
  func interrupt() throws {
    try CommandLine.withDirectory { directory in
      let command = """
        mkdir repo; cd repo; git init -q .
        '\(CommandLine.binary)' run --verify 2 --system -- sh -c 'echo begun; sleep 1; test $(ls | wc -l) = 9' &
        sleep 3; kill -TERM $!; wait $!; echo $?; ls -A build
        """
      let outcome = try CommandLine.shell(command, in: directory)
      #expect(!outcome.output.contains(".verify"), "\(outcome)")
    }
  }
}

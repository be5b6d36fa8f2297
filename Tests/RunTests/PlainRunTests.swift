import ArgumentParser
import Testing

@testable import uwrx

/// What `uwrx run` reads without the parser is what the parser makes of it.
@Suite("Usual options of a run") struct PlainRunTests {
  private static let command = ["ls", "-l", "--", "--system"]

  private static let read: [[String]] = [
    [],
    ["--system"],
    ["--system", "--project", "/src", "--quiet"],
    ["--system", "--no-project", "--verbose", "--summary"],
    [
      "--source", "/a=/b", "--source=/c:5:ro=tar:x.tar!/y=-z", "--trust-parent", "--parent", "last",
      "--parent=build/0/1",
    ],
    ["--env", "A", "--env=B=-c", "--env", "C=", "--clear-env", "--strict-calls", "--apply"],
    ["--env-all", "--tmp", "/var/tmp", "--times", "squashed", "--build", "other", "--step", "7", "--workdir=/w"],
    ["--uid", "1000", "--gid=100", "--hostname", "box", "--seed", "00ff", "--trace", "default"],
    ["--trace=io", "--pids", "9", "--memory", "2g", "--timeout", "1.5", "--cpu-time=3", "--file-size", "10K"],
    ["--disk", "1M", "--open-files", "64", "--quiet", "--quiet"],
  ]

  @Test(arguments: read) func isReadAsTheParserReadsIt(_ options: [String]) throws {
    let run = try #require(RunCommand(plain: options[...], command: Self.command))
    var expected = try RunCommand.parse(options + ["--", "x"])
    expected.command = Self.command
    #expect(Self.text(run) == Self.text(expected))
    #expect(!Self.text(run).contains("definition"), "an option is not set")
  }

  private static let left: [[String]] = [
    ["--help"], ["-h"], ["--version"], ["--nonsense"], ["word"], ["--system=yes"], ["--build"], ["--build="],
    ["--build", "--system"], ["--build", "-x"], ["--build", "a", "--build", "b"], ["--step", "-1"], ["--step", "x"],
    ["--pids", "0"], ["--trace", "all"], ["--uid", "4294967295"], ["--open-files", "3"], ["--project", "/src"],
    ["--source", "nowhere"], ["--quiet", "--verbose"], ["--clear-env", "--env-all"], ["--env", "=x"],
    ["--replay", "last"], ["--net"], ["--net=record"], ["--allow", "*"], ["--cache", "c"], ["--time", "frozen"],
    ["--reproducible"], ["--verify", "2"], ["--process-numbers"], ["--no-instructions"],
  ]

  @Test(arguments: left) func isLeftToTheParser(_ options: [String]) {
    #expect(RunCommand(plain: options[...], command: Self.command) == nil)
  }

  private static func text(_ run: RunCommand) -> String {
    var text = ""
    dump(run, to: &text)
    // Titles of groups are for help alone: the parser does not keep them.
    return text.split(separator: "\n").filter { !$0.contains("- title: ") }.joined(separator: "\n")
  }
}

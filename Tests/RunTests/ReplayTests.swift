import Foundation
import Testing

/// `uwrx run --replay`: a recorded run is made again.
@Suite("A replay", .serialized)
struct ReplayTests {
  private func run(_ arguments: [String], in directory: String, environment: [String: String] = [:]) throws
    -> CommandLine.Outcome
  {
    try CommandLine.run(["run"] + arguments, in: directory, environment: environment)
  }

  @Test("gives the same files, and says whose replay it is")
  func same() throws {
    try CommandLine.withDirectory { directory in
      try "int main(void) { return __LINE__; }\n".write(toFile: directory + "/m.c", atomically: true, encoding: .utf8)
      let script = "gcc -g -o m m.c && date > d && head -c 99 /dev/urandom > r && echo $$ > p && tar cf t m d r p"
      let first = try run(["--reproducible", "--system", "--", "sh", "-c", script], in: directory)
      #expect(first.status == 0, "\(first.error)")
      let replay = try run(["--replay", "last"], in: directory)
      #expect(replay.status == 0 && replay.error.isEmpty, "\(replay.error)")
      let link = try FileManager.default.destinationOfSymbolicLink(atPath: directory + "/build/0/1/replay")
      #expect(link == "../../0/0")
      let difference = try CommandLine.run(["diff", "build/0/0", "build/0/1"], in: directory)
      #expect(difference.status == 0, "\(difference.output)")
      let compared = try CommandLine.shell("diff -r build/0/0/files build/0/1/files", in: directory)
      #expect(compared.status == 0, "\(compared.output)")
    }
  }

  @Test("names what has changed, and who made what differs of it")
  func edited() throws {
    try CommandLine.withDirectory { directory in
      let source = directory + "/two.txt"
      try "one\n".write(toFile: directory + "/one.txt", atomically: true, encoding: .utf8)
      try "two\n".write(toFile: source, atomically: true, encoding: .utf8)
      try FileManager.default.copyItem(atPath: source, toPath: directory + "/kept")
      let script = "sort one.txt > a; sort two.txt > b; cat a b > c"
      #expect(try run(["--reproducible", "--system", "--", "sh", "-c", script], in: directory).status == 0)
      try "three\n".write(toFile: source, atomically: true, encoding: .utf8)
      let replay = try run(["--replay", "build/0/0"], in: directory)
      #expect(replay.status == 0)
      #expect(replay.error.contains("two.txt has changed since the run") && !replay.error.contains("one.txt"))
      let difference = try CommandLine.run(["diff", "build/0/0", "build/0/1"], in: directory)
      #expect(difference.status == 1)
      #expect(
        difference.output.split(separator: "\n").prefix(3).contains { $0.contains("two.txt") }, "\(difference.output)")
      // As it was.
      let again = try run(["--replay", "build/0/0", "--source", "/project/two.txt=kept"], in: directory)
      #expect(again.status == 0 && !again.error.contains("changed"), "\(again.error)")
      #expect(try CommandLine.run(["diff", "build/0/0", "build/0/2"], in: directory).output.contains("/c") == false)
    }
  }

  @Test("has the values of secrets from the user alone")
  func secrets() throws {
    try CommandLine.withDirectory { directory in
      let secret = ["MY_TOKEN": "hunter22hunter22"]
      let arguments = ["--env", "MY_TOKEN", "--system", "--", "sh", "-c", "echo $MY_TOKEN"]
      #expect(try run(arguments, in: directory, environment: secret).output == "hunter22hunter22\n")
      let without = try run(["--replay", "last"], in: directory)
      #expect(without.status == 125 && without.error.contains("MY_TOKEN"), "\(without.error)")
      let other = try run(["--replay", "build/0/0"], in: directory, environment: ["MY_TOKEN": "another1another1"])
      #expect(other.status == 125)
      #expect(try run(["--replay", "build/0/0"], in: directory, environment: secret).output == "hunter22hunter22\n")
      let given = try run(["--replay", "build/0/0", "--env", "MY_TOKEN=x"], in: directory)
      #expect(given.output == "x\n", "\(given.error)")
    }
  }

  @Test(
    "refuses what does not go with it",
    arguments: [
      ["--replay", "last", "--", "true"], ["--replay", "last", "--system"], ["--replay", "last", "--seed", "1"],
      ["--replay", "last", "--reproducible"], ["--replay", "last", "--verify", "2"], ["--replay", "nosuch"],
      ["--replay", "last", "--time", "real"], ["--replay", "last~7"],
    ])
  func refusals(_ arguments: [String]) throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--system", "--", "true"], in: directory).status == 0)
      let outcome = try run(arguments, in: directory)
      #expect(outcome.status == 64 || outcome.status == 125, "\(outcome.status) \(outcome.error)")
      #expect(!outcome.error.isEmpty)
    }
  }

  @Test("does not believe a trace that was changed")
  func changed() throws {
    try CommandLine.withDirectory { directory in
      #expect(try run(["--system", "--", "true"], in: directory).status == 0)
      let sources = directory + "/build/0/0/sources"
      let text = try String(contentsOfFile: sources, encoding: .utf8)
      try (text + "/secret\t100\thost\t/root\n").write(toFile: sources, atomically: true, encoding: .utf8)
      let outcome = try run(["--replay", "last"], in: directory)
      #expect(outcome.status == 125 && outcome.error.contains("it was changed"), "\(outcome.error)")
      #expect(outcome.error.contains("it would add /secret = /root"))
    }
  }
}

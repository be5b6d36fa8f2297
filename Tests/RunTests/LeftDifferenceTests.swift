import Foundation
import Testing

/// Two runs that have left something else, whatever kind it is of.
@Suite("What two runs have left, compared")
struct LeftDifferenceTests {
  private static let prepare = "echo x > ex; mkdir sub; echo i > sub/in; chmod 755 sub; chmod 644 ex sub/in"

  /// What is said of files by `uwrx diff` of two runs, without the directory and the numbers of processes.
  private static func told(_ first: String, _ second: String, _ options: String = "") throws -> [String] {
    var told: [String] = []
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        \(prepare)
        for script in '\(first)' '\(second)'; do
          \(CommandLine.binary) run --quiet --system \(options) -- sh -c "$script" || echo failed
        done
        \(CommandLine.binary) diff last~1 last; rm -rf build
        """, in: directory)
      #expect(!outcome.output.contains("failed") && outcome.error.isEmpty, "\(outcome)")
      let lines = outcome.output.split(separator: "\n").map { String($0) }
      let start = lines.firstIndex { $0.hasPrefix("differs: ") } ?? lines.count
      told = lines[start...].map {
        $0.replacing(directory + "/", with: "").replacing(#/by \d+( and \d+)?/#) {
          $0.output.1 == nil ? "by #" : "by # and #"
        }
        .replacing(#/; the difference .*/#, with: "")
      }
    }
    return told
  }

  static let cases: [(first: String, second: String, told: [String])] = [
    (
      "mkdir a", "mkdir b",
      ["differs: a, only in the first, written by #", "differs: b, only in the second, written by #"]
    ),
    ("echo x > f", "mkdir f", ["differs: f, written by # and #", "  type file and directory"]),
    ("mkfifo f", "echo x > f", ["differs: f, written by # and #", "  type FIFO and file"]),
    ("chmod 600 ex", "chmod 640 ex", ["differs: ex, written by # and #", "  mode 0600 and 0640"]),
    (
      "chmod 700 sub", "true",
      ["differs: sub, written by # in the first, as it was in the second", "  mode 0700 and 0755"]
    ),
    ("rm ex", "true", ["differs: ex, removed by # in the first, as it was in the second"]),
    (
      "true", "rm -r sub",
      [
        "differs: sub, as it was in the first, removed by # in the second",
        "differs: sub/in, as it was in the first, removed by # in the second",
      ]
    ),
    ("rm -r sub; mkdir sub", "rm sub/in", []),
    ("rm -r sub; mkdir sub", "true", ["differs: sub/in, removed by # in the first, as it was in the second"]),
    ("mv sub new", "cp -r sub new; rm -r sub", []),
    ("mv ex ey", "cp ex ey", ["differs: ex, removed by # in the first, as it was in the second"]),
    (
      "mv ex ey", "mv ex ey; echo y >> ey",
      ["differs: ey, written by # and #", "    @@ -1 +1,2 @@", "     x", "    +y"]
    ),
    (
      "echo x > a; ln a b", "echo x > a; cp a b",
      [
        "differs: a, written by # and #", "  number of names 2 and 1", "differs: b, written by # and #",
        "  number of names 2 and 1",
      ]
    ),
    (
      "echo y > ex", "true",
      [
        "differs: ex, written by # in the first, as it was in the second", "    @@ -1 +1 @@", "    -y", "    +x",
      ]
    ),
    ("cat ex > copy; cat copy > ex", "true; true", ["differs: copy, only in the first, written by #"]),
    (
      "python3 -c \"import os; os.setxattr(\\\"ex\\\", \\\"user.a\\\", b\\\"1\\\")\"", "true",
      ["differs: ex, written in the first, as it was in the second", "  extended attribute user.a 1 and nothing"]
    ),
  ]

  @Test("each kind is told", arguments: cases)
  func kinds(_ first: String, _ second: String, _ expected: [String]) throws {
    #expect(try Self.told(first, second) == expected)
  }

  /// Directories that are moved into deep ones, of 2,000 each, with a file in the deepest.
  private static func deep(_ contents: String, moves: Int) -> String {
    let script = """
      import os
      top = os.getcwd()
      def chain(name, depth):
          os.chdir(top); os.mkdir(name); os.chdir(name)
          for _ in range(depth): os.mkdir("d"); os.chdir("d")
      chain("t0", 3)
      open("f", "w").write("\(contents)\\n")
      for number in range(1, \(moves + 1)):
          chain("t%d" % number, 1900)
          os.rename(top + "/t%d" % (number - 1), "d")
      """
    return "python3 -c \"\(script.replacing("\"", with: "\\\""))\""
  }

  @Test("what lies deeper than a path can say is compared, too")
  func deep() throws {
    let told = try Self.told(Self.deep("one", moves: 2), Self.deep("two", moves: 2))
    let name = "differs: t2/" + String(repeating: "d/", count: 1900 + 1 + 1900 + 1 + 3) + "f"
    #expect(
      told.map { $0.hasPrefix("differs: t2/d/d/") ? String($0.prefix(name.count)) : $0 } == [
        name, "    @@ -1 +1 @@", "    -one", "    +two",
      ])
  }

  @Test("nothing that a run leaves is deeper than uwrx's stack")
  func deeperThanTheStack() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        ulimit -s 512; \(CommandLine.binary) run --system -- \(Self.deep("one", moves: 4)); echo $?
        \(CommandLine.binary) check last; rm -rf build
        """, in: directory)
      #expect(outcome.output == "0\nthe trace \(directory)/build/0/0 is whole\n" && outcome.error.isEmpty, "\(outcome)")
    }
  }

  @Test("times are compared where both runs have the same clock, to the second")
  func times() throws {
    let late = "sleep 2; touch f; chmod 600 sub/in"
    #expect(try Self.told("touch f; chmod 600 sub/in", late).isEmpty)
    #expect(
      try Self.told("touch f; chmod 600 sub/in", late, "--time advancing") == [
        "differs: f, written by # and #", "  time 2020-01-01T00:00:00Z and 2020-01-01T00:00:02Z",
      ])
    #expect(try Self.told("touch f", "sleep 0.5; touch f", "--time advancing").isEmpty)
  }

  @Test(
    "and is a difference to who verifies",
    arguments: [
      ("os.mkdir(\"d%d\" % time.time_ns())", "only in the first, written by "),
      ("os.chmod(\"ex\", 0o600 + ord(os.urandom(1)) % 64)", "  mode 06"),
      ("os.mkfifo(\"f%d\" % time.time_ns())", "only in the second, written by "),
    ])
  func verified(_ statement: String, _ told: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        \(Self.prepare); git init -q .
        for turn in 1 2 3 4; do
          \(CommandLine.binary) run --system --verify 2 --time real --no-seed -- python3 -c 'import os, time; \(statement)' || exit
        done
        """, in: directory)
      #expect(outcome.status == 1 && outcome.error.contains(told), "\(outcome)")
      #expect(outcome.error.contains("made a difference: 2 python3"), "\(outcome)")
    }
  }
}

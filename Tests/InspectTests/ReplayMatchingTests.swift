import Foundation
import Inspect
import Testing
import TraceKit
import Tracing

/// Which process of a replay gets which number.
struct ReplayMatchingTests {
  /// A process, in the order in which it was found: its number there, its parent's, by which number the kernel knew it, and what it ran.
  typealias Found = (pid: UInt32, parent: UInt32, guest: UInt32, command: String?)

  private func history(_ found: [Found]) throws -> RunHistory {
    let trace = try TraceBuilder()
    for process in found {
      trace.spawn(process.pid, by: process.parent, guest: process.guest)
      if let command = process.command { trace.exec(process.pid, "/bin/" + command, [command]) }
    }
    return try RunHistory(try trace.finish().directory())
  }

  /// The numbers of the replay's processes, in the order in which they were found.
  private func numbers(_ recorded: [Found], _ replay: [Found]) throws -> [String] {
    let replayed = try history(replay)
    let matching = ReplayMatching(ProcessForest(try history(recorded)), replay: replayed)
    return replayed.processes.map { matching.renumbering.number(of: $0.pid).description }
  }

  @Test(
    "depends on who a process is, not on when it was found",
    arguments: [
      // In another order, with what is below.
      (
        [(2, 1, 2, "make"), (3, 2, 3, "a"), (4, 2, 4, "b"), (5, 3, 5, "c"), (6, 4, 6, "c")],
        [(2, 1, 2, "make"), (3, 2, 3, "b"), (4, 3, 4, "c"), (5, 2, 5, "a"), (6, 5, 6, "c")], ["2", "4", "6", "3", "5"]
      ),
      // Equal siblings by what is below them.
      (
        [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 2, 4, nil), (5, 3, 5, "a"), (6, 4, 6, "b")],
        [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 2, 4, nil), (5, 4, 5, "a"), (6, 3, 6, "b")], ["2", "4", "3", "5", "6"]
      ),
      // By the order of fork, where the later was found first.
      (
        [(2, 1, 2, "sh"), (3, 2, 3, "a"), (4, 2, 4, "a")], [(2, 1, 2, "sh"), (3, 2, 9, "a"), (4, 2, 8, "a")],
        ["2", "4", "3"]
      ),
      // The kernel's numbers have begun anew in between.
      (
        [(2, 1, 2, "sh"), (3, 2, 32000, "a"), (4, 2, 301, "a")], [(2, 1, 2, "sh"), (3, 2, 3, "a"), (4, 2, 4, "a")],
        ["2", "3", "4"]
      ),
      // One more and one fewer, and what is below them.
      (
        [(2, 1, 2, "make"), (3, 2, 3, "a"), (4, 2, 4, "b"), (5, 4, 5, "c"), (6, 2, 6, "d")],
        [(2, 1, 2, "make"), (3, 2, 3, "a"), (4, 2, 4, "x"), (5, 4, 5, "c"), (6, 2, 6, "d"), (7, 2, 7, "w")],
        ["2", "3", "2.2", "2.3", "6", "2.1"]
      ),
      // The command has become another program, and is the command all the same.
      ([(2, 1, 2, "a"), (3, 2, 3, "b")], [(2, 1, 2, "x"), (3, 2, 3, "b")], ["2", "3"]),
      // One fork fewer.
      (
        [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 3, 4, "a"), (5, 2, 5, nil), (6, 5, 6, "b")],
        [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 3, 4, "b")], ["2", "5", "6"]
      ),
      // An orphan is found before or after its parent has ended.
      (
        [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 3, 4, "daemon")], [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 1, 4, "daemon")],
        ["2", "3", "4"]
      ),
      (
        [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 1, 4, "daemon")], [(2, 1, 2, "sh"), (3, 2, 3, nil), (4, 3, 4, "daemon")],
        ["2", "3", "4"]
      ),
      ([], [(2, 1, 2, "a")], ["1.1"]), ([(2, 1, 2, "a")], [], []),
    ] as [([Found], [Found], [String])])
  func matching(_ recorded: [Found], _ replay: [Found], _ expected: [String]) throws {
    #expect(try numbers(recorded, replay) == expected)
  }

  @Test("of a replay's replay does not give a number again", arguments: [false, true])
  func again(_ isDeep: Bool) throws {
    let first: [Found] = [(2, 1, 2, "sh"), (3, 2, 3, "a")]
    var second = first + [(4, 2, 4, "b"), (5, 4, 5, "c")]
    let trace = try TraceBuilder()
    for process in second {
      trace.spawn(process.pid, by: process.parent)
      trace.exec(process.pid, "/bin/" + process.command!, [process.command!])
    }
    let live = try history(second)
    try trace.finish(ReplayMatching(ProcessForest(try history(first)), replay: live).renumbering)
    let recorded = try RunHistory(try trace.directory())
    #expect(recorded.processes.map { "\(recorded.number(of: $0.pid))" } == ["2", "3", "2.1", "2.2"])

    // One below 2.1, or below 2 where 2.1 and 2.2 are somebody's.
    second.append((6, isDeep ? 4 : 2, 6, "d"))
    let matching = ReplayMatching(ProcessForest(recorded), replay: try history(second))
    let number = matching.renumbering.number(of: 6)
    #expect("\(number)" == (isDeep ? "2.1.1" : "2.3"))
  }

  @Test("copes with what no run records")
  func hostile() throws {
    let replay: [Found] = [(2, 1, 2, "sh"), (3, 2, 3, "a"), (4, 2, 4, "a")]
    let others: [[Found]] = [
      // Twice the same, whose children each other are, of parents that are not there, of no number that can be given.
      [(2, 1, 2, "sh"), (2, 1, 2, "sh"), (3, 2, 3, "a"), (3, 2, 3, "a")],
      [(2, 3, 2, "sh"), (3, 2, 3, "sh"), (4, 4, 4, "a")], [(2, 77, 2, "sh"), (3, 78, 3, "a"), (78, 3, 0, "a")],
      [(.max, 1, .max, "sh"), (1 << 30, .max, 0, "a"), (1 << 31, 1 << 30, 1, nil)],
    ]
    for recorded in others {
      let found = try numbers(recorded, replay)
      #expect(Set(found).count == 3 && found.allSatisfy { ProcessNumber($0)!.components[0] < 1 << 30 }, "\(found)")
    }
    var (deep, wide): ([Found], [Found]) = ([(2, 1, 2, "sh")], [(2, 1, 2, "sh")])
    for number in 3..<20_003 as Range<UInt32> {
      deep.append((number, number - 1, number, "deep"))
      wide.append((number, 2, 20_003 - number, nil))
    }
    let same = (2..<20_003).map { "\($0)" }
    #expect(try numbers(deep, deep) == same)
    #expect(try numbers(wide, wide) == same)
    #expect(try Set(numbers(deep, wide)).count == wide.count)
  }

  @Test("gives no number that is too long for a file's name")
  func depth() throws {
    var run: [Found] = [(2, 1, 2, "sh")]
    var recorded = try history(run)
    for generation in 1...20 as ClosedRange<UInt32> {
      run.append((generation + 2, generation + 1, generation + 2, "c\(generation)"))
      let trace = try TraceBuilder()
      for process in run {
        trace.spawn(process.pid, by: process.parent)
        trace.exec(process.pid, "/bin/" + process.command!, [process.command!])
      }
      try trace.finish(ReplayMatching(ProcessForest(recorded), replay: try history(run)).renumbering)
      recorded = try RunHistory(try trace.directory())
      #expect(!recorded.isDamaged)
    }
    let numbers = recorded.processes.map { recorded.number(of: $0.pid) }
    #expect(Set(numbers).count == 21 && numbers.allSatisfy { $0.components.count <= ProcessNumber.mostComponents })
  }
}

import Foundation
import Inspect
import Testing
import TraceKit
import Tracing

/// A trace whose processes got other numbers at its end.
struct RenumberedTraceTests {
  private func trace() throws -> (TraceBuilder, TraceRenumbering) {
    let trace = try TraceBuilder()
    trace.spawn(2)
    trace.exec(2, "/bin/sh", ["sh"])
    trace.spawn(3, by: 2)
    trace.exec(3, "/bin/a", ["a"])
    trace.file(.create, 3, "/x", version: 1)
    trace.add(.output, 3, version: 1, Array("said\n".utf8))
    trace.spawn(4, by: 3)
    trace.file(.write, 4, "/x", version: 2)
    trace.exit(4)
    trace.exit(3)
    trace.exit(2)
    var renumbering = TraceRenumbering()
    for (pid, number) in [(2, "2"), (3, "2.1"), (4, "17")] as [(UInt32, String)] {
      renumbering.add(pid, try #require(ProcessNumber(number)))
    }
    return (trace, renumbering)
  }

  @Test func isToldByThemEverywhere() throws {
    let (builder, renumbering) = try trace()
    let trace = try builder.finish(renumbering).directory()
    let history = try RunHistory(trace)
    #expect(history.processes.map { "\(history.number(of: $0.pid))" } == ["2", "2.1", "17"] && !history.isDamaged)
    let dotted = try history.requireProcess(#require(ProcessNumber("2.1")), in: trace)
    #expect(history[17]?.parent == dotted && history[dotted]?.parent == 2)
    for unknown in ["3", "4", "2.2", "2.1.1", "17.1"] {
      let number = try #require(ProcessNumber(unknown))
      #expect(throws: TraceError.self) { try history.requireProcess(number, in: trace) }
    }
    let meta = try String(contentsOfFile: trace.path + "/files.meta", encoding: .utf8)
    #expect(meta == "/x\t2.1\tcreate\t/bin/a\n/x\t17\twrite\t/bin/a\n")
    #expect(try String(contentsOfFile: trace.path + "/numbers", encoding: .utf8) == "2.1\n")
    #expect(!FileManager.default.fileExists(atPath: trace.path + "/perfetto.new"))
    let problems = TraceCheck.problems(of: trace)
    #expect(problems.allSatisfy { $0.contains("/options") || $0.contains("seed.txt") }, "\(problems)")
  }

  @Test func whoFollowsItReadsOn() throws {
    let (builder, renumbering) = try trace()
    let observer = try RunObserver(try builder.directory())
    try observer.update()
    #expect(observer.history.processes.map(\.pid) == [2, 3, 4])
    try builder.finishEvents(renumbering)
    // Before the buffer is removed.
    let history = try RunHistory(try builder.directory())
    #expect(history.processes.map { "\(history.number(of: $0.pid))" } == ["2", "2.1", "17"] && !history.isDamaged)
    try observer.update()
    #expect(!observer.isDamaged && observer.history.eventCount == history.eventCount)
  }

  @Test func whatWasKilledThenIsRepaired() throws {
    let (builder, renumbering) = try trace()
    try builder.finishEvents(renumbering)
    try Data("rest".utf8).write(to: URL(fileURLWithPath: builder.path + "/perfetto.new"))
    let copy = builder.path + "-killed"
    try FileManager.default.copyItem(atPath: builder.path, toPath: copy)
    defer { try? FileManager.default.removeItem(atPath: copy) }
    let trace = try TraceDirectory(copy)
    guard case .repaired = try TraceRepair.repair(trace) else { throw TraceError("nothing was repaired") }
    let history = try RunHistory(trace)
    #expect(history.processes.map { "\(history.number(of: $0.pid))" } == ["2", "2.1", "17"] && !history.isDamaged)
    #expect(try String(contentsOfFile: copy + "/files.meta", encoding: .utf8).contains("/x\t2.1\tcreate"))
    #expect(!FileManager.default.fileExists(atPath: copy + "/perfetto.new"))
  }

  @Test(arguments: [
    "3", "3.", ".1", "3.1\t4", "3.01", "3.1\n3.1", "x.y", "3.4294967296", "3.-1", "\u{0}", "\\x2e",
    "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", String(repeating: "1.", count: 100_000) + "1",
  ])
  func damagedNumbers(_ text: String) throws {
    let builder = try TraceBuilder()
    builder.spawn(2)
    let trace = try builder.finish().directory()
    try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: trace.path + "/numbers"))
    #expect(throws: TraceError.self) { try TraceNumbers(trace) }
    #expect(throws: TraceError.self) { try RunHistory(trace) }
    #expect(TraceCheck.problems(of: trace).contains { $0.contains("/numbers") })
  }
}

import Foundation
import Inspect
import Testing
import TraceKit
import Tracing

/// The model of a run, from events that a kernel would write.
struct RunHistoryTests {
  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func processesProgramsAndTheirEnds() throws {
    let trace = try TraceBuilder()
    trace.spawn(2)
    trace.environment(1, ["A=1", "B=2", "C"])
    trace.exec(2, "/usr/bin/sh", ["sh", "-c", "x y"], environment: 1, in: "/src")
    trace.spawn(3, by: 2)
    trace.environment(2, ["A=1", "B=3", "D=\u{e4}", "=x=y"])
    trace.exec(3, "/usr/bin/cc", ["cc"], environment: 2, version: 7)
    trace.add(.stat, 3, node: trace.node("/src"), thread: 3, duration: 40)
    trace.add(.stat, 3, node: trace.node("/src"), thread: 9)
    trace.spawn(4, by: 2)
    trace.exit(3, status: 3 << 8, use: ResourceUse(userTime: 5, systemTime: 6, peakMemory: 7))
    trace.exit(2, status: 11)
    let history = try RunHistory(try trace.finish().directory())

    #expect(history.processes.map(\.pid) == [2, 3, 4] && history.roots == [2])
    let shell = try #require(history[2])
    #expect(shell.parent == 1 && shell.children == [3, 4] && shell.guestPid == 2 && shell.hostPid == 1002)
    #expect(shell.status?.signal == 11 && shell.status?.description == "killed by SIGSEGV" && shell.use == nil)
    #expect(shell.program.map { $0.arguments.map(text) } == ["sh", "-c", "x y"])
    #expect(text(history.paths.path(of: try #require(shell.program).directory)) == "/src")
    let compiler = try #require(history[3])
    #expect(compiler.status?.exitStatus == 3 && compiler.use?.peakMemory == 7 && compiler.program?.version == 7)
    #expect(compiler.threads.map(\.id) == [3, 9] && compiler.answerTime == 40)
    #expect(compiler.start < (try #require(compiler.end)))
    // What it has not ended, nor run.
    let forked = try #require(history[4])
    #expect(forked.status == nil && forked.end == nil && forked.programs.isEmpty && forked.program == shell.program)
    #expect(text(history.command(of: forked)) == "(sh -c 'x y')")
    #expect(history.ancestors(of: 3) == [2] && history[5] == nil && !history.isDamaged)

    let difference = try #require(history.environmentDifference(of: 3))
    #expect(difference.added.map { text($0.name) } == ["=x", "D"] && difference.added[1].new.map(text) == "\u{e4}")
    #expect(difference.removed.map { text($0.name) } == ["C"] && difference.removed[0].old == nil)
    #expect(difference.changed.map { [$0.name, $0.old ?? [], $0.new ?? []].map(text) } == [["B", "2", "3"]])
    #expect(history.environmentDifference(of: 2) == nil && history.environmentDifference(of: 4) == nil)
  }

  @Test func bytesGoOnInTheNextEvent() throws {
    let trace = try TraceBuilder()
    trace.spawn(2)
    trace.add(.environment, 2, version: 1, Array("A=".utf8), flags: Event.continues)
    trace.add(.environment, 2, version: 1, Array("1\0".utf8), flags: Event.isCut)
    trace.file(.exec, 2, "/bin/a")
    trace.add(.arguments, 2, node: 1, version: 1, Array("a\0b".utf8), flags: Event.continues)
    trace.add(.arguments, 2, node: 1, version: 1, Array("c\0".utf8), flags: Event.isCut)
    // A program that has no path.
    trace.add(.arguments, 2, node: 1, version: 1, Array("memory\0".utf8))
    let history = try RunHistory(try trace.finish().directory())
    let process = try #require(history[2])
    #expect(process.programs.map { $0.arguments.map(text) } == [["a", "bc"], ["memory"]])
    #expect(process.programs[0].argumentsAreCut && !process.programs[1].argumentsAreCut)
    #expect(process.programs[1].executable == .none)
    let environment = try #require(history.environment(1))
    #expect(environment.isCut && environment.variables.map { text($0.name) } == ["A"])
    #expect(environment.variables[0].value.map(text) == "1")
    #expect(history.environmentDifference(of: 2)?.isEmpty == true)
  }

  @Test func whoWroteWhatAnotherRead() throws {
    let trace = try TraceBuilder()
    trace.spawn(2)
    trace.file(.create, 2, "/a", version: 1)
    trace.spawn(3, by: 2)
    for _ in 0..<5 { trace.file(.read, 3, "/a", version: 1) }
    trace.file(.write, 3, "/a", version: 2)
    trace.add(.missing, 3, node: trace.node("/dir"), Array("none".utf8))
    trace.spawn(4, by: 2)
    trace.file(.renameFrom, 4, "/a", version: 2)
    trace.file(.renameTo, 4, "/b", version: 2)
    trace.spawn(5, by: 2)
    trace.add(.stored, 5, version: 1, Array("files/a".utf8))
    let history = try RunHistory(try trace.finish().directory())
    let a = try #require(history.paths.id(of: Array("/a".utf8)))
    #expect(history.origin(ofVersion: 1)?.writer == 2 && history.origin(ofVersion: 2)?.writer == 3)
    #expect(history.origin(ofVersion: 0) == nil && history.place(ofVersion: 1).map(text) == "files/a")
    let accesses = history.accesses(of: a)
    #expect(accesses.map(\.kind) == [.create, .read, .write, .renameFrom])
    #expect(accesses.map(\.count) == [1, 5, 1, 1] && accesses.map(\.pid) == [2, 3, 3, 4])
    #expect(history.accesses(by: 3).map { text(history.paths.path(of: $0.path)) } == ["/a", "/a", "/dir/none"])
    func resolve(_ path: String, _ pid: UInt32) -> FileResolution { history.resolveFile(Array(path.utf8), asOf: pid) }
    #expect(resolve("/a", 2) == .version(1, place: Array("files/a".utf8)))
    #expect(resolve("/a", 3) == .version(2, place: nil) && resolve("/dir/none", 3) == .missing)
    #expect(resolve("/b", 4) == .version(2, place: nil))
    // Those that never looked.
    #expect(resolve("/a", 5) == .missing && resolve("/b", 5) == .version(2, place: nil) && resolve("/c", 5) == .below)
    #expect(resolve("/b", 3) == .below)
  }

  @Test func aRunInProgressIsFollowed() throws {
    let trace = try TraceBuilder()
    let observer = try RunObserver(trace.directory())
    #expect(try !observer.update() && observer.history.processes.isEmpty)
    for pid in 2..<5000 as Range<UInt32> {
      trace.spawn(pid, by: pid - 1)
      if pid % 7 == 0 {
        #expect(try observer.update() && observer.history.processes.count == Int(pid) - 1)
      }
    }
    trace.exit(2)
    _ = try trace.finish()
    #expect(try observer.update(atMost: 1) && observer.update() && !observer.update())
    #expect(observer.history.processes.count == 4998 && !observer.isDamaged)
    #expect(observer.history.ancestors(of: 4999).count == 4997)
  }

  @Test func parametersClockTotalsAndLimits() throws {
    let trace = try TraceBuilder()
    trace.add(.parameter, 1, Array("seed\0=1\0".utf8))
    trace.add(.clock, 1, trace.bytes(of: 1_700_000_000_000_000_000 as UInt64))
    trace.add(.limit, 1, Array("the memory is used up".utf8))
    trace.add(.totals, 1, version: 257, trace.bytes(of: CallTotals(count: 3, totalTime: 9, longestTime: 5)))
    let history = try RunHistory(try trace.finish().directory())
    #expect(history.parameters.map { text($0.name) } == ["seed"] && text(history.parameters[0].value) == "=1\0")
    #expect(
      history.wallClock == 1_700_000_000_000_000_000 - 1000 && history.limits.map(text) == ["the memory is used up"])
    #expect(history.totals == [257: CallTotals(count: 3, totalTime: 9, longestTime: 5)])
    #expect(history.processes.isEmpty && history.count(of: .clock) == 1)
  }
}

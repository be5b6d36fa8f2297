import Foundation
import Inspect
import SystemPackage
import Testing
import TraceKit
import Tracing

/// Traces that no kernel writes: nothing fails, nothing loops, and every process is still told once.
struct DamagedTraceTests {
  /// Every process once, in the list, in the tree and as JSON; every report ends.
  private func expectWhole(_ trace: TraceDirectory) throws -> RunHistory {
    let history = try RunHistory(trace)
    let pids = history.processes.map { String($0.pid) }.sorted()
    for tree in [nil, ProcessReport.Drawing.boxes, .ascii] {
      let text = try captured {
        try ProcessReport(history, isInProgress: false, showsEnvironment: true).text(tree: tree, width: nil, to: $0)
      }
      let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst()
      #expect(
        lines.compactMap { $0.split(separator: " ").first.flatMap { UInt32($0) }.map { String($0) } }.sorted() == pids)
    }
    let json = try captured { try ProcessReport(history, isInProgress: true, showsEnvironment: true).json(to: $0) }
    for line in json.split(separator: UInt8(ascii: "\n")) { _ = try JSONSerialization.jsonObject(with: Data(line)) }
    _ = try captured { try FilesReport(history, versions: VersionPlaces(trace, history)).text(who: true, to: $0) }
    _ = try captured { try FilesReport(history, versions: VersionPlaces(trace, history)).json(to: $0) }
    for format in [EventsReport.Format.text, .json] {
      let report = try EventsReport(
        trace, filter: EventFilter(paths: [PathPattern("*a*")]), describer: EventText { _ in nil }, format: format)
      _ = try captured { try report.update(to: $0) }
    }
    let statistics = try RunStatistics(trace, top: 3, describer: EventText { _ in nil })
    for json in [true, false] {
      _ = try captured {
        let report = StatisticsReport(statistics, top: 3) { _ in nil }
        if json { try report.json(to: $0) } else { try report.text(width: 40, to: $0) }
      }
    }
    _ = try captured { _ = try OutputReport().json(trace, to: $0) }
    return history
  }

  @Test(
    arguments: [
      [(2, 2)], [(2, 3), (3, 2)], [(2, 3), (3, 4), (4, 2)], [(4, 3), (3, 2), (2, 4)], [(2, 1), (2, 3), (3, 2)],
      [(3, 2), (2, 1), (2, 3)], [(2, 0), (3, 0)], [(.max, .max - 1), (.max - 1, .max)],
      [(5, 6), (6, 7), (7, 8), (8, 5)],
    ] as [[(UInt32, UInt32)]])
  func nobodyDescendsFromItself(_ spawns: [(UInt32, UInt32)]) throws {
    let trace = try TraceBuilder()
    for (pid, parent) in spawns { trace.spawn(pid, by: parent) }
    let history = try expectWhole(try trace.finish().directory())
    for process in history.processes { #expect(!history.ancestors(of: process.pid).contains(process.pid)) }
  }

  @Test func processesThatWereNeverIntroduced() throws {
    let trace = try TraceBuilder()
    trace.exit(9, status: 9)
    trace.exit(9, status: 256)
    trace.spawn(4, by: 77)
    trace.file(.read, 5, "/a", version: 3)
    trace.exit(77)
    let history = try expectWhole(try trace.finish().directory())
    #expect(history.processes.map(\.pid) == [9, 4, 77, 5] && history.roots == [9, 77, 5])
    #expect(history[9]?.parent == nil && history[9]?.isAnnounced == false && history[77]?.children == [4])
    #expect(history.command(of: try #require(history[9])) == Array("?".utf8))
  }

  @Test func numbersThatMakeNoSense() throws {
    let trace = try TraceBuilder()
    let most = UInt32.max
    trace.spawn(2)
    for node in [0, 3, most] { trace.add(.node, 0, node: node, version: 1, Array("x".utf8)) }
    trace.add(.node, 0, node: 2, version: 2, Array("x".utf8))
    trace.add(.node, 0, node: 2, version: 1, Array("../\0\n\u{9b}".utf8) + [0xff])
    for kind in EventKind.allCases where kind != .node {
      for name in [[], [1], [UInt8](repeating: 0xff, count: 40)] as [[UInt8]] {
        trace.time = name.isEmpty ? 1 : .max - 10000
        trace.add(kind, 2, node: most, version: most, name, flags: 0xff, thread: most, duration: most)
        trace.add(kind, most, node: 2, version: most, name, flags: 0, thread: most, duration: most)
      }
    }
    let history = try expectWhole(try trace.finish().directory())
    #expect(history.isDamaged && history.path(ofNode: most) == .none && history.paths.path(of: .none) == [])
    #expect(history[most]?.status?.description == "status 0xffffffff")
  }

  /// Whatever the events are. The seed tells which failed.
  @Test(arguments: 0..<40)
  func anyEvents(_ seed: UInt64) throws {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    func random(_ limit: UInt32) -> UInt32 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt32(truncatingIfNeeded: state >> 20) % limit
    }
    let trace = try TraceBuilder()
    for _ in 0..<600 {
      let kind = EventKind.allCases[Int(random(UInt32(EventKind.allCases.count)))]
      let name = (0..<random(45)).map { _ in UInt8(truncatingIfNeeded: random(256)) }
      trace.add(
        kind, random(12), node: random(30), version: random(20), name, flags: UInt8(random(4)), thread: random(3),
        duration: random(100))
    }
    let history = try expectWhole(try trace.finish().directory())
    for process in history.processes { #expect(!history.ancestors(of: process.pid).contains(process.pid)) }
    let listed = history.processes.reduce(history.roots.count) { $0 + $1.children.count }
    #expect(listed == history.processes.count)
  }

  @Test(arguments: [1, 7, 8, 9, 31, 32, 33, 39])
  func aTraceThatIsCutOff(_ cut: Int) throws {
    let trace = try TraceBuilder()
    for pid in 2..<9 as Range<UInt32> { trace.exec(pid, "/bin/\(pid)", ["a", "b"]) }
    let directory = try trace.finish().directory()
    let whole = try Data(contentsOf: trace.eventsFile)
    try whole.prefix(whole.count - cut).write(to: trace.eventsFile)
    let history = try expectWhole(directory)
    #expect(history.isDamaged && history.processes.count <= 7)
  }

  @Test func aTreeOfAnyDepth() throws {
    let trace = try TraceBuilder()
    for pid in 2..<3000 as Range<UInt32> { trace.spawn(pid, by: pid - 1) }
    let history = try expectWhole(try trace.finish().directory())
    #expect(history.ancestors(of: 2999).count == 2997)
  }

  @Test func aTraceWithoutEvents() throws {
    let trace = try TraceBuilder().finish()
    let history = try expectWhole(trace.directory())
    #expect(history.processes.isEmpty && !history.isDamaged)
    try FileManager.default.removeItem(at: trace.eventsFile)
    #expect(throws: TraceError.self) { try RunHistory(trace.directory()) }
  }
}

/// What a report writes.
func captured(_ body: (OutputBuffer) throws -> Void) throws -> [UInt8] {
  let path = "/var/tmp/uwrx-report-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: path) }
  let file = try FileDescriptor.open(
    FilePath(path), .readWrite, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
  defer { try? file.close() }
  let output = OutputBuffer(file)
  try body(output)
  try output.flush()
  return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

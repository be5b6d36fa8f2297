import Testing
import Tracing

/// An event of a run.
struct RecordedEvent {
  var kind: EventKind
  var event: Event
  var bytes: [UInt8]

  var strings: [String] {
    bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { recordedText($0) }
  }
  var use: ResourceUse? {
    bytes.count == MemoryLayout<ResourceUse>.size
      ? bytes.withUnsafeBytes { $0.loadUnaligned(as: ResourceUse.self) } : nil
  }
}

/// The events of the run in `build/0/0`, with the pieces of each put together.
struct RecordedRun {
  var records: [RecordedEvent] = []
  var nodes = NodeTable()

  init(_ directory: String, _ run: String = "0/0") throws {
    let reader = try TraceDirectory("\(directory)/build/\(run)").events()
    var open: [UInt64: Int] = [:]
    while let (event, name) = try reader.next() {
      let kind = try #require(EventKind(rawValue: event.kind))
      if kind == .node {
        let isDefined = nodes.define(event, name)
        #expect(isDefined)
      }
      let key = UInt64(event.pid) << 8 | UInt64(event.kind)
      if let index = open[key] {
        records[index].bytes += name
      } else {
        records.append(RecordedEvent(kind: kind, event: event, bytes: Array(name)))
      }
      let isOpen = event.flags & Event.continues != 0
      open[key] = isOpen ? open[key] ?? records.count - 1 : nil
      if event.flags & Event.isCut != 0 { records[records.count - 1].event.flags |= Event.isCut }
    }
    #expect(!reader.isDamaged)
    #expect(open.isEmpty)
  }

  func of(_ kind: EventKind) -> [RecordedEvent] { records.filter { $0.kind == kind } }
  func path(_ record: RecordedEvent) -> String { "/" + recordedText(nodes.path(of: record.event.node)) }
  func output(_ pid: UInt32) -> [UInt8] { of(.output).filter { $0.event.pid == pid }.flatMap(\.bytes) }
}

func recordedText(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// Tests of what runs have recorded.
protocol RecordedRuns {}

extension RecordedRuns {
  func run(_ directory: String, _ script: String) throws -> CommandLine.Outcome {
    try run(directory, [], script)
  }

  func run(_ directory: String, _ options: [String], _ script: String) throws -> CommandLine.Outcome {
    try CommandLine.run(["run", "--system"] + options + ["--", "sh", "-c", script], in: directory)
  }

  func python(_ program: String) -> String { "python3 - <<'E'\n" + program + "\nE" }
}

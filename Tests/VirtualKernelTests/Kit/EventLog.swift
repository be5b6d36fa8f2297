import Tracing

@testable import VirtualKernel

/// The events of a machine, with the paths of their nodes.
final class EventLog: EventSink {
  struct Entry: Equatable, CustomStringConvertible {
    var kind: EventKind
    var pid: UInt32
    var path: String
    var version: UInt32

    var description: String { "\(kind) \(path) by \(pid), version \(version)" }
  }

  /// One as it came, for what `Entry` does not tell.
  struct Record {
    var kind: EventKind
    var event: Event
    var bytes: [UInt8]
  }

  private var nodes = NodeTable()
  private(set) var records: [Record] = []
  var entries: [Entry] = []

  func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let kind = EventKind(rawValue: event.kind)!
    records.append(Record(kind: kind, event: event, bytes: Array(name)))
    if kind == .node {
      precondition(nodes.define(event, name), "a node is defined out of order")
      return
    }
    // What programs are given and say is not what most tests are about.
    if [.arguments, .environment, .output, .denied, .skipped, .unskipped, .unrecorded].contains(kind) { return }
    let text = String(decoding: name, as: UTF8.self)
    let isAboutName = kind == .missing || kind == .stored
    let path = kind == .spawn ? "" : "/" + String(decoding: nodes.path(of: event.node), as: UTF8.self)
    entries.append(
      Entry(
        kind: kind, pid: event.pid, path: isAboutName ? (path == "/" ? "" : path) + "/" + text : path,
        version: event.version))
  }

  func beginCall(time: UInt64, thread: UInt32, first: UInt64) {}
  func suspendCall() -> UInt64 { 0 }
  func endCall(duration: UInt64) {}

  func records(_ kind: EventKind) -> [Record] { records.filter { $0.kind == kind } }
}

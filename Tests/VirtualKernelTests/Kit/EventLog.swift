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

  private var nodes = NodeTable()
  var entries: [Entry] = []

  func append(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let kind = EventKind(rawValue: event.kind)!
    if kind == .node {
      precondition(nodes.define(event, name), "a node is defined out of order")
      return
    }
    let text = String(decoding: name, as: UTF8.self)
    let isAboutName = kind == .missing || kind == .stored
    let path = kind == .spawn ? "" : "/" + String(decoding: nodes.path(of: event.node), as: UTF8.self)
    entries.append(
      Entry(
        kind: kind, pid: event.pid, path: isAboutName ? (path == "/" ? "" : path) + "/" + text : path,
        version: event.version))
  }
}

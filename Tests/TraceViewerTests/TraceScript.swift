import Foundation
import Testing
import Tracing

@testable import TraceViewer

/// Events of a run that never was.
struct TraceScript {
  private(set) var events: [(Event, [UInt8])] = []
  private var nodes: [String: UInt32] = ["/": 1]
  private var environments: [[String]: UInt32] = [:]
  private static let start: UInt64 = 1_000_000_000
  private var time = TraceScript.start

  init() {
    add(Event(.parameter, pid: 1, node: 0, version: 0), Array("memory\u{0}1G".utf8))
    // 2026-01-02 03:04:05 UTC.
    add(Event(.clock, pid: 1, node: 0, version: 0), bytes(UInt64(1_767_323_045_000_000_000)))
  }

  private func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

  private mutating func add(_ event: Event, _ name: [UInt8] = []) {
    var event = event
    event.time = time
    events.append((event, name))
  }

  /// Lets time pass.
  mutating func wait(milliseconds: Int) { time += UInt64(milliseconds) * 1_000_000 }

  mutating func node(_ path: String) -> UInt32 {
    if let known = nodes[path] { return known }
    let slash = path.lastIndex(of: "/")!
    let parent = node(slash == path.startIndex ? "/" : String(path[..<slash]))
    let new = UInt32(nodes.count + 1)
    nodes[path] = new
    add(Event(.node, pid: 1, node: new, version: parent), Array(path[path.index(after: slash)...].utf8))
    return new
  }

  mutating func spawn(_ pid: UInt32, parent: UInt32) {
    add(Event(.spawn, pid: pid, node: parent, version: pid - 1), bytes(pid + 5000))
  }

  mutating func exec(
    _ pid: UInt32, _ path: String, _ arguments: [[UInt8]], environment: [String] = ["HOME=/root"],
    directory: String = "/src"
  ) {
    add(Event(.exec, pid: pid, node: node(path), version: 0))
    if environments[environment] == nil {
      environments[environment] = UInt32(environments.count + 1)
      add(
        Event(.environment, pid: 1, node: 0, version: environments[environment]!), environment.flatMap { $0.utf8 + [0] }
      )
    }
    let directory = node(directory)
    add(
      Event(.arguments, pid: pid, node: directory, version: environments[environment]!), arguments.flatMap { $0 + [0] })
  }

  mutating func exec(_ pid: UInt32, _ path: String, _ arguments: String..., environment: [String] = ["HOME=/root"]) {
    exec(pid, path, arguments.map { Array($0.utf8) }, environment: environment)
  }

  mutating func access(_ kind: EventKind, _ pid: UInt32, _ path: String, version: UInt32 = 0) {
    let node = node(path)
    add(Event(kind, pid: pid, node: node, version: version))
  }

  mutating func miss(_ pid: UInt32, _ name: String, in directory: String) {
    let node = node(directory)
    add(Event(.missing, pid: pid, node: node, version: 0), Array(name.utf8))
  }

  mutating func print(_ pid: UInt32, _ text: [UInt8], descriptor: UInt32 = 1) {
    add(Event(.output, pid: pid, node: 0, version: descriptor), text)
  }

  mutating func print(_ pid: UInt32, _ text: String, descriptor: UInt32 = 1) {
    print(pid, Array(text.utf8), descriptor: descriptor)
  }

  mutating func connect(_ pid: UInt32, _ address: [UInt8], kind: EventKind = .connect) {
    add(Event(kind, pid: pid, node: 0, version: 3), address)
  }

  /// What the other side of the network tells.
  mutating func network(_ kind: EventKind, _ pid: UInt32, connection: UInt32 = 0, _ bytes: [UInt8]) {
    add(Event(kind, pid: pid, node: 0, version: connection), bytes)
  }

  /// What a run with a cache tells of a process that may be skipped.
  mutating func skipping(_ kind: EventKind, _ pid: UInt32, _ bytes: [UInt8]) {
    add(Event(kind, pid: pid, node: 0, version: 0), bytes)
  }

  mutating func refuse(_ pid: UInt32, call: UInt32) { add(Event(.denied, pid: pid, node: 1, version: call)) }

  mutating func exit(_ pid: UInt32, status: UInt32 = 0) {
    add(
      Event(.exit, pid: pid, node: 0, version: status),
      bytes(ResourceUse(userTime: 2_000_000, systemTime: 1_000_000, peakMemory: 12 << 20)))
  }

  /// A small build: make starts two compilers, one of which fails, and a linker that reads what the first has written.
  static let build: TraceScript = {
    var script = TraceScript()
    script.spawn(2, parent: 1)
    script.exec(2, "/usr/bin/make", "make", "-k", environment: ["HOME=/root", "PATH=/usr/bin"])
    script.access(.read, 2, "/src/Makefile")
    script.wait(milliseconds: 5)
    script.spawn(3, parent: 2)
    script.exec(
      3, "/usr/bin/gcc-12", "cc", "-c", "main.c",
      environment: ["HOME=/root", "MAKELEVEL=1", "PATH=/usr/local/bin:/usr/bin"])
    script.wait(milliseconds: 20)
    script.access(.read, 3, "/src/main.c")
    script.miss(3, "config.h", in: "/src")
    script.access(.stat, 3, "/usr/include")
    script.access(.create, 3, "/src/main.o", version: 1)
    script.exit(3)
    script.spawn(4, parent: 2)
    script.exec(4, "/usr/bin/gcc-12", "cc", "-c", "bad file.c")
    script.print(4, "bad file.c:1: error: expected ';'\n", descriptor: 2)
    script.wait(milliseconds: 7)
    script.exit(4, status: 1 << 8)
    script.spawn(5, parent: 2)
    script.exec(5, "/usr/bin/gcc-12", "cc", "main.o")
    script.spawn(6, parent: 5)
    script.exec(6, "/usr/bin/ld", "/usr/bin/ld", "-o", "a.out", "main.o")
    script.access(.read, 6, "/src/main.o", version: 1)
    script.access(.create, 6, "/src/a.out", version: 2)
    script.wait(milliseconds: 40)
    script.exit(6)
    script.exit(5)
    script.print(2, "make: Target 'all' not remade\n", descriptor: 2)
    script.print(2, "done\n")
    script.wait(milliseconds: 1)
    script.exit(2, status: 2 << 8)
    return script
  }()

  func give(to state: inout ViewerState) {
    for (event, name) in events { name.withUnsafeBufferPointer { state.take(event, $0) } }
  }

  /// A viewer that has read all.
  func viewer(rows: Int = 24, columns: Int = 80, isUTF8: Bool = true, progress: ViewerState.Progress = .ended)
    -> ViewerState
  {
    var state = ViewerState(
      path: "build/0/0", command: ["make", "-k"].map { Array($0.utf8) }, isUTF8: isUTF8, hasClipboard: true)
    state.resize(rows: rows, columns: columns)
    give(to: &state)
    state.progress = progress
    state.refresh()
    return state
  }

  /// Makes the directory of a run.
  func write(to directory: String, isComplete: Bool = true) throws {
    try FileManager.default.createDirectory(atPath: directory + "/files", withIntermediateDirectories: true)
    try "make\n-k\n".write(toFile: directory + "/cmd", atomically: false, encoding: .utf8)
    let writer = try EventWriter(trace: directory)
    for (event, name) in events { name.withUnsafeBufferPointer { writer.append(event, $0) } }
    try writer.finish()
    guard isComplete else { return }
    try writer.removeBuffer()
    try "exit\t2\n".write(toFile: directory + "/status", atomically: false, encoding: .utf8)
  }
}

extension ViewerState {
  /// The screen as text, a string for each row.
  mutating func text() -> [String] {
    guard case .grid(let screen) = frame() else { return [] }
    return (0..<screen.rows).map(screen.text)
  }

  mutating func type(_ text: String) {
    for scalar in text.unicodeScalars { handle(Key(scalar)) }
  }
}

import Glibc
import SystemPackage

/// Which numbers the processes of a replay get when it has ended. Up to there events tell them in the order in which they were found.
public struct TraceRenumbering: Sendable {
  /// By the numbers up to there.
  private var pids: [UInt32: UInt32] = [:]
  private var numbers = TraceNumbers()
  private var changesAny = false

  /// Nothing is changed.
  public init() {}

  /// To be called for each process once, with numbers of which none comes twice.
  public mutating func add(_ pid: UInt32, _ number: ProcessNumber) {
    let new = number.isDotted ? numbers.add(number) ?? pid : number.components[0]
    pids[pid] = new
    changesAny = changesAny || new != pid
  }

  /// Whether a recorded number can be a process's again. No trace that was not tampered with has another.
  public static func canTake(_ number: ProcessNumber) -> Bool {
    number.isDotted || (Event.supervisor + 1..<TraceNumbers.firstDotted).contains(number.components[0])
  }

  /// By what a process is shown that events have told by `pid` up to now.
  public func number(of pid: UInt32) -> ProcessNumber { numbers[renumbered(pid)] }

  private func renumbered(_ pid: UInt32) -> UInt32 { pids[pid] ?? pid }

  private func renumbered(_ event: Event) -> Event {
    var event = event
    event.pid = renumbered(event.pid)
    if event.kind == EventKind.spawn.rawValue { event.node = renumbered(event.node) }
    return event
  }

  /// Makes `perfetto` and `files.meta` anew, and `numbers` if there are dotted ones.
  /// - Parameter trace: the directory of a run whose `perfetto` is whole.
  /// - Throws: what the host failed with; `perfetto` is as it was then.
  func apply(to trace: String, callName: @escaping CallName) throws(Errno) {
    let perfetto = "\(trace)/perfetto.new"
    let meta = "\(trace)/files.meta.new"
    let dotted = "\(trace)/\(TraceNumbers.name).new"
    do throws(Errno) {
      try copy(trace, to: perfetto, meta: meta, callName)
      // A file that were cut off would be worse than none: it comes to its place whole, before there is one that needs it.
      if !numbers.isEmpty {
        try TraceDirectory.write(dotted, numbers.text)
        if rename(dotted, "\(trace)/\(TraceNumbers.name)") < 0 { throw Errno(rawValue: errno) }
      }
      if rename(meta, "\(trace)/files.meta") < 0 { throw Errno(rawValue: errno) }
      if rename(perfetto, "\(trace)/perfetto") < 0 { throw Errno(rawValue: errno) }
    } catch {
      for path in [perfetto, meta, dotted, "\(trace)/\(TraceNumbers.name)"] { unlink(path) }
      throw error
    }
  }

  var isEmpty: Bool { !changesAny }

  private func copy(
    _ trace: String, to perfetto: String, meta path: String, _ callName: @escaping CallName
  ) throws(Errno) {
    let reader = try EventReader(trace: trace, packetsOnly: true)
    let encoder = TraceEncoder(callName: callName, numbers: numbers)
    let output = try TraceFile(creating: perfetto)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    defer { close(file) }
    let meta = MetaWriter(file: FileDescriptor(rawValue: file), numbers: numbers)
    while let (event, name) = try reader.next() {
      let event = renumbered(event)
      encoder.encode(event, name)
      try meta.add(event, encoder.nodes)
      try output.take(&encoder.packets)
    }
    if reader.isDamaged { throw .invalidArgument }
    encoder.finish()
    try output.flush(&encoder.packets)
    try meta.flush()
  }
}

import CLinux
import Glibc
import SystemPackage

/// Finishes the record of a run that was killed: `uwrx check --repair`.
///
/// What it leaves holds all that was recorded, and says that the run was killed: nothing stands on it. If it is interrupted,
/// the next one goes on.
public enum TraceRepair {
  public enum Outcome: Sendable {
    /// The trace was whole, or repaired before.
    case nothingToDo
    /// So many events were saved from the buffer.
    case repaired(events: Int)
  }

  /// - Parameter callName: as for `EventWriter`.
  /// - Throws: a message if the run goes on, or if its record is damaged.
  public static func repair(
    _ trace: TraceDirectory, callName: @escaping CallName = { _ in nil }
  ) throws(TraceError) -> Outcome {
    let path = "\(trace.path)/events"
    let file: Int32
    do throws(Errno) { file = try TraceDirectory.open(path).rawValue } catch {
      guard error == .noSuchFileOrDirectory else {
        throw TraceError("cannot open \(path): \(TraceDirectory.reason(error))")
      }
      if trace.state != .unfinished { return .nothingToDo }
      throw TraceError("the trace \(trace.path) cannot be repaired: its run has recorded no events")
    }
    defer { close(file) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      throw TraceError("the run of the trace \(trace.path) goes on: repair it when it has ended")
    }
    // Its run may have ended between the two calls.
    guard trace.state == .unfinished else {
      unlink(path)
      return .nothingToDo
    }
    let saved: Int
    do throws(Errno) { saved = try moveRest(trace, callName) } catch {
      throw TraceError("the trace \(trace.path) cannot be repaired: \(TraceDirectory.reason(error))")
    }
    try writeMeta(trace)
    do throws(Errno) {
      try TraceDirectory.write("\(trace.path)/status", TraceDirectory.line(["killed"]))
      if unlink(path) < 0 { throw Errno(rawValue: errno) }
    } catch {
      throw TraceError("cannot finish the trace \(trace.path): \(error)")
    }
    return .repaired(events: saved)
  }

  /// Appends to `perfetto` what only the buffer has, and the end.
  /// - Returns: how many events the buffer had.
  /// - Throws: `invalidArgument` if the files make no sense.
  private static func moveRest(_ trace: TraceDirectory, _ callName: @escaping CallName) throws(Errno) -> Int {
    let reader = try EventReader(trace: trace.path)
    if reader.isWhole {
      for name in ["perfetto.new", "files.meta.new", "\(TraceNumbers.name).new"] { unlink("\(trace.path)/\(name)") }
      return 0
    }
    let length = reader.lengthOfPackets
    let encoder = TraceEncoder(callName: callName)
    // The encoder has to know what it has said; what comes after is not in the file.
    while reader.isInPackets, let (event, name) = try reader.next() {
      if !reader.isInPackets {
        // The first event of the buffer.
        return try append(trace, length, encoder, reader, (event, name))
      }
      encoder.encode(event, name)
      encoder.packets.removeFirst(encoder.packets.count)
    }
    if reader.isDamaged { throw .invalidArgument }
    return try append(trace, length, encoder, reader, nil)
  }

  private static func append(
    _ trace: TraceDirectory, _ length: UInt64, _ encoder: TraceEncoder, _ reader: EventReader,
    _ first: (Event, UnsafeBufferPointer<UInt8>)?
  ) throws(Errno) -> Int {
    // A file of its own, put in the place of the other when it is whole: that one may have other names.
    let (path, new) = ("\(trace.path)/perfetto", "\(trace.path)/perfetto.new")
    unlink(new)
    let output = try TraceFile(creating: new)
    if length > 0 { try output.copy(length, of: path) }
    var count = 0
    var next = first
    while let (event, name) = next {
      encoder.encode(event, name)
      try output.take(&encoder.packets)
      count += 1
      next = try reader.next()
    }
    if reader.isDamaged { throw .invalidArgument }
    for (version, name) in archivedVersions(trace) {
      var event = Event(.stored, pid: Event.supervisor, node: 0, version: version, time: encoder.lastTime)
      event.nameLength = UInt16(name.count)
      name.withUnsafeBufferPointer { encoder.encode(event, $0) }
      try output.take(&encoder.packets)
    }
    encoder.finish()
    try output.flush(&encoder.packets)
    if rename(new, path) < 0 { throw Errno(rawValue: errno) }
    // Until the status is there, the next repair begins where this one did.
    return count
  }

  /// The versions that the run had put aside and not yet put in their places: `archive/<version>`.
  private static func archivedVersions(_ trace: TraceDirectory) -> [(UInt32, [UInt8])] {
    let descriptor = open("\(trace.path)/archive", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0, let directory = fdopendir(descriptor) else { return [] }
    defer { closedir(directory) }
    var versions: [UInt32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let version = UInt32(name), version > 0 { versions.append(version) }
    }
    return versions.sorted().map { ($0, Array("archive/\($0)".utf8)) }
  }

  /// Makes `files.meta` anew of all events.
  private static func writeMeta(_ trace: TraceDirectory) throws(TraceError) {
    let path = "\(trace.path)/files.meta"
    let numbers = try TraceNumbers(trace)
    unlink(path)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw TraceError("cannot create \(path): \(Errno(rawValue: errno))") }
    defer { close(file) }
    do throws(Errno) {
      let meta = MetaWriter(file: FileDescriptor(rawValue: file), numbers: numbers)
      let reader = try EventReader(trace: trace.path, packetsOnly: true)
      var nodes = NodeTable()
      while let (event, name) = try reader.next() {
        if event.kind == EventKind.node.rawValue { _ = nodes.define(event, name) }
        try meta.add(event, nodes)
      }
      if reader.isDamaged { throw .invalidArgument }
      try meta.flush()
    } catch {
      throw TraceError("cannot write \(path): \(error)")
    }
  }
}

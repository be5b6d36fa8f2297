import Glibc
import Tracing

/// One of two runs that are compared: its history, and what its files held.
final class RunFiles {
  /// By process and descriptor.
  typealias Texts = [UInt32: [UInt32: [UInt8]]]

  let history: RunHistory
  private let trace: TraceDirectory
  /// Whether it was recorded to its end.
  let isComplete: Bool
  let places: VersionPlaces
  /// What has become of the files.
  let tree: LeftTree
  /// What the run has found where it has changed something.
  let bases: LowerBases
  /// By the place where it is kept.
  private var digests: [[UInt8]: [UInt8]?] = [:]
  /// What each process has written to descriptor 1 and to 2, as far as it was recorded; in how many pieces makes no difference.
  let texts: Texts
  private let temporary: TemporaryFiles
  /// What was asked for already.
  var made: [PathTable.ID: Bool] = [:]
  var counterparts: [PathTable.ID: PathTable.ID?] = [:]
  private var changeTimes: [PathTable.ID: Int64?] = [:]

  init(_ trace: TraceDirectory) throws(TraceError) {
    self.trace = trace
    history = try RunHistory(trace)
    // Of a run without any trace the parameters are told all the same.
    if history.eventCount == 0 || history.isDamaged && history.processes.isEmpty {
      throw TraceError("the file \(trace.path)/perfetto is damaged: it tells of no process")
    }
    places = VersionPlaces(trace, history)
    isComplete = trace.isComplete
    tree = LeftTree(trace, isComplete ? try? trace.layerIndex() : nil)
    bases = (try? trace.lowerBases()) ?? LowerBases()
    let isLeft = { [history, tree] (path: PathTable.ID) in tree.entries[history.paths.path(of: path)] != nil }
    temporary = TemporaryFiles(history, isLeft: isComplete ? isLeft : nil)
    texts = try Self.texts(trace)
  }

  /// What each process has written, where the numbers of those that have a name stand for it.
  func texts(naming names: [UInt32: UInt32]) throws(TraceError) -> Texts { try Self.texts(trace, names) }

  private static func texts(_ trace: TraceDirectory, _ names: [UInt32: UInt32] = [:]) throws(TraceError) -> Texts {
    struct Text: Hashable {
      var pid: UInt32
      var stream: UInt32
    }
    var running: [Text: OutputDigest] = [:]
    let events = try EventStream(trace)
    while let (event, bytes) = try events.next() {
      guard event.kind == EventKind.output.rawValue else { continue }
      let text = Text(pid: event.pid, stream: event.version)
      let digest = running[text] ?? OutputDigest(names)
      digest.add(UnsafeRawBufferPointer(bytes))
      running[text] = digest
    }
    return running.reduce(into: [:]) { $0[$1.key.pid, default: [:]][$1.key.stream] = $1.value.finish() }
  }

  /// Whether the run has made a file there that was gone at its end: mostly one with a random name.
  func isTemporary(_ path: PathTable.ID) -> Bool { temporary.contains(path) }

  /// The programs and arguments of a process.
  func command(_ pid: UInt32) -> [UInt8] { history[pid].map { temporary.command($0) } ?? [] }

  /// The number of a process, and its programs and arguments.
  func numberedCommand(_ pid: UInt32) -> [UInt8] { Array("\(history.number(of: pid))\0".utf8) + command(pid) }

  /// The run and what it repeats, and what that repeats.
  private(set) lazy var replayed: [String] = {
    var traces = [trace]
    while traces.count < 100, let next = try? TraceDirectory(traces.last!.path + "/replay"),
      !traces.contains(where: { $0.path == next.path })
    {
      traces.append(next)
    }
    return traces.map(\.path)
  }()

  /// The programs and arguments of a process, and the names of the files that it wrote.
  func deeds(_ pid: UInt32) -> [UInt8] {
    let names = written(pid).files.keys.sorted { $0.lexicographicallyPrecedes($1) }
    return names.reduce(into: command(pid)) { $0 += $1 + [0] }
  }

  /// The last contents that a process wrote, by path; and those of its temporary files.
  func written(_ pid: UInt32) -> (files: [[UInt8]: (version: UInt32, path: PathTable.ID)], temporary: [[UInt8]]) {
    var files: [[UInt8]: (version: UInt32, path: PathTable.ID)] = [:]
    var temporary: [[UInt8]] = []
    for access in history.accesses(by: pid) {
      if access.kind == .symbolicLink, link(at: access.path) != nil {
        files[history.paths.path(of: access.path)] = (0, access.path)
      }
      guard access.version != 0, [.create, .write, .truncate].contains(access.kind),
        history.origin(ofVersion: access.version)?.writer == pid
      else { continue }
      if isTemporary(access.path) {
        digest(ofVersion: access.version, at: access.path).map { temporary.append($0) }
      } else {
        files[history.paths.path(of: access.path)] = (access.version, access.path)
      }
    }
    return (files, temporary)
  }

  /// The programs of a process.
  func executables(_ pid: UInt32) -> [UInt8] {
    guard let programs = history[pid]?.programs else { return [] }
    return programs.reduce(into: []) { $0 += history.paths.path(of: $1.executable) + [0] }
  }

  /// Where a symbolic link is kept that the run has left, with its zero.
  private func link(at path: PathTable.ID) -> [UInt8]? {
    guard let entry = tree.entries[history.paths.path(of: path)], entry.kind == .link else { return nil }
    return entry.place
  }

  /// Tells two contents apart; nil if a version is not kept. Version 0 is that of a symbolic link that the run has left.
  func digest(ofVersion version: UInt32, at path: PathTable.ID) -> [UInt8]? {
    if version == 0 { return link(at: path).flatMap { digest(at: $0) } }
    return places.place(ofVersion: version, at: path).flatMap { digest(at: file($0)) }
  }

  /// - Parameter place: of the host, with its zero.
  func digest(at place: [UInt8]) -> [UInt8]? {
    if let known = digests[place] { return known }
    let digest = Self.digest(of: place)
    digests[place] = .some(digest)
    return digest
  }

  /// Tells two contents apart that were there before a run; nil if they are not there any more.
  func sourceDigest(of path: PathTable.ID) -> [UInt8]? { file(ofVersion: 0, at: path).flatMap { digest(at: $0) } }

  /// Whether a version is kept here and another there, and their contents differ.
  func differs(
    _ version: (version: UInt32, path: PathTable.ID), from other: (version: UInt32, path: PathTable.ID),
    of run: RunFiles
  ) -> Bool {
    guard let contents = digest(ofVersion: version.version, at: version.path),
      let others = run.digest(ofVersion: other.version, at: other.path)
    else { return false }
    return contents != others
  }

  /// The host's file that holds a version, with its zero.
  func file(ofVersion version: UInt32, at path: PathTable.ID) -> [UInt8]? {
    places.place(ofVersion: version, at: path).map(file)
  }

  private func file(_ place: [UInt8]) -> [UInt8] {
    (place.first == UInt8(ascii: "/") ? [] : Array(trace.path.utf8) + [UInt8(ascii: "/")]) + place + [0]
  }

  /// Of a link its target, of a regular file its contents. A trace may hold anything: nothing that waits is opened.
  private static func digest(of file: [UInt8]) -> [UInt8]? {
    (try? LongPath.with(file) { digest(of: $1, in: $0) }) ?? nil
  }

  private static func digest(of name: UnsafePointer<CChar>, in directory: Int32) -> [UInt8]? {
    var status = stat()
    guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    var digest = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    switch status.st_mode & S_IFMT {
    case S_IFLNK:
      let count = buffer.withUnsafeMutableBytes {
        readlinkat(directory, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      guard count >= 0 else { return nil }
      digest.add(Array("link".utf8) + buffer[..<count])
    case S_IFREG:
      let descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 { return nil }
        if count == 0 { break }
        buffer.withUnsafeBytes { digest.add(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      }
    default: return nil
    }
    return digest.finish()
  }
}

extension RunFiles {
  /// Options that say where a run is kept, or what is told elsewhere.
  private static let irrelevantOptions: Set = ["build", "step", "attempt", "tmp", "trace", "env", "calls"]

  /// What two runs were given differently, as far as their traces tell.
  static func differentSettings(_ first: RunFiles, _ second: RunFiles) -> [TraceComparison.Setting] {
    let (ours, theirs) = (first.settings(), second.settings())
    return ours.compactMap { name, value in
      guard !irrelevantOptions.contains(name), let other = theirs.first(where: { $0.name == name }),
        other.value != value
      else { return nil }
      return TraceComparison.Setting(name: name, first: value, second: other.value)
    }
  }

  var options: [String: [UInt8]] { trace.options }

  private func settings() -> [(name: String, value: [UInt8])] {
    let options = ((try? trace.fields(of: "options")) ?? []).filter { $0.count == 2 }
    var settings: [(name: String, value: [UInt8])] = []
    for option in options {
      let name = String(decoding: option[0], as: UTF8.self)
      // One that is given several times is one list.
      if let index = settings.firstIndex(where: { $0.name == name }), !Self.irrelevantOptions.contains(name) {
        settings[index].value += Array(", ".utf8) + option[1]
      } else {
        settings.append((name, option[1]))
      }
    }
    // Numbers of the kernel's follow no seed.
    if settings.contains(where: { $0.name == "random" && $0.value == Array("seed".utf8) }),
      let seed = try? trace.fields(of: "seed.txt").first?.first
    {
      settings.append((name: "seed", value: seed))
    }
    return settings
  }

  /// When something happened, in nanoseconds since 1970; nil where the trace does not tell.
  func wallTime(_ time: UInt64) -> Int64? {
    history.wallClock.map { Int64(bitPattern: $0) &+ history.elapsed(time) }
  }

  /// When the host's file that stood below a path was changed last, as far as it still is there.
  func changeTime(of path: PathTable.ID) -> Int64? {
    if let known = changeTimes[path] { return known }
    var time: Int64?
    if let file = file(ofVersion: 0, at: path) {
      time = LongPath.status(file).map { LeftEntry.nanoseconds($0.st_ctim) }
    }
    changeTimes[path] = .some(time)
    return time
  }
}

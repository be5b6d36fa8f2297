import Tracing

/// Why a run has not skipped what it could have: processes that ran, by their causes.
public struct SkipMisses: Sendable {
  /// Something that is other than in the nearest record of the processes that asked for it.
  public struct Cause: Sendable {
    /// Of the first of them.
    public var difference: UnskippedProcess
    /// What is other, as a sentence about the path.
    public var change: String
    /// Who of this run has made it so: nil if nobody has, or it is not known.
    public var writer: UInt32?
    /// The run has not touched what it is about.
    public var isOfSource: Bool
    /// Who asked for it and ran.
    public var processes: [UInt32] = []
    /// Who asked for what these, or others of this list, have made anew.
    public var followers: [UInt32] = []

    public var count: Int { processes.count + followers.count }
  }

  /// Processes that will run the next time as well, for one reason.
  public struct Obstacle: Sendable {
    /// `FILE` stands for the path.
    public var reason: String
    public var processes: [UInt32] = []
  }

  /// Processes of one program of which there is no record.
  public struct Unknown: Sendable {
    public var program: [UInt8]
    public var processes: [UInt32] = []
  }

  /// Those that count most first.
  public private(set) var causes: [Cause] = []
  public private(set) var obstacles: [Obstacle] = []
  public private(set) var unknown: [Unknown] = []

  private struct Key: Hashable {
    let path: [UInt8]
    let change: String
    let now: [UInt8]
  }

  /// - Parameter history: one that keeps accesses.
  public init(_ history: RunHistory) {
    var places: [Key: Int] = [:]
    // The cause of each process that ran and of what it started.
    var causeOfProcess: [UInt32: Int] = [:]
    var (obstaclePlaces, unknownPlaces): ([String: Int], [[UInt8]: Int]) = ([:], [:])
    let found = history.processesInOrder.compactMap { process in
      history.skipping(of: process.pid).map { (process, $0) }
    }
    for (process, skipping) in found.sorted(by: { $0.1.time < $1.1.time }) {
      if let unrecorded = skipping.unrecorded {
        let place = obstaclePlaces[unrecorded.reason] ?? obstacles.count
        if place == obstacles.count { obstacles.append(Obstacle(reason: unrecorded.reason)) }
        obstaclePlaces[unrecorded.reason] = place
        obstacles[place].processes.append(process.pid)
      }
      guard let unskipped = skipping.unskipped else { continue }
      guard unskipped.hasRecord else {
        // What cannot be recorded has a reason of its own.
        if skipping.unrecorded != nil { continue }
        let program = Self.program(of: process, history)
        let place = unknownPlaces[program] ?? unknown.count
        if place == unknown.count { unknown.append(Unknown(program: program)) }
        unknownPlaces[program] = place
        unknown[place].processes.append(process.pid)
        continue
      }
      let writer = Self.writer(skipping, unskipped, history)
      // Who made it has run for a cause itself: one that is older, as its time is.
      if let writer, let cause = Self.cause(of: writer, causeOfProcess, history) {
        causes[cause].followers.append(process.pid)
        causeOfProcess[process.pid] = cause
        continue
      }
      let change = unskipped.change
      let key = Key(path: unskipped.path, change: change, now: unskipped.now)
      let place = places[key] ?? causes.count
      if place == causes.count {
        causes.append(
          Cause(
            difference: unskipped, change: change, writer: writer,
            isOfSource: writer == nil && skipping.version == 0 && unskipped.isOfFile))
      }
      places[key] = place
      causes[place].processes.append(process.pid)
      causeOfProcess[process.pid] = place
    }
    causes = Self.sorted(causes) { $0.count }
    obstacles = Self.sorted(obstacles) { $0.processes.count }
    unknown = Self.sorted(unknown) { $0.processes.count }
  }

  private static func sorted<Group>(_ groups: [Group], _ count: (Group) -> Int) -> [Group] {
    groups.enumerated().sorted { (-count($0.element), $0.offset) < (-count($1.element), $1.offset) }.map(\.element)
  }

  private static func program(of process: RunProcess, _ history: RunHistory) -> [UInt8] {
    let called = process.program?.arguments.first ?? []
    let path = called.isEmpty ? history.paths.path(of: process.program?.executable ?? .none) : called
    return path.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? Array("?".utf8)
  }

  /// Who has made what a process found there, or has removed it.
  private static func writer(
    _ skipping: ProcessSkipping, _ unskipped: UnskippedProcess, _ history: RunHistory
  ) -> UInt32? {
    if skipping.version != 0 { return history.origin(ofVersion: skipping.version)?.writer }
    guard unskipped.now.elementsEqual("missing".utf8), let path = history.paths.id(of: unskipped.path) else {
      return nil
    }
    return history.accesses(of: path).last {
      $0.time <= skipping.time && [.delete, .renameFrom, .removeDirectory].contains($0.kind)
    }?.pid
  }

  /// The cause for which a process ran, or the one that started it.
  private static func cause(of pid: UInt32, _ causes: [UInt32: Int], _ history: RunHistory) -> Int? {
    causes[pid] ?? history.ancestors(of: pid).lazy.compactMap { causes[$0] }.first
  }
}

extension UnskippedProcess {
  /// What is other, as precisely as the two answers tell.
  public var change: String {
    guard let (before, after) = statuses else { return reason }
    if before.mode & 0o170000 != after.mode & 0o170000 { return "is another kind of file" }
    if before.mode != after.mode { return "has another mode" }
    if before.owner != after.owner { return "has another owner" }
    return question == .contents || before.size != after.size ? "has other contents" : reason
  }

  /// `12 bytes, 3f2a01c4; now 14 bytes, 77ac90d2`; empty if there is nothing to say.
  public var detail: [UInt8] {
    guard !was.isEmpty else { return [] }
    guard let (before, after) = statuses else { return Self.short(was) + Array("; now ".utf8) + Self.short(now) }
    var (old, new): ([String], [String]) = ([], [])
    func add(_ text: String, _ other: String) {
      old.append(text)
      new.append(other)
    }
    if before.mode != after.mode {
      add("mode \(String(before.mode & 0o7777, radix: 8))", "mode \(String(after.mode & 0o7777, radix: 8))")
    }
    if before.owner != after.owner { add("owner \(before.owner)", "owner \(after.owner)") }
    if before.size != after.size { add("\(before.size) bytes", "\(after.size) bytes") }
    if let digest = before.digest, let other = after.digest, digest != other { add("\(digest)", "\(other)") }
    return Array("\(old.joined(separator: ", ")); now \(new.joined(separator: ", "))".utf8)
  }

  private struct Status {
    let mode: UInt32
    let owner: String
    let size: Substring
    /// The beginning of it.
    let digest: Substring?

    init?(_ text: [UInt8]) {
      let words = String(decoding: text, as: UTF8.self).split(separator: " ")
      guard words.count >= 5, words[0] == "file", let mode = UInt32(words[1], radix: 8) else { return nil }
      (self.mode, owner, size, digest) = (
        mode, "\(words[2]):\(words[3])", words[4], words.dropFirst(5).first?.prefix(12)
      )
    }
  }

  private var statuses: (Status, Status)? {
    guard let before = Status(was), let after = Status(now) else { return nil }
    return (before, after)
  }

  /// The time of whose last change is known, if the run has changed it.
  var isOfFile: Bool { statuses.map { $0.1.mode & 0o170000 == 0o100000 } ?? now.starts(with: "link ".utf8) }

  /// An answer with the beginning of its digest.
  private static func short(_ answer: [UInt8]) -> [UInt8] {
    if let status = Status(answer) {
      let kind = status.mode & 0o170000
      if kind != 0o100000 { return Array((kind == 0o040000 ? "a directory" : "no plain file").utf8) }
      return Array("\(status.size) bytes\(status.digest.map { ", \($0)" } ?? "")".utf8)
    }
    return Escaping.escape(answer.starts(with: "names ".utf8) ? Array(answer.prefix(18)) : answer)
  }
}

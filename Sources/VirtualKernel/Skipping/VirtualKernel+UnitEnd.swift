import Glibc
import Skipping
import SystemPackage
import Tracing

// What a unit has asked and made is kept when its first process ends: before anybody can know that, and change what it made.
extension VirtualKernel {
  /// The caller is about to end.
  /// - Returns: work that must be waited for.
  func endUnit(_ call: Call) -> (any BlockingWork)? {
    let group = call.thread.group
    guard let innermost = group.unit, let skipper else { return nil }
    if group.threads.contains(where: { information.isThread($0, of: group.id) && !information.children(of: $0).isEmpty }
    ) {
      for unit in innermost.chain where unit.isRunning { unit.cannotBeRecorded("it leaves processes behind") }
    }
    // One process can be the first of several units: each is another program that it has been.
    for unit in innermost.chain where unit.root == group.number && unit.isRunning {
      if unit.living > 1 { unit.cannotBeRecorded("it ends before processes that it has started") }
      let recording = unit.obstacle == nil ? prepareRecord(call, unit, skipper) : nil
      unit.phase = .recorded
      guard let recording, unit.obstacle == nil else {
        tellObstacle(unit)
        continue
      }
      return recording
    }
    if group.end == nil { for unit in innermost.chain where unit.root != group.number { unit.living -= 1 } }
    return nil
  }

  fileprivate func tellObstacle(_ unit: Unit) {
    (unit.obstacle ?? "it could not be kept").bytes.withUnsafeBytes {
      recorder?.append(Event(.unrecorded, pid: unit.root, node: 0, version: 0), $0)
    }
  }

  private func prepareRecord(_ call: Call, _ unit: Unit, _ skipper: Skipper) -> UnitRecording? {
    if unit.saysToTerminal, unit.asksForWidth {
      unit.cannotBeRecorded("it writes to a terminal whose width it has asked for")
      return nil
    }
    let recording = UnitRecording(unit, skipper, self)
    let changes = unit.changes
    let isLeft = PathSet(changes.map(\.path))
    for question in unit.asked {
      let path = question.id.path
      // What it has made there and removed again is nobody's matter, if nothing stood there that it would have removed, too. In /tmp it has a
      // name of the moment.
      let isGone = unit.changed.contains(path) && !isLeft.contains(path)
      if isGone, question.id.kind != .missing || path.starts(with: "/tmp/".utf8) { continue }
      // What stands there is replaced whatever it is.
      if unit.traits.makesAnew, isLeft.contains(path), question.id.kind == .missing || question.id.kind == .status {
        continue
      }
      let modified = mattersWhen(path, unit) ? question.modified : nil
      if let answer = question.answer {
        recording.questions.append(.known(SkipRecord.Question(path: path, answer: answer, modified: modified)))
        continue
      }
      guard let status = question.status, let found = (try? files.find(path, call)).flatMap({ $0 }),
        found != .none, files.nodes[found].pointee.inode == question.inode,
        files.nodes.inode(of: found).pointee.version == question.version, files.skipStatus(of: found) == status
      else {
        unit.cannotBeRecorded("\(unit.text(path)) was changed by others meanwhile")
        return nil
      }
      switch unit.contents(of: found, before: unit.startTime) {
      case .known(let digest):
        recording.questions.append(.contents(path, status, modified, digest))
      case .unread(let file): recording.questions.append(.unread(path, status, modified, file))
      case .unsettled:
        unit.cannotBeRecorded("\(unit.text(path)) was written by others meanwhile")
        return nil
      }
    }
    guard prepareOutputs(changes, call, unit, recording) else { return nil }
    recording.timing = unit.timing
    recording.clock = unit.asksForTime ? unit.startClock : nil
    recording.status = UInt8(truncatingIfNeeded: call.arguments.0)
    recording.duration = call.notification.time &- unit.began
    return recording
  }

  private func mattersWhen(_ path: [UInt8], _ unit: Unit) -> Bool {
    switch unit.timing {
    case .none: false
    // A directory is newer once something was made in it, which who lists it knows.
    case .order: unit.known[Unit.QuestionID(kind: .names, path: path)] == nil
    case .exact: true
    }
  }

  /// - Returns: whether what it leaves behind can be told.
  private func prepareOutputs(
    _ changes: [(path: [UInt8], status: SkipRecord.Status?)], _ call: Call, _ unit: Unit, _ recording: UnitRecording
  ) -> Bool {
    var removed: [UnitRecording.Output] = []
    var directories: [UnitRecording.Output] = []
    var made: [(time: Int64, output: UnitRecording.Output)] = []
    var names: [UnitRecording.Output] = []
    var first: [InodeID: (path: [UInt8], names: UInt32)] = [:]
    func fail(_ path: [UInt8], _ reason: String) -> Bool {
      for (_, output) in made { if case .file(let file, _, _) = output.after { host.close(file) } }
      unit.cannotBeRecorded("\(unit.text(path)) \(reason)")
      return false
    }
    for (path, status) in changes {
      guard let found = (try? files.find(path, call)).flatMap({ $0 }) else { return fail(path, "cannot be reached") }
      guard found != .none else {
        if unit.own.contains(path) { return fail(path, "is gone") }
        removed.append(UnitRecording.Output(path: path, before: status, after: nil))
        continue
      }
      let id = files.nodes[found].pointee.inode
      let inode = files.nodes[id]
      let time = files.modificationTime(of: found) ?? 0
      // It will belong to who skips it.
      let (user, group) = (call.credentials.pointee.user.fileSystem, call.credentials.pointee.group.fileSystem)
      let inherits = files.nodes.inode(of: files.nodes[found].pointee.parent).pointee.permissions & 0o2000 != 0
      if unit.own.contains(path), inode.pointee.uid != user || inode.pointee.gid != group && !inherits {
        return fail(path, "belongs to another user")
      }
      switch inode.pointee.kind {
      case .directory:
        directories.append(
          UnitRecording.Output(path: path, before: status, after: .directory(UInt32(inode.pointee.permissions))))
      case _ where !unit.own.contains(path): return fail(path, "was made by others")
      case .regular where first[id] != nil:
        first[id]?.names += 1
        names.append(UnitRecording.Output(path: path, before: status, after: .name(first[id]?.path ?? [])))
      case .regular:
        guard inode.pointee.backing.isUpper, let file = try? files.openHost(found, flags: O_RDONLY | O_CLOEXEC) else {
          return fail(path, "is no plain file")
        }
        first[id] = (path, 1)
        let after = UnitRecording.Standing.file(
          file, mode: UInt32(inode.pointee.permissions), modified: unit.dated.contains(path) ? time : nil)
        made.append((time, UnitRecording.Output(path: path, before: status, after: after)))
      case .symbolicLink:
        let target = Array(files.nodes.linkTarget(of: inode))
        made.append((time, UnitRecording.Output(path: path, before: status, after: .link(target))))
      default: return fail(path, "is neither file, link nor directory")
      }
    }
    for (id, known) in first where files.nodes[id].pointee.links != known.names {
      return fail(known.path, "has a name that it has not made")
    }
    // In an order in which they can be made, and in which what was newer becomes newer.
    recording.outputs =
      removed + directories.sorted { $0.path.lexicographicallyPrecedes($1.path) }
      + made.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element.output)
      + names
    return true
  }
}

/// Reads what a unit has read, keeps what it has made, and then the record of both.
final class UnitRecording: BlockingWork, @unchecked Sendable {
  enum Question {
    case known(SkipRecord.Question)
    /// Of a path; when it was modified, if that matters.
    case contents([UInt8], SkipRecord.Status, Int64?, ContentDigest)
    case unread([UInt8], SkipRecord.Status, Int64?, ContentSearch.File)
  }

  enum Standing {
    /// - Parameter modified: the time that it was given.
    case file(FileDescriptor, mode: UInt32, modified: Int64?)
    case link([UInt8])
    case directory(UInt32)
    case name([UInt8])
  }

  struct Output {
    let path: [UInt8]
    let before: SkipRecord.Status?
    let after: Standing?
  }

  var questions: [Question] = []
  var outputs: [Output] = []
  var timing = SkipRecord.Timing.none
  var clock: UInt64?
  var status: UInt8 = 0
  var duration: UInt64 = 0
  private let unit: Unit
  private let key: [UInt8]
  private let start: RecordKey
  private let started: StartedCommand?
  /// As the unit has it.
  private let sharedKey: [UInt8]?
  private let place: SkipRecord.Place?
  private let said: [SkipRecord.Piece]
  private let skipper: Skipper
  private unowned let kernel: VirtualKernel
  private let host: any HostFiles
  private var found: [(ContentSearch.File, ContentDigest)] = []
  private var isKept = false
  private var obstacle: UnrecordedProcess?

  init(_ unit: Unit, _ skipper: Skipper, _ kernel: VirtualKernel) {
    self.unit = unit
    self.skipper = skipper
    self.kernel = kernel
    host = kernel.host
    key = unit.key
    (start, started) = (unit.start, unit.started)
    (sharedKey, place) = (unit.sharedKey, unit.place)
    said = unit.said
  }

  deinit { close() }

  /// Nobody is to be told that it is open.
  private func close() {
    for case .unread(_, _, _, let file) in questions { host.close(file.file) }
    for output in outputs { if case .file(let file, _, _) = output.after { host.close(file) } }
    (questions, outputs) = ([], [])
  }

  func perform() throws(Errno) {
    defer { close() }
    // Whatever fails, the process has run: it is not recorded, and nothing else comes of it.
    do throws(Errno) { isKept = try record() } catch { obstacle = "the cache cannot keep it: \(error)" }
  }

  private func record() throws(Errno) -> Bool {
    let store = skipper.store
    var record = SkipRecord(
      origin: skipper.configuration.origin, process: unit.root, duration: duration, timing: timing, clock: clock,
      questions: [], outputs: [], said: said, status: status)
    for question in questions {
      let (path, status, modified, digest): ([UInt8], SkipRecord.Status, Int64?, ContentDigest)
      switch question {
      case .known(let question):
        record.questions.append(question)
        continue
      case .contents(let known, let its, let time, let contents):
        (path, status, modified, digest) = (known, its, time, contents)
      case .unread(let known, let its, let time, let file):
        (path, status, modified, digest) = (known, its, time, try store.digest(of: file.file))
        found.append((file, digest))
      }
      if digest.asksForTime {
        obstacle = "\(unit.text(path)) asks for the time of the day"
        return false
      }
      record.questions.append(
        SkipRecord.Question(path: path, answer: .contents(status, digest: digest.bytes), modified: modified))
    }
    for output in outputs {
      var after: SkipRecord.Standing?
      switch output.after {
      case .file(let file, let mode, let modified):
        let digest = try store.keep(file)
        if try FileBytes(file, host).keepTimes() {
          obstacle = "\(unit.text(output.path)) keeps the times of its members"
          return false
        }
        after = .file(
          SkipRecord.File(
            mode: mode, size: Int64(try host.status(of: file).st_size), digest: digest.bytes, modified: modified))
      case .link(let target): after = .link(target: target)
      case .directory(let mode): after = .directory(mode: mode)
      case .name(let path): after = .name(of: path)
      case nil: break
      }
      record.outputs.append(SkipRecord.Output(path: output.path, before: output.before, after: after))
    }
    if let sharedKey, let place, try !namesPlace(record, place) {
      try store.add(record.taken(from: place), of: sharedKey, near: unit.hint, started: started)
    } else {
      try store.add(record, of: key, near: unit.hint, started: started)
    }
    store.note(StepNote(record, start), of: start.step)
    return true
  }

  /// Whether the project's directory stands in what was made or said.
  private func namesPlace(_ record: SkipRecord, _ place: SkipRecord.Place) throws(Errno) -> Bool {
    if record.said.contains(where: { $0.bytes.contains(text: place.root) }) { return true }
    for output in outputs {
      switch output.after {
      case .file(let file, _, _): if try FileBytes(file, host).contain(place.root) { return true }
      case .link(let target): if target.contains(text: place.root) { return true }
      default: break
      }
    }
    return false
  }

  func publish(failed: Bool) throws(Errno) {
    for (file, digest) in found {
      skipper.store.remember(digest, of: file.identity)
      if let lower = file.lower { skipper.lowerDigests[lower] = digest }
    }
    if isKept { return }
    unit.cannotBeRecorded(obstacle ?? "it could not be kept")
    kernel.tellObstacle(unit)
  }
}

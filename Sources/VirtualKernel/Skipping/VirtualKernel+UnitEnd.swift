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
    guard let unit = group.unit, let skipper, unit.isRunning else { return nil }
    if group.threads.contains(where: { information.isThread($0, of: group.id) && !information.children(of: $0).isEmpty }
    ) {
      unit.cannotBeRecorded("it leaves processes behind")
    }
    guard group.number == unit.root else {
      if group.end == nil { unit.living -= 1 }
      return nil
    }
    if unit.living > 1 { unit.cannotBeRecorded("it ends before processes that it has started") }
    let recording = unit.obstacle == nil ? prepareRecord(call, unit, skipper) : nil
    unit.phase = .recorded
    guard let recording, unit.obstacle == nil else {
      tellObstacle(unit)
      return nil
    }
    return recording
  }

  fileprivate func tellObstacle(_ unit: Unit) {
    Array((unit.obstacle ?? "it could not be kept").utf8).withUnsafeBytes {
      recorder?.append(Event(.unrecorded, pid: unit.root, node: 0, version: 0), $0)
    }
  }

  private func prepareRecord(_ call: Call, _ unit: Unit, _ skipper: Skipper) -> UnitRecording? {
    let recording = UnitRecording(unit, skipper, self)
    let dropped = droppedPaths(unit)
    for question in unit.asked where !dropped.contains(question.id.path) {
      if let answer = question.answer {
        recording.questions.append(.known(SkipRecord.Question(path: question.id.path, answer: answer)))
        continue
      }
      guard let status = question.status, let found = (try? files.find(question.id.path, call)).flatMap({ $0 }),
        found != .none, files.nodes[found].pointee.inode == question.inode,
        files.nodes.inode(of: found).pointee.version == question.version, files.skipStatus(of: found) == status
      else {
        unit.cannotBeRecorded("\(unit.text(question.id.path)) was changed by others meanwhile")
        return nil
      }
      switch contents(of: found, files.nodes.inode(of: found), unit, skipper, before: unit.startTime) {
      case .known(let digest):
        recording.questions.append(.contents(question.id.path, status, digest))
      case .unread(let file): recording.questions.append(.unread(question.id.path, status, file))
      case .unsettled:
        unit.cannotBeRecorded("\(unit.text(question.id.path)) was written by others meanwhile")
        return nil
      }
    }
    for (path, status) in unit.before where !dropped.contains(path) {
      guard unit.own.contains(path) else {
        recording.outputs.append((path, status, nil))
        continue
      }
      guard let found = (try? files.find(path, call)).flatMap({ $0 }), found != .none else {
        unit.cannotBeRecorded("\(unit.text(path)) is gone")
        return nil
      }
      let inode = files.nodes.inode(of: found)
      guard inode.pointee.kind == .regular, inode.pointee.backing.isUpper, inode.pointee.links == 1,
        let file = try? files.openHost(found, flags: O_RDONLY | O_CLOEXEC)
      else {
        unit.cannotBeRecorded("\(unit.text(path)) is no plain file of one name")
        return nil
      }
      recording.outputs.append((path, status, (file, UInt32(inode.pointee.permissions))))
    }
    recording.status = UInt8(truncatingIfNeeded: call.arguments.0)
    recording.duration = call.notification.time &- unit.began
    return recording
  }

  /// What was made and removed again: its names are random, and nobody else has seen it.
  private func droppedPaths(_ unit: Unit) -> Set<[UInt8]> {
    Set(unit.before.filter { $0.status == nil && !unit.own.contains($0.path) }.map(\.path))
  }
}

/// Reads what a unit has read, keeps what it has made, and then the record of both.
final class UnitRecording: BlockingWork, @unchecked Sendable {
  enum Question {
    case known(SkipRecord.Question)
    case contents([UInt8], SkipRecord.Status, ContentDigest)
    case unread([UInt8], SkipRecord.Status, ContentSearch.File)
  }

  var questions: [Question] = []
  var outputs: [(path: [UInt8], before: SkipRecord.Status?, file: (file: FileDescriptor, mode: UInt32)?)] = []
  var status: UInt8 = 0
  var duration: UInt64 = 0
  private let unit: Unit
  private let key: [UInt8]
  private let started: StartedCommand?
  private let said: [SkipRecord.Piece]
  private let skipper: Skipper
  private unowned let kernel: VirtualKernel
  private let host: any HostFiles
  private var found: [(ContentSearch.File, ContentDigest)] = []
  private var isKept = false
  private var obstacle: String?

  init(_ unit: Unit, _ skipper: Skipper, _ kernel: VirtualKernel) {
    self.unit = unit
    self.skipper = skipper
    self.kernel = kernel
    host = kernel.host
    key = unit.key
    started = unit.started
    said = unit.said
  }

  deinit {
    for case .unread(_, _, let file) in questions { host.close(file.file) }
    for output in outputs { output.file.map { host.close($0.file) } }
  }

  func perform() throws(Errno) {
    // Whatever fails, the process has run: it is not recorded, and nothing else comes of it.
    do throws(Errno) { isKept = try record() } catch { obstacle = "the cache cannot keep it: \(error)" }
  }

  private func record() throws(Errno) -> Bool {
    let store = skipper.store
    var record = SkipRecord(
      origin: skipper.configuration.origin, process: unit.root, duration: duration, questions: [], outputs: [],
      said: said, status: status)
    for question in questions {
      let (path, status, digest): ([UInt8], SkipRecord.Status, ContentDigest)
      switch question {
      case .known(let question):
        record.questions.append(question)
        continue
      case .contents(let known, let its, let contents): (path, status, digest) = (known, its, contents)
      case .unread(let known, let its, let file):
        (path, status, digest) = (known, its, try store.digest(of: file.file))
        found.append((file, digest))
      }
      if digest.asksForTime {
        obstacle = "\(unit.text(path)) asks for the time of the day"
        return false
      }
      record.questions.append(
        SkipRecord.Question(path: path, answer: .contents(status, digest: digest.bytes)))
    }
    for output in outputs {
      var after: SkipRecord.File?
      if let (file, mode) = output.file {
        let digest = try store.keep(file)
        after = SkipRecord.File(mode: mode, size: Int64(try host.status(of: file).st_size), digest: digest.bytes)
      }
      record.outputs.append(SkipRecord.Output(path: output.path, before: output.before, after: after))
    }
    try store.add(record, of: key, started: started)
    return true
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

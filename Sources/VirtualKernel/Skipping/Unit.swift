import CLinux
import Glibc
import Skipping
import SystemPackage
import Tracing

/// A process that may be skipped, and all that it starts: what they ask and change together, seen from outside.
///
/// What is made and removed again within is nobody's matter. What cannot be told by questions and answers about files is an obstacle: then the
/// unit runs and is not recorded.
final class Unit {
  enum Phase {
    /// The program has made no call yet: it can still be skipped.
    case begun
    /// The records that come into question.
    case loaded([SkipRecord])
    /// This one has matched, and its contents are being fetched.
    case matched(SkipMatch)
    /// What it changes was changed.
    case placed(SkipMatch)
    /// The process is made to end.
    case skipped
    case running
    /// What it did is kept.
    case recorded
  }

  /// What was asked of a path.
  enum Kind: UInt8 { case contents, status, missing, link, names }

  struct QuestionID: Hashable {
    let kind: Kind
    let path: [UInt8]
  }

  /// A question that was asked, and the answer as far as it was known then.
  struct Asked {
    let id: QuestionID
    let answer: SkipRecord.Answer?
    /// Of contents: the file, and its version.
    var inode = InodeID.none
    var version: UInt32 = 0
    var status: SkipRecord.Status?
  }

  /// The number of the first process.
  let root: UInt32
  unowned let files: FileTree
  let began: UInt64
  /// By the clock of file systems.
  let startTime: timespec
  var phase = Phase.begun
  /// Of what was started: who has another one is asked other things.
  var key: [UInt8] = []
  /// How it was started, where the store asks for that.
  var started: StartedCommand?
  /// What it says goes there: the files behind its descriptors 1 and 2.
  var outlets: [Int32: HostIdentity] = [:]
  /// Why it cannot be recorded.
  private(set) var obstacle: String?
  private(set) var asked: [Asked] = []
  private var known: [QuestionID: Int] = [:]
  /// What stood at the paths that it has changed, in the order in which it did; nil for nothing.
  private(set) var before: [(path: [UInt8], status: SkipRecord.Status?)] = []
  private var changed: Set<[UInt8]> = []
  /// Of these, where a file of its own stands now.
  private(set) var own: Set<[UInt8]> = []
  private var renaming: [UInt8]?
  private(set) var said: [SkipRecord.Piece] = []
  private var saidBytes = 0
  /// Its standard input is empty, and part of the key.
  var hasKnownInput = false
  /// Processes of it that have not said that they end.
  var living = 1
  /// Of files of the run's own, which may be others a moment later.
  var digests: [ContentIdentity: ContentDigest] = [:]
  /// Whether what was to be known of contents is known, as far as it can be.
  var hasSearched = false
  /// Whether the records were asked for that take longer to come by.
  var hasLookedFurther = false
  /// Whether what a skipped process would have said was said.
  var hasSaid = false

  private static let mostQuestions = 200_000
  private static let mostSaid = 64 << 10

  init(_ root: ThreadGroup, _ files: FileTree, began: UInt64) {
    self.root = root.number
    self.files = files
    self.began = began
    startTime = files.host.now()
  }

  func cannotBeRecorded(_ reason: @autoclosure () -> String) {
    guard obstacle == nil else { return }
    obstacle = reason()
    (asked, known, before, changed, own, said) = ([], [:], [], [], [], [])
  }

  /// A process of it reads from descriptor 0.
  func didReadStandardInput() {
    if !hasKnownInput { cannotBeRecorded("it reads its standard input") }
  }

  /// A process of it makes a call that the kernel runs.
  func didActUnseen() {
    guard case .begun = phase else { return }
    phase = .running
    cannotBeRecorded("it acted before it could be looked up")
  }

  var isRunning: Bool { if case .running = phase { true } else { false } }
  private var isListening: Bool {
    guard obstacle == nil else { return false }
    switch phase {
    case .begun, .running: return true
    default: return false
    }
  }
}

// What is asked.
extension Unit {
  /// A process of the unit has used, or changed, what stands at a name.
  func note(_ kind: EventKind, _ dentry: DentryID) {
    guard isListening, dentry != .none, files.nodes[dentry].pointee.inode != .none else { return }
    let record = files.nodes.inode(of: dentry)
    switch record.pointee.fileSystem {
    case FileSystemID.root, FileSystemID.tmp, FileSystemID.shm: break
    // What processes and devices tell is no file's contents.
    default: return
    }
    guard let path = try? files.nodes.guestPath(of: dentry) else { return cannotBeRecorded("a path is too long") }
    if files.nodes[dentry].pointee.flags.contains(.unlinked), kind != .delete {
      return cannotBeRecorded("it used \(text(path)) without its name")
    }
    switch kind {
    case .read, .exec: noteContents(path, dentry, record)
    case .stat: noteStatus(path, dentry)
    case .readLink:
      let target = Array(files.nodes.linkTarget(of: record))
      add(Asked(id: QuestionID(kind: .link, path: path), answer: .link(target: target)))
    case .list: noteNames(path, dentry)
    default: noteChange(kind, path, dentry, record)
    }
  }

  /// A name was looked for that is not there.
  func noteMissing(_ name: UnsafeBufferPointer<UInt8>, in directory: DentryID) {
    guard isListening else { return }
    switch files.nodes.inode(of: directory).pointee.fileSystem {
    case FileSystemID.root, FileSystemID.tmp, FileSystemID.shm: break
    default: return
    }
    guard var path = try? files.nodes.guestPath(of: directory) else {
      return cannotBeRecorded("a path is too long")
    }
    if path.count > 1 { path.append(UInt8(ascii: "/")) }
    path += name
    // It has removed it itself.
    if changed.contains(path) { return }
    add(Asked(id: QuestionID(kind: .missing, path: path), answer: .missing))
  }

  private func add(_ question: Asked) {
    if let place = known[question.id] {
      let first = asked[place]
      if first.answer != question.answer || first.inode != question.inode || first.version != question.version {
        cannotBeRecorded("\(text(question.id.path)) was changed by others meanwhile")
      }
      return
    }
    guard asked.count < Self.mostQuestions else { return cannotBeRecorded("it asked more than is kept") }
    known[question.id] = asked.count
    asked.append(question)
  }

  private func noteContents(_ path: [UInt8], _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>) {
    if own.contains(path) { return }
    guard record.pointee.kind == .regular else { return noteStatus(path, dentry) }
    let id = QuestionID(kind: .contents, path: path)
    if let place = known[id] {
      let first = asked[place]
      // What it overwrites is its own from then on.
      if first.inode != files.nodes[dentry].pointee.inode || first.version != record.pointee.version {
        cannotBeRecorded("\(text(path)) was changed by others meanwhile")
      }
      return
    }
    guard let status = status(of: dentry) else { return cannotBeRecorded("\(text(path)) cannot be asked") }
    add(
      Asked(
        id: id, answer: nil, inode: files.nodes[dentry].pointee.inode, version: record.pointee.version, status: status))
  }

  private func noteStatus(_ path: [UInt8], _ dentry: DentryID) {
    if own.contains(path) { return }
    guard let status = status(of: dentry) else { return cannotBeRecorded("\(text(path)) cannot be asked") }
    add(Asked(id: QuestionID(kind: .status, path: path), answer: .status(status)))
  }

  private func noteNames(_ path: [UInt8], _ dentry: DentryID) {
    let prefix = path.count == 1 ? path : path + [UInt8(ascii: "/")]
    if changed.contains(where: { $0.starts(with: prefix) && !$0.dropFirst(prefix.count).contains(UInt8(ascii: "/")) }) {
      return cannotBeRecorded("it listed \(text(path)) where it has made names itself")
    }
    guard let digest = files.digestOfNames(in: dentry) else { return cannotBeRecorded("\(text(path)) cannot be asked") }
    add(Asked(id: QuestionID(kind: .names, path: path), answer: .names(digest: digest)))
  }

  func status(of dentry: DentryID) -> SkipRecord.Status? { files.skipStatus(of: dentry) }

  func text(_ path: [UInt8]) -> String { String(decoding: Escaping.escape(path), as: UTF8.self) }
}

// What is changed.
extension Unit {
  private func noteChange(
    _ kind: EventKind, _ path: [UInt8], _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>
  ) {
    guard record.pointee.kind == .regular else {
      return cannotBeRecorded("it makes or changes \(text(path)), no plain file")
    }
    switch kind {
    case .create:
      change(path, nil)
      own.insert(path)
    case .write, .truncate, .changeMode:
      if !own.contains(path) { cannotBeRecorded("it changes a part of \(text(path))") }
    case .delete:
      if own.remove(path) == nil { replace(dentry, path) }
    case .renameFrom:
      guard renaming == nil, own.remove(path) != nil else {
        return cannotBeRecorded("it moves \(text(path)), which it has not made")
      }
      renaming = path
    case .renameTo:
      guard renaming != nil else { return cannotBeRecorded("it moves \(text(path))") }
      renaming = nil
      change(path, nil)
      own.insert(path)
    default: cannotBeRecorded("it changes \(text(path)) in a way that is not kept")
    }
  }

  private func change(_ path: [UInt8], _ status: SkipRecord.Status?) {
    guard changed.insert(path).inserted else { return }
    before.append((path, status))
  }

  /// All of a file's contents are about to be written anew.
  func willTruncate(_ dentry: DentryID) {
    guard isListening, let path = try? files.nodes.guestPath(of: dentry), !own.contains(path) else { return }
    replace(dentry, path)
    own.insert(path)
  }

  /// Another file is about to take its name.
  func willReplace(_ dentry: DentryID) {
    guard isListening, let path = try? files.nodes.guestPath(of: dentry), !own.contains(path) else { return }
    replace(dentry, path)
  }

  /// A file goes that the unit has not made.
  private func replace(_ dentry: DentryID, _ path: [UInt8]) {
    let record = files.nodes.inode(of: dentry)
    guard record.pointee.kind == .regular, record.pointee.links == 1 else {
      return cannotBeRecorded("it replaces \(text(path)), no plain file of one name")
    }
    guard known[QuestionID(kind: .contents, path: path)] == nil else {
      return cannotBeRecorded("it reads \(text(path)) and then replaces it")
    }
    change(
      path, SkipRecord.Status(mode: record.pointee.mode, uid: record.pointee.uid, gid: record.pointee.gid, size: 0))
  }

  /// A process of the unit writes to its descriptor 1 or 2.
  func say(_ call: Call, _ descriptor: Int32, _ bytes: TransferBytes) {
    guard isListening, let status = try? call.kernel.descriptors.status(of: descriptor, in: call.thread) else { return }
    guard let outlet = outlets.first(where: { $0.value == HostIdentity(status) })?.key else {
      // A pipe between processes of it, or a file that it has opened itself.
      if status.st_mode & S_IFMT == S_IFCHR, uwrx_major(UInt64(status.st_rdev)) != 1 {
        cannotBeRecorded("it writes to a terminal of its own choice")
      }
      return
    }
    // Both lead there: what matters is the order.
    let number = outlets[descriptor] == HostIdentity(status) ? descriptor : outlet
    switch status.st_mode & S_IFMT {
    case S_IFCHR where uwrx_major(UInt64(status.st_rdev)) == 1: return
    case S_IFIFO, S_IFSOCK: break
    default: return cannotBeRecorded("it writes to a terminal, whose width it may know, or to a file at some place")
    }
    if bytes.areElsewhere { return cannotBeRecorded("it writes what is not in its memory") }
    var isWhole = true
    var text: [UInt8] = []
    bytes.forEachRange(call) { address, length in
      guard saidBytes + text.count + length <= Self.mostSaid,
        let part = try? call.readBytes(at: address, count: length)
      else {
        isWhole = false
        return false
      }
      text += part
      return true
    }
    guard isWhole else { return cannotBeRecorded("it writes more than is kept") }
    saidBytes += text.count
    said.append(SkipRecord.Piece(descriptor: number, bytes: text))
  }
}

import CLinux
import Glibc
import Skipping
import SystemPackage
import Tracing

/// A process that may be skipped, and all that it starts: what they ask and change together, seen from outside.
///
/// What is made and removed again within is nobody's matter. What cannot be told by questions and answers about files is an obstacle: then the
/// unit runs and is not recorded. A unit may stand in another, make(1) around a compiler: what the inner one asks and changes the outer one does,
/// too, also where the inner one is skipped.
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
    private let key: PathKey

    init(kind: Kind, path: [UInt8]) {
      self.kind = kind
      key = PathKey(path)
    }

    var path: [UInt8] { key.bytes }
  }

  /// A question that was asked, and the answer as far as it was known then.
  struct Asked {
    let id: QuestionID
    var answer: SkipRecord.Answer?
    /// Of contents: the file, and its version.
    var inode = InodeID.none
    var version: UInt32 = 0
    var status: SkipRecord.Status?
    var modified: Int64?
  }

  /// The number of the first process.
  let root: UInt32
  /// The unit around it.
  let outer: Unit?
  let traits: SkippedPrograms.Traits
  let skipper: Skipper
  unowned let files: FileTree
  let began: UInt64
  /// By the clock of file systems.
  let startTime: timespec
  var phase = Phase.begun
  /// Of what was started: who has another one is asked other things.
  var key: [UInt8] = []
  /// What the key is made of.
  var start = RecordKey()
  /// The same step as it was last recorded, where the key has no record.
  var earlier: StepNote?
  /// How it was started, where the store asks for that.
  var started: StartedCommand?
  /// The same for who starts it elsewhere, if that can be.
  var sharedKey: [UInt8]?
  /// Where it is, and who has started it.
  var place: SkipRecord.Place?
  /// What it may look for by an absolute path: what PWD says, by which compilers look whether it is where they are, and the
  /// files that its arguments name, which they look for links (realpath(3) with getcwd(2)).
  var namedFiles: PathSet = []
  /// What it says goes there: the files behind its descriptors 1 and 2.
  var outlets: [Int32: HostIdentity] = [:]
  /// The file behind its descriptor 0.
  var input: HostIdentity?
  /// Its standard input is empty, and part of the key.
  var hasKnownInput = false
  /// Processes of it that have not said that they end.
  var living = 1
  /// Of files of the run's own, which may be others a moment later.
  var digests: [ContentIdentity: ContentDigest] = [:]
  /// Whether the records were asked for that take longer to come by.
  var hasLookedFurther = false
  /// The files that its arguments name.
  var words: [ArraySlice<UInt8>] = []
  var directory: [UInt8] = []
  var hint = RecordHint([])
  /// Whether what a skipped process would have said was said.
  var hasSaid = false
  /// How times matter to what has run in it.
  var timing: SkipRecord.Timing
  /// What its clock showed when it began, in a run with a virtual one: nanoseconds.
  let startClock: UInt64?
  /// What comes of it depends on that.
  private(set) var asksForTime = false
  /// A program of it may make something of times of files, beyond which of two is newer.
  private(set) var tellsTimes: Bool
  /// Why it cannot be recorded.
  private(set) var obstacle: UnrecordedProcess?

  var asked: [Asked] = []
  var known: [QuestionID: Int] = [:]
  /// What stood at the paths that it has changed, in the order in which it did; nil for nothing.
  var before: [(path: [UInt8], status: SkipRecord.Status?)] = []
  var changed: PathSet = []
  /// Of these, where something of its own stands now.
  var own: PathSet = []
  /// Those of its own that were given a time.
  var dated: PathSet = []
  var renaming: [UInt8]?
  /// Files that were read to know what they hold.
  var tried: Set<ContentIdentity> = []
  var said: [SkipRecord.Piece] = []
  var saidBytes = 0
  var saysToTerminal = false
  /// A process of it has asked how wide a terminal is.
  var asksForWidth = false

  init(
    _ root: ThreadGroup, _ files: FileTree, _ skipper: Skipper, _ traits: SkippedPrograms.Traits, began: UInt64,
    clock: UInt64?
  ) {
    self.root = root.number
    self.files = files
    self.skipper = skipper
    self.traits = traits
    self.began = began
    startClock = clock
    outer = root.unit
    timing = traits.timing
    tellsTimes = traits.timing == .exact
    startTime = files.host.now()
  }

  func cannotBeRecorded(_ reason: @autoclosure () -> UnrecordedProcess) {
    guard obstacle == nil else { return }
    obstacle = reason()
    (asked, known, before, changed, own, dated, said) = ([], [:], [], [], [], [], [])
  }

  /// The unit and those around it.
  var chain: UnitChain { UnitChain(self) }

  /// A process of it has begun a program.
  func begin(_ program: SkippedPrograms.Traits, _ path: [UInt8]) {
    timing = max(timing, program.timing)
    if program.timing == .exact { tellsTimes = true }
    if !skipper.configuration.programs.isAccepted(program, in: traits) {
      cannotBeRecorded("it runs \(text(path)), which may ask for more than files")
    }
  }

  /// A process of it that may make something of it has asked what time it is.
  func didAskForTime() {
    if startClock == nil { cannotBeRecorded("it asks for the time") }
    asksForTime = true
  }

  /// A process of it reads from descriptor 0.
  func didReadStandardInput(_ file: HostIdentity?) {
    if !hasKnownInput, file == nil || input == nil || file == input {
      cannotBeRecorded("it reads its standard input")
    }
  }

  /// A process of it makes a call that the kernel runs.
  func didActUnseen() {
    guard case .begun = phase else { return }
    phase = .running
    cannotBeRecorded("it acted before it could be looked up")
  }

  var isRunning: Bool { if case .running = phase { true } else { false } }
  var isListening: Bool {
    guard obstacle == nil else { return false }
    switch phase {
    case .begun, .running: return true
    default: return false
    }
  }

  /// In a reason.
  func text(_ path: [UInt8]) -> UnrecordedProcess.Path { UnrecordedProcess.Path(path) }
}

struct UnitChain: Sequence, IteratorProtocol {
  private var current: Unit?

  init(_ unit: Unit?) { current = unit }

  mutating func next() -> Unit? {
    defer { current = current?.outer }
    return current
  }

  func cannotBeRecorded(_ reason: @autoclosure () -> UnrecordedProcess) {
    for unit in self { unit.cannotBeRecorded(reason()) }
  }
}

// What a unit knows of contents.
extension Unit {
  enum Contents {
    case known(ContentDigest)
    case unread(ContentSearch.File)
    /// Somebody may be writing to it.
    case unsettled
  }

  /// - Parameter time: by the clock of file systems; what was changed later is unsettled.
  func contents(of dentry: DentryID, before time: timespec? = nil) -> Contents {
    let inode = files.nodes.inode(of: dentry)
    let isUpper = inode.pointee.backing.isUpper
    let identity = HostIdentity(device: inode.pointee.hostDevice, inode: inode.pointee.hostInode)
    if !isUpper, let known = skipper.lowerDigests[identity] { return .known(known) }
    if isUpper, files.isBeingWritten(dentry) { return .unsettled }
    guard let file = try? files.openHost(dentry, flags: O_RDONLY | O_CLOEXEC),
      let status = try? files.host.status(of: file)
    else { return .unsettled }
    if isUpper, let time, (status.st_ctim.tv_sec, status.st_ctim.tv_nsec) >= (time.tv_sec, time.tv_nsec) {
      files.host.close(file)
      return .unsettled
    }
    let contents = ContentIdentity(status)
    if let known = digests[contents] ?? skipper.store.digest(of: contents) {
      files.host.close(file)
      if !isUpper { skipper.lowerDigests[identity] = known }
      return .known(known)
    }
    return .unread(ContentSearch.File(identity: contents, lower: isUpper ? nil : identity, file: file))
  }
}

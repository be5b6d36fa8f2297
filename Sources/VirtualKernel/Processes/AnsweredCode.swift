import Glibc
import SystemPackage

/// The code of a program or library that asks the processor itself: what is written over it where it is mapped.
struct AnsweredCode {
  /// One mapping of code.
  struct Segment {
    /// In the file, and what the file says of where it is mapped.
    let offset: UInt64
    let address: UInt64
    let size: UInt64
    /// Counted from the segment's start.
    let patches: [CodePatch]
    /// What must stand there, for the guest may have mapped something else.
    let originals: [CodePatch]
    /// Whether it asks; else it only has calls that are to be made again after a signal.
    let asks: Bool
  }

  var segments: [Segment] = []
  /// Where the file says that its program headers are mapped; nil if it does not.
  var programHeaders: UInt64?
  /// Why some of what asks is left to the processor.
  var left: UnansweredReasons = []
}

/// Why code asks the processor although the run answers for it.
struct UnansweredReasons: OptionSet {
  let rawValue: UInt16

  /// There is no room for what answers behind the code in its last page.
  static let noRoom = UnansweredReasons(rawValue: 1)
  /// An instruction that no jump can take the place of.
  static let noJump = UnansweredReasons(rawValue: 2)
  /// It is more than is looked at.
  static let tooMuch = UnansweredReasons(rawValue: 4)
  /// Other threads may have been running it when it could have been written over.
  static let threads = UnansweredReasons(rawValue: 8)
  /// Mapped in another way than programs and libraries are: shared, in part, or where the kernel chooses.
  static let otherMapping = UnansweredReasons(rawValue: 16)
  /// What is there is not what the file says.
  static let changed = UnansweredReasons(rawValue: 32)
  /// The kernel does not let it be written over.
  static let refused = UnansweredReasons(rawValue: 64)
  /// The program had made a child before it made a call.
  static let late = UnansweredReasons(rawValue: 128)
  /// The process makes it, and no file that could be searched holds it.
  static let made = UnansweredReasons(rawValue: 256)
  /// A file has become another each time that it was searched for one call.
  static let unsettled = UnansweredReasons(rawValue: 512)

  /// In the order of their bits.
  private static let texts = [
    "no room for answers behind the code", "an instruction that no jump can take the place of",
    "more code or places than are searched", "mapped while there were other threads",
    "mapped shared, in part or where the kernel chose", "not what the file says", "memory that cannot be written over",
    "begun before it could be written over", "makes code while it runs", "another file each time that it is searched",
  ]

  /// As the trace tells them.
  var text: String {
    Self.texts.enumerated().filter { rawValue >> $0.offset & 1 != 0 }.map(\.element).joined(separator: "; ")
  }
}

/// Knows what asks the processor in the files that are run. Each is searched once, by the blocking pool.
final class AnsweredFiles {
  /// A version of a file.
  struct Version: Hashable {
    private let identity: HostIdentity
    private let size: Int64
    private let (seconds, nanoseconds): (Int, Int)

    init(_ status: stat) {
      identity = HostIdentity(status)
      size = Int64(status.st_size)
      (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }
  }

  enum Knowledge {
    case known(AnsweredCode, HostIdentity)
    /// To be waited for.
    case searched(CodeSearch)

    /// Of a file that cannot be looked at.
    static let unknown = Knowledge.known(AnsweredCode(), HostIdentity(device: 0, inode: 0))
  }

  /// Of those of lower layers, which stay as they are.
  var interpreters: [InodeID: Knowledge] = [:]
  fileprivate let host: any HostFiles
  fileprivate let variants: CallVariants
  private var known: [Version: AnsweredCode] = [:]
  private static let mostKnown = 4096
  /// What was searched for the call that was waited for last. Whoever changes files could make a call ask for ever.
  private var last: [CodeSearch] = []
  private static let mostForOneCall = 8

  /// - Returns: nil where nothing is asked so, or nothing is known of how.
  init?(_ host: any HostFiles, _ variants: CallVariants) {
    #if arch(x86_64)
      guard variants.contains(.answered) else { return nil }
      self.host = host
      self.variants = variants
    #else
      return nil
    #endif
  }

  /// - Parameter notification: the call that asks. What was searched for it counts, whatever has become of the file meanwhile.
  /// - Returns: nil for what is to be searched first.
  func code(of status: stat, for notification: UInt64) -> AnsweredCode? {
    if let code = known[Version(status)] { return code }
    let searched = last.filter { $0.notification == notification }
    if let search = searched.last(where: { $0.identity == HostIdentity(status) }) { return search.code }
    return searched.count < Self.mostForOneCall ? nil : AnsweredCode(left: .unsettled)
  }

  fileprivate func didFind(_ search: CodeSearch) {
    if known.count >= Self.mostKnown { known.removeAll() }
    if search.isKept { known[search.version] = search.code }
    last.removeAll { $0.notification != search.notification }
    last.append(search)
  }
}

/// The search of a file for what asks the processor.
final class CodeSearch: BlockingWork, @unchecked Sendable {
  let notification: UInt64
  fileprivate let version: AnsweredFiles.Version
  fileprivate let identity: HostIdentity
  /// What was found; nothing if the file cannot be read.
  private(set) var code = AnsweredCode()
  fileprivate private(set) var isKept = true
  private unowned let files: AnsweredFiles
  private let file: FileDescriptor
  private let close: (FileDescriptor) -> Void

  /// - Parameters:
  ///   - notification: the call that waits for it.
  ///   - close: gets the file when it is searched, under the lock.
  init(
    _ files: AnsweredFiles, _ status: stat, for notification: UInt64, _ file: FileDescriptor,
    close: @escaping (FileDescriptor) -> Void
  ) {
    self.files = files
    version = AnsweredFiles.Version(status)
    identity = HostIdentity(status)
    self.notification = notification
    self.file = file
    self.close = close
  }

  func perform() throws(Errno) {
    var finder = CodeFinder(files.host, files.variants, file)
    // What cannot be read now may be later, or by another descriptor.
    do throws(Errno) { code = try finder.search() } catch { isKept = false }
  }

  func publish(failed: Bool) throws(Errno) {
    close(file)
    files.didFind(self)
  }
}

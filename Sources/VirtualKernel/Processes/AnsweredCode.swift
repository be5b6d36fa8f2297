import CLinux
import Glibc
import Reproducibility
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
  }

  var segments: [Segment] = []
  /// Where the file says that its program headers are mapped; nil if it does not.
  var programHeaders: UInt64?
}

/// Finds what asks the processor in the files that are run, each once.
final class AnsweredFiles {
  /// A version of a file.
  private struct Version: Hashable {
    let identity: HostIdentity
    let size: Int64
    let (seconds, nanoseconds): (Int, Int)
  }

  private let host: any HostFiles
  private let variants: CallVariants
  private var known: [Version: AnsweredCode] = [:]
  private static let mostKnown = 4096
  /// Bytes of code that one file may have, places to look at, and questions: one with more is left alone. Hardly a program has as many, and
  /// the search keeps all calls waiting.
  private static let mostCode: UInt64 = 1 << 29
  private static let mostCandidates = 4096
  private static let mostQuestions = 256
  /// Of the file that is being searched.
  private var questions = 0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)

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

  deinit { buffer.deallocate() }

  /// - Parameter open: gives the file, which is closed by the caller.
  func code(of status: stat, _ open: () throws(Errno) -> FileDescriptor) -> AnsweredCode {
    let version = Version(
      identity: HostIdentity(status), size: Int64(status.st_size), seconds: status.st_ctim.tv_sec,
      nanoseconds: status.st_ctim.tv_nsec)
    if let code = known[version] { return code }
    // What cannot be read, the guest cannot map either.
    guard let file = try? open(), let code = try? search(file) else { return AnsweredCode() }
    if known.count >= Self.mostKnown { known.removeAll() }
    known[version] = code
    return code
  }

  private func search(_ file: FileDescriptor) throws(Errno) -> AnsweredCode {
    var code = AnsweredCode()
    let head = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(ProgramSegments.headSize))
    let count = try host.read(file, at: 0, into: head)
    guard let headers = try ProgramSegments(file, head: UnsafeRawBufferPointer(rebasing: head.prefix(count)), host)
    else {
      return code
    }
    let loaded = headers.all.filter { $0.type == ProgramSegment.load }
    let table = headers.tableOffset
    code.programHeaders =
      loaded.first { $0.offset <= table && table - $0.offset < $0.fileSize }.map { $0.address &+ (table - $0.offset) }
    let segments = loaded.filter { $0.flags & ProgramSegment.executable != 0 }
    var left = Self.mostCode
    for segment in segments {
      guard segment.fileSize <= left, segment.offset < 1 << 40, segment.address < 1 << 47 else { return code }
      left -= segment.fileSize
    }
    questions = 0
    var places = 0
    for segment in segments {
      let candidates = try candidates(file, segment, most: Self.mostCandidates - places)
      places += candidates.count
      if places >= Self.mostCandidates { break }
      if let found = try search(file, segment, candidates, beside: loaded) { code.segments.append(found) }
      if questions > Self.mostQuestions { return AnsweredCode(programHeaders: code.programHeaders) }
    }
    return code
  }

  private func search(
    _ file: FileDescriptor, _ segment: ProgramSegment, _ candidates: Set<Int>, beside others: [ProgramSegment]
  ) throws(Errno) -> AnsweredCode.Segment? {
    var sites: [(place: Int, site: QuestionSite, bytes: [UInt8])] = []
    var originals: [CodePatch] = []
    var taken: [Range<Int>] = []
    for place in candidates.sorted() where sites.last.map({ $0.place + $0.site.length <= place }) ?? true {
      guard questions <= Self.mostQuestions, let site = try site(file, segment, place, taken) else { continue }
      sites.append(site)
      originals.append(CodePatch(offset: UInt64(site.place), bytes: site.bytes))
      if let detour = site.site.detour {
        let room = site.place + detour..<site.place + detour + QuestionSite.jump
        taken.append(room)
        originals.append(CodePatch(offset: UInt64(room.lowerBound), bytes: [UInt8](repeating: 0xcc, count: room.count)))
      }
    }
    guard !sites.isEmpty else { return nil }
    // The rest of the last page, if nothing of the file's is mapped there.
    let end = segment.address + segment.fileSize
    let pageEnd = (end + 4095) & ~4095
    let isFree =
      segment.memorySize == segment.fileSize
      && !others.contains { $0.address < pageEnd && $0.address &+ $0.memorySize > end }
    let start = (Int(segment.fileSize) + 15) & ~15
    let patch = QuestionPatch(sites, room: start..<max(start, isFree ? Int(pageEnd - segment.address) : start))
    guard !patch.writes.isEmpty else { return nil }
    return AnsweredCode.Segment(
      offset: segment.offset, address: segment.address, size: segment.fileSize,
      patches: patch.writes.map { CodePatch(offset: UInt64($0.place), bytes: $0.bytes) },
      originals: originals)
  }

  /// Counted from the segment's start.
  private func candidates(_ file: FileDescriptor, _ segment: ProgramSegment, most: Int) throws(Errno) -> Set<Int> {
    var found: Set<Int> = []
    var place = 0
    while place < Int(segment.fileSize), found.count < most {
      let wanted = min(buffer.count, Int(segment.fileSize) - place)
      let count = try host.read(
        file, at: Int(segment.offset) + place, into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(wanted)))
      guard count > 0 else { break }
      ProcessorQuestion.candidates(in: UnsafeRawBufferPointer(rebasing: buffer.prefix(count))) {
        found.insert(place + $0)
        return found.count < most
      }
      // An opcode of three bytes may go over the end.
      place += count == buffer.count ? count - 2 : count
    }
    return found
  }

  private func site(
    _ file: FileDescriptor, _ segment: ProgramSegment, _ place: Int, _ taken: [Range<Int>]
  ) throws(Errno) -> (place: Int, site: QuestionSite, bytes: [UInt8])? {
    let start = max(0, place - QuestionSite.margin)
    let wanted = min(Int(segment.fileSize), place + QuestionSite.margin) - start
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(wanted))
    let count = try host.read(file, at: Int(segment.offset) + start, into: bytes)
    let code = UnsafeBufferPointer(start: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
    guard let question = ProcessorQuestion(in: code, at: place - start, isWholeBefore: start == 0) else { return nil }
    questions += 1
    switch question.kind {
    case .time where !variants.contains(.timed), .random where !variants.contains(.seeded): return nil
    default: break
    }
    let others = taken.map { $0.lowerBound - start..<$0.upperBound - start }
    guard let site = QuestionSite(question, in: code, taken: others) else { return nil }
    let begin = question.start
    return (start + begin, site, Array(code[begin..<begin + site.length]))
  }
}

import Reproducibility
import SystemPackage

/// Finds what asks the processor in a file, which may hold anything.
struct CodeFinder: ~Copyable {
  /// Bytes of code that one file may have, places to look at, and questions: one with more is left alone. Hardly a program has as many.
  private static let mostCode: UInt64 = 1 << 29
  private static let mostCandidates = 4096
  private static let mostQuestions = 256

  private let host: any HostFiles
  private let variants: CallVariants
  private let file: FileDescriptor
  private var code = AnsweredCode()
  private var questions = 0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)

  init(_ host: any HostFiles, _ variants: CallVariants, _ file: FileDescriptor) {
    self.host = host
    self.variants = variants
    self.file = file
  }

  deinit { buffer.deallocate() }

  mutating func search() throws(Errno) -> AnsweredCode {
    let head = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(ProgramSegments.headSize))
    let count = try host.read(file, at: 0, into: head)
    guard let headers = try ProgramSegments(file, head: UnsafeRawBufferPointer(rebasing: head.prefix(count)), host)
    else {
      return AnsweredCode(left: .made)
    }
    let loaded = headers.all.filter { $0.type == ProgramSegment.load }
    let table = headers.tableOffset
    code.programHeaders =
      loaded.first { $0.offset <= table && table - $0.offset < $0.fileSize }.map { $0.address &+ (table - $0.offset) }
    let segments = loaded.filter { $0.flags & ProgramSegment.executable != 0 }
    var left = Self.mostCode
    for segment in segments {
      guard segment.fileSize <= left, segment.offset < 1 << 40, segment.address < 1 << 47 else { return tooMuch() }
      left -= segment.fileSize
    }
    var places = 0
    for segment in segments {
      let candidates = try candidates(segment, most: Self.mostCandidates - places)
      places += candidates.count
      if places >= Self.mostCandidates { return tooMuch() }
      try search(segment, candidates, beside: loaded)
      if questions > Self.mostQuestions { return tooMuch() }
    }
    return code
  }

  private func tooMuch() -> AnsweredCode { AnsweredCode(programHeaders: code.programHeaders, left: .tooMuch) }

  private typealias Site = (place: Int, site: QuestionSite, bytes: [UInt8])

  private mutating func search(
    _ segment: ProgramSegment, _ candidates: Set<Int>, beside others: [ProgramSegment]
  ) throws(Errno) {
    var sites: [Site] = []
    var taken: [Range<Int>] = []
    for place in candidates.sorted() where sites.last.map({ $0.place + $0.site.length <= place }) ?? true {
      guard questions <= Self.mostQuestions, let site = try site(segment, place, taken) else { continue }
      sites.append(site)
      if let detour = site.site.detour {
        taken.append(site.place + detour..<site.place + detour + QuestionSite.jump)
      }
    }
    // The rest of the last page, if nothing of the file's is mapped there.
    let end = segment.address + segment.fileSize
    let pageEnd = (end + 4095) & ~4095
    let isFree =
      segment.memorySize == segment.fileSize
      && !others.contains { $0.address < pageEnd && $0.address &+ $0.memorySize > end }
    let start = (Int(segment.fileSize) + 15) & ~15
    let room = start..<max(start, isFree ? Int(pageEnd - segment.address) : start)
    let used = add(sites.filter { !$0.site.question.asks }, room, segment, asks: false)
    _ = add(sites.filter { $0.site.question.asks }, used..<room.upperBound, segment, asks: true)
  }

  /// - Returns: where the room begins that is left.
  private mutating func add(_ sites: [Site], _ room: Range<Int>, _ segment: ProgramSegment, asks: Bool) -> Int {
    let patch = QuestionPatch(sites, room: room)
    if asks, patch.lacksRoom { code.left.insert(.noRoom) }
    if asks, patch.hasImmovable { code.left.insert(.noJump) }
    guard !patch.writes.isEmpty else { return room.lowerBound }
    var originals: [CodePatch] = []
    for site in sites {
      originals.append(CodePatch(offset: UInt64(site.place), bytes: site.bytes))
      guard let detour = site.site.detour else { continue }
      originals.append(
        CodePatch(
          offset: UInt64(site.place + detour), bytes: [UInt8](repeating: 0xcc, count: QuestionSite.jump)))
    }
    code.segments.append(
      AnsweredCode.Segment(
        offset: segment.offset, address: segment.address, size: segment.fileSize,
        patches: patch.writes.map { CodePatch(offset: UInt64($0.place), bytes: $0.bytes) },
        originals: originals, asks: asks))
    return patch.end
  }

  /// Counted from the segment's start.
  private func candidates(_ segment: ProgramSegment, most: Int) throws(Errno) -> Set<Int> {
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
      // What is looked for may go over the end.
      place += count == buffer.count ? count - ProcessorQuestion.longest + 1 : count
    }
    return found
  }

  private mutating func site(_ segment: ProgramSegment, _ place: Int, _ taken: [Range<Int>]) throws(Errno) -> Site? {
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
    if QuestionSite.isForLock(question, in: code) { return nil }
    let others = taken.map { $0.lowerBound - start..<$0.upperBound - start }
    guard let site = QuestionSite(question, in: code, taken: others) else {
      if question.asks { self.code.left.insert(.noJump) }
      return nil
    }
    let begin = question.start
    return (start + begin, site, Array(code[begin..<begin + site.length]))
  }
}

import Glibc
import Network
import SystemPackage
import Tracing

/// Reads the exchanges of a domain (``ExchangeStore``). The files may be anything.
struct ExchangeReader: Sendable {
  /// An answer as it is to be given.
  struct Response {
    /// Those of status 1xx that come before, but for 100, which answers the guest's Expect.
    let interim: [RecordedHead]
    let head: RecordedHead
    /// nil if it is empty.
    let body: ReadableFile?
    /// Bytes of the body.
    let size: Int
    let length: HTTPBodyLength
    /// What followed an answer 101; nil if that was not kept whole.
    let stream: StreamReader?
  }

  private let requests: DirectoryHandle
  private let log: ExchangeLog?

  /// - Parameter directory: a domain's, below a trace's `net`.
  /// - Returns: nil if there are no exchanges.
  /// - Throws: that they are recorded in another way.
  init?(_ directory: String) throws(ExchangeFormatError) {
    guard let requests = try? DirectoryHandle(directory + "/requests") else { return nil }
    self.requests = requests
    log = try ExchangeLog(in: FileDescriptor(rawValue: requests.descriptor))
  }

  /// Of all exchanges that have ended.
  func contents(most: Int) throws(Errno) -> ExchangeLog.Contents {
    try log?.contents(most: most) ?? ExchangeLog.Contents()
  }

  func request(_ record: ExchangeRecord) throws(ExchangeFormatError) -> RecordedHead {
    guard let bytes = try head(record, .request) else { throw ExchangeFormatError("there is no request") }
    return try RecordedHead(parsing: bytes, .request)
  }

  /// - Parameter method: of the request.
  /// - Returns: nil if none came.
  func response(
    _ record: ExchangeRecord, to method: ArraySlice<UInt8>
  ) throws(ExchangeFormatError) -> Response? {
    let state = record.meta.state
    guard let bytes = try head(record, .response) else {
      if state == .aborted { return nil }
      throw ExchangeFormatError("there is no answer")
    }
    let head = try RecordedHead(parsing: bytes, .response)
    let length: HTTPBodyLength
    do { length = try HTTPBodyLength(ofResponse: head.head, to: method) } catch {
      throw ExchangeFormatError(error.reason)
    }
    let body: (file: ReadableFile, size: Int)?
    do throws(Errno) { body = try self.body(record, .responseBody) } catch { throw ExchangeFormatError("\(error)") }
    let size = body?.size ?? 0
    let isRight =
      switch length {
      case .none, .upgraded: size == 0
      case .bytes(let count): state == .complete ? size == count : size <= count
      case .chunked, .untilEnd: true
      }
    guard isRight else { throw ExchangeFormatError("the answer's body is not as long as its head says") }
    guard head.trailers.isEmpty || length == .chunked || head.head.majorVersion == 2 else {
      throw ExchangeFormatError("fields follow a body that has none after it")
    }
    let stream =
      length == .upgraded
      ? (try? requests.file("\(record.number).stream")?.file).flatMap(StreamReader.init) : nil
    return Response(
      interim: try interim(record), head: head, body: body?.file, size: size, length: length, stream: stream)
  }

  private func interim(_ record: ExchangeRecord) throws(ExchangeFormatError) -> [RecordedHead] {
    var heads: [RecordedHead] = []
    var rest = try head(record, .interim)?[...] ?? []
    while let feed = rest.indices.first(where: { rest[$0] == 0x0a && rest[($0 + 1)...].first == 0x0a }) {
      let head = try RecordedHead(parsing: Array(rest[...feed]), .response)
      guard (100..<200).contains(head.head.status), head.head.status != 101 else {
        throw ExchangeFormatError("what comes before the answer is none of status 1xx")
      }
      if head.head.status != 100 { heads.append(head) }
      rest = rest[(feed + 2)...]
    }
    return heads
  }

  /// nil if there are none, or they are nonsense.
  func turns(_ record: ExchangeRecord) -> [ExchangeTurn]? {
    guard let bytes = try? contents(record, .turns, longest: ExchangeTurn.longest) else { return nil }
    return ExchangeTurn.parse(bytes)
  }

  /// nil if it is empty.
  func requestBody(_ record: ExchangeRecord) -> ReadableFile? { (try? body(record, .requestBody))?.file }

  private func body(_ record: ExchangeRecord, _ part: ExchangeRecord.Part) throws(Errno) -> (
    file: ReadableFile, size: Int
  )? {
    switch record.place(of: part) {
    case nil: return nil
    case .log(let range): return log.map { (ReadableFile($0, range), range.count) }
    case .file:
      guard let body = try requests.file(record.fileName(of: part)) else { throw .noSuchFileOrDirectory }
      return body
    }
  }

  private func head(_ record: ExchangeRecord, _ part: ExchangeRecord.Part) throws(ExchangeFormatError) -> [UInt8]? {
    try contents(record, part, longest: RecordedHead.longest)
  }

  private func contents(
    _ record: ExchangeRecord, _ part: ExchangeRecord.Part, longest: Int
  ) throws(ExchangeFormatError) -> [UInt8]? {
    guard case .log(let range)? = record.place(of: part) else { return nil }
    guard range.count <= longest else { throw ExchangeFormatError("its \(part.rawValue) is too long") }
    do throws(Errno) { return try log?.bytes(range) } catch { throw ExchangeFormatError("\(error)") }
  }

  /// Whether two exchanges have the same answer: status and body.
  func haveEqualAnswers(_ first: ExchangeRecord, _ second: ExchangeRecord, to method: ArraySlice<UInt8>) -> Bool {
    guard first.meta.state == second.meta.state,
      let answers = try? (response(first, to: method), response(second, to: method))
    else { return false }
    guard let one = answers.0, let other = answers.1 else { return answers.0 == nil && answers.1 == nil }
    // Of conversations each is one of its own.
    guard one.head.head.status == other.head.head.status, one.size == other.size, one.stream == nil else {
      return false
    }
    guard let files = (one.body, other.body) as? (ReadableFile, ReadableFile) else { return true }
    while let parts = try? (files.0.read(1 << 16), files.1.read(1 << 16)) {
      if parts.0 != parts.1 { return false }
      if parts.0.isEmpty { return true }
    }
    return false
  }
}

import Glibc
import Network
import SystemPackage

/// Reads the exchanges of a domain (``ExchangeStore``). The files may be anything.
struct ExchangeReader: Sendable {
  /// An answer as it is to be given.
  struct Response {
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

  /// - Parameter directory: a domain's, below a trace's `net`.
  init(_ directory: String) throws(Errno) { requests = try DirectoryHandle(directory + "/requests") }

  /// Of all exchanges that were written to their end, sorted.
  func numbers() throws(Errno) -> [Int] {
    try requests.names().compactMap { name in
      HTTPToken.number(name).flatMap { $0 > 0 && "\($0)".utf8.elementsEqual(name) ? $0 : nil }
    }.sorted()
  }

  func meta(_ number: Int) throws(ExchangeFormatError) -> ExchangeMeta {
    try ExchangeMeta(parsing: contents("\(number)/meta", longest: ExchangeMeta.longest) ?? [])
  }

  func request(_ number: Int) throws(ExchangeFormatError) -> RecordedHead {
    try RecordedHead(parsing: contents("\(number)/request", longest: RecordedHead.longest) ?? [], .request)
  }

  /// - Parameters:
  ///   - method: of the request.
  ///   - state: of the exchange: one that is complete has a body as long as it says.
  /// - Returns: nil if none came.
  func response(
    _ number: Int, to method: ArraySlice<UInt8>, _ state: ExchangeMeta.State
  ) throws(ExchangeFormatError) -> Response? {
    guard let bytes = try contents("\(number)/response", longest: RecordedHead.longest) else {
      if state == .aborted { return nil }
      throw ExchangeFormatError("there is no answer")
    }
    let head = try RecordedHead(parsing: bytes, .response)
    let length: HTTPBodyLength
    do { length = try HTTPBodyLength(ofResponse: head.head, to: method) } catch {
      throw ExchangeFormatError(error.reason)
    }
    let body = try body(number)
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
    let stream = length == .upgraded ? (try? requests.file("\(number)/stream")?.file).flatMap(StreamReader.init) : nil
    return Response(head: head, body: body?.file, size: size, length: length, stream: stream)
  }

  /// nil if there are none, or they are nonsense.
  func turns(_ number: Int) -> [ExchangeTurn]? {
    guard let bytes = try? contents("\(number)/turns", longest: ExchangeTurn.longest) else { return nil }
    return ExchangeTurn.parse(bytes)
  }

  /// nil if it is empty.
  func requestBody(_ number: Int) -> ReadableFile? { try? requests.file("\(number)/request-body")?.file }

  private func body(_ number: Int) throws(ExchangeFormatError) -> (file: ReadableFile, size: Int)? {
    do throws(Errno) { return try requests.file("\(number)/response-body") } catch {
      throw ExchangeFormatError("\(error)")
    }
  }

  private func contents(_ path: String, longest: Int) throws(ExchangeFormatError) -> [UInt8]? {
    do throws(Errno) {
      guard let (file, size) = try requests.file(path) else { return nil }
      guard size <= longest else { throw .fileTooLarge }
      return try file.read(size)
    } catch { throw ExchangeFormatError("\(error)") }
  }

  /// Whether two exchanges have the same answer: status and body.
  func haveEqualAnswers(_ first: Int, _ second: Int, to method: ArraySlice<UInt8>) -> Bool {
    guard let states = try? (meta(first).state, meta(second).state), states.0 == states.1,
      let answers = try? (response(first, to: method, states.0), response(second, to: method, states.1))
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

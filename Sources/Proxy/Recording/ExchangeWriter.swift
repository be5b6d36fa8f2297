import Glibc
import NIOCore
import Synchronization
import SystemPackage
import Tracing

/// Takes an exchange as it comes, and has it written (``ExchangeStore``).
///
/// The body that is long goes to its file part by part. All else is held until the end, and goes to the log then.
final class ExchangeWriter {
  private let files: ExchangeFiles
  private let queue: RecordingQueue
  private var meta: ExchangeMeta
  private var heads: ExchangeHeads
  private var requestBody = RecordedPiece()
  private var responseBody = RecordedPiece()
  /// Of the request's body; nil if it has none.
  private var digest: SHA256?
  private static let emptyDigest = SHA256().hexadecimal
  /// Of a request that may be one.
  private var download: Download?
  private var isFinished = false
  private static let mostInterim = 16
  private var turns: [ExchangeTurn] = []
  /// The code that its stream of HTTP/2 was ended with.
  var reset: UInt32? {
    get { meta.reset }
    set { meta.reset = newValue }
  }

  init(
    _ number: UInt64, _ meta: ExchangeMeta, _ request: HTTPHead, _ credentials: Credentials, _ download: Download?,
    in requests: RequestsDirectory, by queue: RecordingQueue
  ) {
    files = ExchangeFiles(number, in: requests)
    self.queue = queue
    self.meta = meta
    self.meta.started = Self.now
    self.download = download
    heads = ExchangeHeads(request: request, credentials: credentials)
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  func add(toRequest bytes: ByteBuffer) {
    if digest == nil { digest = SHA256() }
    bytes.withUnsafeReadableBytes { digest?.add($0) }
    download = nil
    requestBody.add(bytes) { write($0, .request) }
  }

  func add(toResponse bytes: ByteBuffer) { responseBody.add(bytes) { write($0, .response) } }

  private func write(_ piece: RecordedPiece, _ kind: HTTPHead.Kind) {
    queue.add(piece.count) { [files] _ throws(Errno) in try files.add(piece, kind) }
  }

  func respond(_ head: HTTPHead) { heads.response = head }

  /// An answer of status 1xx has come before the final one.
  func inform(_ head: HTTPHead) { if heads.interim.count < Self.mostInterim { heads.interim.append(head) } }

  /// What was given before more was said is one turn.
  func add(_ turn: ExchangeTurn) {
    if turns.last?.said == turn.said { turns.removeLast() }
    if turns.count < ExchangeTurn.most { turns.append(turn) }
  }

  /// The fields after a body.
  func add(trailers bytes: [UInt8], toResponse isResponse: Bool) {
    if isResponse { heads.responseTrailers = bytes } else { heads.requestTrailers = bytes }
  }

  /// What follows an exchange that has finished, on the same connection.
  func beginStream(isWebSocket: Bool) -> StreamRecorder {
    let header = StreamHeader(
      port: meta.port, isTLS: meta.scheme == "https", connection: meta.connection, process: meta.process)
    return StreamRecorder(files.stream, header, by: queue, isWebSocket: isWebSocket)
  }

  /// Nothing more comes.
  func finish(_ state: ExchangeMeta.State) {
    guard !isFinished else { return }
    isFinished = true
    meta.ended = Self.now
    meta.requestDigest = digest?.hexadecimal ?? Self.emptyDigest
    meta.state = state
    let bytes = heads.count + requestBody.count + responseBody.count
    queue.add(bytes) { [files, meta, heads, turns, requestBody, responseBody, download] batch throws(Errno) in
      try files.finish(heads, (requestBody, responseBody), turns, meta, download, batch)
    }
  }
}

/// What comes before and after the bodies. What is secret in it is taken out by the thread that writes it.
private struct ExchangeHeads: Sendable {
  let request: HTTPHead
  var requestTrailers: [UInt8] = []
  var interim: [HTTPHead] = []
  var response: HTTPHead?
  var responseTrailers: [UInt8] = []
  let credentials: Credentials

  init(request: HTTPHead, credentials: Credentials) {
    self.request = request
    self.credentials = credentials
  }

  var count: Int {
    request.bytes.count + requestTrailers.count + interim.reduce(0) { $0 + $1.bytes.count }
      + (response?.bytes.count ?? 0) + responseTrailers.count
  }

  var storedTarget: [UInt8] { credentials.hiding(inURL: request.target) }
  var storedRequest: [UInt8] { stored(request, requestTrailers) }
  var storedInterim: [UInt8] { interim.flatMap { credentials.stored($0) + [0x0a] } }
  var storedResponse: [UInt8]? { response.map { stored($0, responseTrailers) } }

  private func stored(_ head: HTTPHead, _ trailers: [UInt8]) -> [UInt8] {
    credentials.stored(head) + (trailers.isEmpty ? [] : [0x0a] + credentials.stored(trailers: trailers))
  }
}

/// The files of an exchange, on the thread that writes them.
private final class ExchangeFiles: Sendable {
  private struct State {
    var requestBody: WritableFile?
    var responseBody: WritableFile?
  }

  /// Bytes of a body that stands in the log.
  private static let longestInLog = 16 << 10

  private let number: UInt64
  private let requests: RequestsDirectory
  private let state = Mutex(State())

  init(_ number: UInt64, in requests: RequestsDirectory) {
    self.number = number
    self.requests = requests
  }

  func add(_ piece: RecordedPiece, _ kind: HTTPHead.Kind) throws(Errno) {
    guard piece.count > 0 else { return }
    try state.withLock { state throws(Errno) in
      let file = kind == .request ? \State.requestBody : \State.responseBody
      if state[keyPath: file] == nil { state[keyPath: file] = try requests.handle.createFile("\(number).\(kind)-body") }
      try state[keyPath: file]?.write(piece.parts)
    }
  }

  /// Closes the file of a body, which gets its last bytes.
  /// - Returns: whether it has one.
  private func close(_ rest: RecordedPiece, _ kind: HTTPHead.Kind) throws(Errno) -> Bool {
    let file = kind == .request ? \State.requestBody : \State.responseBody
    let isOpen = state.withLock { $0[keyPath: file] != nil }
    guard isOpen || rest.count > Self.longestInLog else { return false }
    try add(rest, kind)
    state.withLock { $0[keyPath: file] = nil }
    return true
  }

  func finish(
    _ heads: ExchangeHeads, _ bodies: (request: RecordedPiece, response: RecordedPiece), _ turns: [ExchangeTurn],
    _ meta: ExchangeMeta, _ download: Download?, _ batch: RecordingBatch
  ) throws(Errno) {
    let hasFile = (try close(bodies.request, .request), try close(bodies.response, .response))
    let request = heads.storedRequest
    let interim = heads.storedInterim
    let response = heads.storedResponse
    let turns = turns.flatMap(\.line)
    var sizes: [(part: ExchangeRecord.Part, size: Int?)] = [(.request, request.count)]
    if hasFile.0 || bodies.request.count > 0 { sizes.append((.requestBody, hasFile.0 ? nil : bodies.request.count)) }
    if !interim.isEmpty { sizes.append((.interim, interim.count)) }
    if let response { sizes.append((.response, response.count)) }
    if hasFile.1 || bodies.response.count > 0 {
      sizes.append((.responseBody, hasFile.1 ? nil : bodies.response.count))
    }
    if !turns.isEmpty { sizes.append((.turns, turns.count)) }
    var bodyOffset = 0
    try batch.add(to: requests) { bytes in
      let start = bytes.count
      ExchangeRecord.append(number, meta, sizes, to: &bytes)
      bytes += request
      if !hasFile.0 { bodies.request.append(to: &bytes) }
      bytes += interim + (response ?? [])
      bodyOffset = bytes.count - start
      if !hasFile.1 { bodies.response.append(to: &bytes) }
      bytes += turns
      bytes.append(0x0a)
    }
    guard let download, let answer = heads.response else { return }
    batch.whenWritten { [number, requests] start in
      let body = RecordedBody(
        requests: requests.handle, number: number,
        place: hasFile.1 ? nil : start + bodyOffset..<start + bodyOffset + bodies.response.count)
      download.keep(
        body, target: heads.storedTarget, answer, isComplete: meta.state == .complete,
        contents: { bodies.response.parts })
    }
  }

  /// What follows the exchange, which has finished when that is written.
  var stream: StreamFile { StreamFile(requests.handle, ".\(number).stream", finished: "\(number).stream") }
}

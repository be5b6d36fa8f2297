import Glibc
import NIOCore
import Synchronization
import SystemPackage

/// Takes an exchange as it comes, and has it written (``ExchangeStore``).
///
/// Bodies go to their files part by part. A head is held until the end: with the fields that may come after the body, it is one file.
final class ExchangeWriter {
  private let files: ExchangeFiles
  private let queue: RecordingQueue
  private var meta: ExchangeMeta
  private var heads: ExchangeHeads
  private var requestBody = RecordedPiece()
  private var responseBody = RecordedPiece()
  private var digest = SHA256()
  /// Of a request that may be one.
  private var download: Download?
  private var isFinished = false
  private var turns: [ExchangeTurn] = []
  /// The code that its stream of HTTP/2 was ended with.
  var reset: UInt32? {
    get { meta.reset }
    set { meta.reset = newValue }
  }

  init(
    _ number: UInt64, _ meta: ExchangeMeta, _ request: HTTPHead, _ credentials: Credentials, _ download: Download?,
    in directory: DirectoryHandle, by queue: RecordingQueue
  ) {
    files = ExchangeFiles(number, in: directory)
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
    bytes.withUnsafeReadableBytes { digest.add($0) }
    download = nil
    requestBody.add(bytes) { write($0, .request) }
  }

  func add(toResponse bytes: ByteBuffer) { responseBody.add(bytes) { write($0, .response) } }

  private func write(_ piece: RecordedPiece, _ kind: HTTPHead.Kind) {
    queue.add(piece.count) { [files] () throws(Errno) in try files.add(piece, kind) }
  }

  func respond(_ head: HTTPHead) { heads.response = head }

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
    meta.requestDigest = digest.hexadecimal
    meta.state = state
    let bytes = heads.count + requestBody.count + responseBody.count
    queue.add(bytes) { [files, meta, heads, turns, requestBody, responseBody, download] () throws(Errno) in
      try files.add(requestBody, .request)
      try files.add(responseBody, .response)
      try files.finish(heads, turns, meta)
      if let download { files.keep(download, heads, isComplete: state == .complete) }
    }
  }
}

/// What comes before and after the bodies. What is secret in it is taken out by the thread that writes it.
private struct ExchangeHeads: Sendable {
  let request: HTTPHead
  var requestTrailers: [UInt8] = []
  var response: HTTPHead?
  var responseTrailers: [UInt8] = []
  let credentials: Credentials

  init(request: HTTPHead, credentials: Credentials) {
    self.request = request
    self.credentials = credentials
  }

  var count: Int {
    request.bytes.count + requestTrailers.count + (response?.bytes.count ?? 0) + responseTrailers.count
  }

  var storedTarget: [UInt8] { credentials.hiding(inURL: request.target) }
  var storedRequest: [UInt8] { stored(request, requestTrailers) }
  var storedResponse: [UInt8]? { response.map { stored($0, responseTrailers) } }

  private func stored(_ head: HTTPHead, _ trailers: [UInt8]) -> [UInt8] {
    credentials.stored(head) + (trailers.isEmpty ? [] : [0x0a] + credentials.stored(trailers: trailers))
  }
}

/// The files of an exchange, on the thread that writes them.
private final class ExchangeFiles: Sendable {
  private struct State {
    var isMade = false
    var requestBody: WritableFile?
    var responseBody: WritableFile?
  }

  private let number: UInt64
  private let directory: DirectoryHandle
  private let state = Mutex(State())

  init(_ number: UInt64, in directory: DirectoryHandle) {
    self.number = number
    self.directory = directory
  }

  func add(_ piece: RecordedPiece, _ kind: HTTPHead.Kind) throws(Errno) {
    guard piece.count > 0 else { return }
    try state.withLock { state throws(Errno) in
      let file = kind == .request ? \State.requestBody : \State.responseBody
      if state[keyPath: file] == nil { state[keyPath: file] = try create("\(kind)-body", &state) }
      try state[keyPath: file]?.write(piece.parts)
    }
  }

  private func create(_ name: String, _ state: inout State) throws(Errno) -> WritableFile {
    if !state.isMade, mkdirat(directory.descriptor, ".\(number)", 0o755) < 0 { throw Errno(rawValue: errno) }
    state.isMade = true
    return try directory.createFile(".\(number)/\(name)")
  }

  func finish(_ heads: ExchangeHeads, _ turns: [ExchangeTurn], _ meta: ExchangeMeta) throws(Errno) {
    try state.withLock { state throws(Errno) in
      state.requestBody = nil
      state.responseBody = nil
      try create("request", &state).write(heads.storedRequest)
      if let response = heads.storedResponse { try create("response", &state).write(response) }
      if !turns.isEmpty { try create("turns", &state).write(turns.flatMap(\.line)) }
      try create("meta", &state).write(meta.bytes)
    }
    if renameat(directory.descriptor, ".\(number)", directory.descriptor, "\(number)") < 0 {
      throw Errno(rawValue: errno)
    }
  }

  func keep(_ download: Download, _ heads: ExchangeHeads, isComplete: Bool) {
    guard let answer = heads.response else { return }
    download.keep(number, target: heads.storedTarget, answer, isComplete: isComplete, in: directory)
  }

  /// What follows the exchange, which has finished when that is written.
  var stream: StreamFile { StreamFile(directory, "\(number)/.stream", finished: "\(number)/stream") }
}

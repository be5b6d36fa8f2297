import Glibc
import NIOCore
import SystemPackage

/// Writes an exchange as it comes (``ExchangeStore``).
///
/// Bodies go to their files part by part. A head is held until the end: with the fields that may come after the body, it is one file.
final class ExchangeWriter {
  private let number: UInt64
  private var meta: ExchangeMeta
  private let credentials: Credentials
  private let directory: DirectoryHandle
  private var request: [UInt8]
  private var response: [UInt8] = []
  private var requestBody: WritableFile?
  private var responseBody: WritableFile?
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
    _ number: UInt64, _ meta: ExchangeMeta, _ request: [UInt8], _ credentials: Credentials, _ download: Download?,
    in directory: DirectoryHandle
  ) throws(Errno) {
    self.number = number
    self.meta = meta
    self.meta.started = Self.now
    self.request = request
    self.credentials = credentials
    self.download = download
    self.directory = directory
    if mkdirat(directory.descriptor, ".\(number)", 0o755) < 0 { throw Errno(rawValue: errno) }
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  func add(toRequest bytes: ByteBuffer) throws(Errno) {
    bytes.withUnsafeReadableBytes { digest.add($0) }
    download = nil
    try add(bytes, to: &requestBody, "request-body")
  }

  func add(toResponse bytes: ByteBuffer) throws(Errno) { try add(bytes, to: &responseBody, "response-body") }

  private func add(_ bytes: ByteBuffer, to file: inout WritableFile?, _ name: String) throws(Errno) {
    if file == nil { file = try directory.createFile(".\(number)/\(name)") }
    try file?.write(bytes)
  }

  func respond(_ head: HTTPHead) {
    response = credentials.stored(head)
    download?.answer = head
  }

  /// What was given before more was said is one turn.
  func add(_ turn: ExchangeTurn) {
    if turns.last?.said == turn.said { turns.removeLast() }
    if turns.count < ExchangeTurn.most { turns.append(turn) }
  }

  /// The fields after a body.
  func add(trailers bytes: [UInt8], toResponse isResponse: Bool) {
    guard !bytes.isEmpty else { return }
    let stored = [0x0a] + credentials.stored(trailers: bytes)
    if isResponse { response += stored } else { request += stored }
  }

  /// What follows an exchange that has finished, on the same connection.
  func beginStream(isWebSocket: Bool) throws(Errno) -> StreamRecorder {
    let header = StreamHeader(
      port: meta.port, isTLS: meta.scheme == "https", connection: meta.connection, process: meta.process)
    return try StreamRecorder(
      directory, "\(number)/.stream", finished: "\(number)/stream", header, isWebSocket: isWebSocket)
  }

  /// Nothing more comes.
  func finish(_ state: ExchangeMeta.State) throws(Errno) {
    guard !isFinished else { return }
    isFinished = true
    requestBody = nil
    responseBody = nil
    meta.ended = Self.now
    meta.requestDigest = digest.hexadecimal
    meta.state = state
    try directory.createFile(".\(number)/request").write(request)
    if !response.isEmpty { try directory.createFile(".\(number)/response").write(response) }
    if !turns.isEmpty { try directory.createFile(".\(number)/turns").write(turns.flatMap(\.line)) }
    try directory.createFile(".\(number)/meta").write(meta.bytes)
    if renameat(directory.descriptor, ".\(number)", directory.descriptor, "\(number)") < 0 {
      throw Errno(rawValue: errno)
    }
    download?.keep(number, isComplete: state == .complete, in: directory)
  }
}

import Glibc
import NIOCore
import Synchronization
import SystemPackage

/// Takes one stream as it goes, and has it written. On one event loop.
final class StreamRecorder {
  private let file: StreamFile
  let queue: RecordingQueue
  /// What one side has said in succession is one piece.
  private var said: (piece: StreamPiece, bytes: ByteBuffer)?
  private static let largestPiece = 1 << 18
  /// What is not with the queue yet.
  private var pending = RecordedPiece()
  /// Of the two sides, where that is WebSocket.
  private var frames: (sent: WebSocketFrames, received: WebSocketFrames)?

  /// - Parameters:
  ///   - queue: the connection's.
  ///   - isWebSocket: what is kept is what ``WebSocketFrames`` leaves.
  init(_ file: StreamFile, _ header: StreamHeader, by queue: RecordingQueue, isWebSocket: Bool = false) {
    self.file = file
    self.queue = queue
    frames = isWebSocket ? (WebSocketFrames(of: .client), WebSocketFrames(of: .server)) : nil
    queue.add(0) { _ throws(Errno) in try file.create() }
    queue.start()
    write(ByteBuffer(bytes: header.bytes))
  }

  func add(_ piece: StreamPiece, _ given: ByteBuffer = ByteBuffer()) {
    let bytes = kept(given, piece)
    if piece.hasBytes, bytes.readableBytes == 0 { return }
    if piece.hasBytes, said?.piece == piece, said!.bytes.readableBytes + bytes.readableBytes <= Self.largestPiece {
      said!.bytes.writeImmutableBuffer(bytes)
      return
    }
    flush()
    if piece.hasBytes, bytes.readableBytes <= Self.largestPiece { said = (piece, bytes) } else { write(piece, bytes) }
  }

  private func kept(_ bytes: ByteBuffer, _ piece: StreamPiece) -> ByteBuffer {
    switch piece {
    case .sent: frames?.sent.kept(bytes) ?? bytes
    case .received: frames?.received.kept(bytes) ?? bytes
    default: bytes
    }
  }

  private func flush() {
    guard let (piece, bytes) = said else { return }
    said = nil
    if bytes.readableBytes > 0 { write(piece, bytes) }
  }

  private func write(_ piece: StreamPiece, _ bytes: ByteBuffer) {
    var head = [piece.rawValue]
    if piece.hasBytes { head += (0..<4).map { UInt8(truncatingIfNeeded: bytes.readableBytes >> (8 * $0)) } }
    write(ByteBuffer(bytes: head))
    if piece.hasBytes { write(bytes) }
  }

  private func write(_ bytes: ByteBuffer) {
    pending.add(bytes) { whole in
      queue.add(whole.count) { [file] _ throws(Errno) in try file.write(whole) }
      queue.start()
    }
  }

  /// Nothing more comes.
  func end() {
    flush()
    queue.add(pending.count) { [file, pending] _ throws(Errno) in
      try file.write(pending)
      try file.finish()
    }
  }
}

/// The file of a stream, on the thread that writes it. One that does not come to its end is none.
final class StreamFile: Sendable {
  private let directory: DirectoryHandle
  private let unfinished: String
  private let finished: String
  private let file = Mutex<WritableFile?>(nil)

  /// - Parameter unfinished: its name until the end, in the directory.
  init(_ directory: DirectoryHandle, _ unfinished: String, finished: String) {
    self.directory = directory
    self.unfinished = unfinished
    self.finished = finished
  }

  deinit { if file.withLock({ $0 != nil }) { unlinkat(directory.descriptor, unfinished, 0) } }

  func create() throws(Errno) {
    try file.withLock { file throws(Errno) in file = try directory.createFile(unfinished) }
  }

  func write(_ piece: RecordedPiece) throws(Errno) {
    try file.withLock { file throws(Errno) in try file?.write(piece.parts) }
  }

  func finish() throws(Errno) {
    if renameat(directory.descriptor, unfinished, directory.descriptor, finished) < 0 {
      throw Errno(rawValue: errno)
    }
    file.withLock { $0 = nil }
  }
}

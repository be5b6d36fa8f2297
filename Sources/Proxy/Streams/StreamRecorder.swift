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

  init(_ file: StreamFile, _ header: StreamHeader, by queue: RecordingQueue) {
    self.file = file
    self.queue = queue
    write(ByteBuffer(bytes: header.bytes))
  }

  func add(_ piece: StreamPiece, _ bytes: ByteBuffer = ByteBuffer()) {
    if piece.hasBytes, said?.piece == piece, said!.bytes.readableBytes + bytes.readableBytes <= Self.largestPiece {
      said!.bytes.writeImmutableBuffer(bytes)
      return
    }
    flush()
    if piece.hasBytes, bytes.readableBytes <= Self.largestPiece { said = (piece, bytes) } else { write(piece, bytes) }
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
      queue.add(whole.count) { [file] () throws(Errno) in try file.write(whole) }
      queue.start()
    }
  }

  /// Nothing more comes.
  /// - Parameter written: called on any thread when it is kept, or could not be.
  func end(_ written: @escaping @Sendable () -> Void) {
    flush()
    queue.add(pending.count) { [file, pending] () throws(Errno) in
      try file.write(pending)
      try file.finish()
    }
    queue.end(written)
  }
}

/// The file of a stream, on the thread that writes it. One that does not come to its end is none.
final class StreamFile: Sendable {
  private let directory: DirectoryHandle
  private let number: Int
  private let file: Mutex<WritableFile?>

  init(_ directory: DirectoryHandle, _ number: Int) throws(Errno) {
    self.directory = directory
    self.number = number
    file = Mutex(try directory.createFile(".\(number)"))
  }

  deinit { if file.withLock({ $0 != nil }) { unlinkat(directory.descriptor, ".\(number)", 0) } }

  func write(_ piece: RecordedPiece) throws(Errno) {
    try file.withLock { file throws(Errno) in try file?.write(piece.parts) }
  }

  func finish() throws(Errno) {
    if renameat(directory.descriptor, ".\(number)", directory.descriptor, "\(number)") < 0 {
      throw Errno(rawValue: errno)
    }
    file.withLock { $0 = nil }
  }
}

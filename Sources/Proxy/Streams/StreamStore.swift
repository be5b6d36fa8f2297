import Glibc
import NIOCore
import Network
import Synchronization
import SystemPackage

/// Where the streams of a run are kept.
final class StreamStore: Sendable {
  private let directory: NetworkDirectory
  private let last = Mutex<[Domain: Int]>([:])

  init(_ directory: NetworkDirectory) { self.directory = directory }

  /// - Throws: what the file system says.
  func begin(_ header: StreamHeader, of domain: Domain) throws(Errno) -> StreamRecorder {
    let path = try directory.path(of: domain) + "/streams"
    if mkdir(path, 0o755) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    let streams = try DirectoryHandle(path)
    // Numbers go on after those of a proxy that ended before.
    let before = last.withLock { $0[domain] } == nil ? try streams.lastNumber() : 0
    let number = last.withLock { last in
      last[domain] = (last[domain] ?? before) + 1
      return last[domain]!
    }
    return try StreamRecorder(streams, ".\(number)", finished: "\(number)", header)
  }
}

/// Writes one stream down as it goes. On one event loop.
final class StreamRecorder {
  private let directory: DirectoryHandle
  private let unfinished: String
  private let finished: String
  /// Of what the guest says, where that is WebSocket.
  private var unmasking: WebSocketUnmasking?
  private var file: WritableFile?
  /// What one side has said in succession is one piece.
  private var pending: (piece: StreamPiece, bytes: ByteBuffer)?
  private static let largestPiece = 1 << 18
  /// What kept it from being whole.
  private(set) var failure: Errno?

  /// - Parameters:
  ///   - unfinished: the file's name until the end, in the directory.
  ///   - isWebSocket: the guest's bytes are kept without their masks.
  init(
    _ directory: DirectoryHandle, _ unfinished: String, finished: String, _ header: StreamHeader,
    isWebSocket: Bool = false
  ) throws(Errno) {
    self.directory = directory
    self.unfinished = unfinished
    self.finished = finished
    unmasking = isWebSocket ? WebSocketUnmasking() : nil
    file = try directory.createFile(unfinished)
    try file?.write(header.bytes)
  }

  func add(_ piece: StreamPiece, _ given: ByteBuffer = ByteBuffer()) {
    let bytes = piece == .sent ? unmasking?.unmasked(given) ?? given : given
    if piece.hasBytes, pending?.piece == piece, pending!.bytes.readableBytes + bytes.readableBytes <= Self.largestPiece
    {
      pending!.bytes.writeImmutableBuffer(bytes)
      return
    }
    flush()
    if piece.hasBytes, bytes.readableBytes <= Self.largestPiece {
      pending = (piece, bytes)
    } else {
      write(piece, bytes)
    }
  }

  private func flush() {
    guard let (piece, bytes) = pending else { return }
    pending = nil
    if bytes.readableBytes > 0 { write(piece, bytes) }
  }

  private func write(_ piece: StreamPiece, _ bytes: ByteBuffer) {
    guard let file, failure == nil else { return }
    do throws(Errno) {
      var head = [piece.rawValue]
      if piece.hasBytes { head += (0..<4).map { UInt8(truncatingIfNeeded: bytes.readableBytes >> (8 * $0)) } }
      try file.write(head)
      if piece.hasBytes { try file.write(bytes) }
    } catch { failure = error }
  }

  /// Nothing more comes. A stream that could not be kept whole is none.
  func end() {
    guard file != nil else { return }
    flush()
    file = nil
    if failure == nil, renameat(directory.descriptor, unfinished, directory.descriptor, finished) < 0 {
      failure = Errno(rawValue: errno)
    }
    if failure != nil { unlinkat(directory.descriptor, unfinished, 0) }
  }
}

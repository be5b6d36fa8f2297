import CArchives
import CLinux
import Glibc
import SystemPackage

/// An archive whose bytes are parsed by a child: the C libraries that do it get what strangers made. The child computes, reads the
/// archive's descriptor and answers; a system call that this does not need ends it (`child.c`). All that it says is checked here
/// as if the archive had said it.
final class ArchiveReader: ContentReader, @unchecked Sendable {
  enum Format { case tar, squashfs }

  let file: ArchiveFile
  private let child: pid_t
  private let socket: FileDescriptor
  private let channel: ReaderChannel
  /// One question at a time.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var isDead = false

  /// Bytes of memory for a child, of which a decompressor's window is the most.
  private static let memory = 2 << 30

  init(_ format: Format, _ file: ArchiveFile) throws(ArchiveError) {
    self.file = file
    // Before the fork: a child opens nothing.
    switch format {
    case .tar: _ = try LibArchive.load()
    case .squashfs: _ = try SquashfsImage.load()
    }
    withUTF8Locale {}
    pthread_mutex_init(mutex, nil)
    let job = ReaderJob(format, file)
    var socket: Int32 = -1
    child = uwrx_reader_start(
      file.file.rawValue, Self.memory,
      { socket, job in Unmanaged<ReaderJob>.fromOpaque(job!).takeUnretainedValue().serve(socket) },
      Unmanaged.passUnretained(job).toOpaque(), &socket)
    self.socket = FileDescriptor(rawValue: socket)
    channel = ReaderChannel(self.socket)
    guard child > 0 else {
      throw ArchiveError("cannot start the process that reads \(file.path): \(Errno(rawValue: -child))")
    }
  }

  deinit {
    if socket.rawValue >= 0 { close(socket.rawValue) }
    if child > 0, !isDead { _ = end() }
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  private func end() -> Int32 {
    isDead = true
    kill(child, SIGKILL)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, uwrx_errno() == EINTR {}
    return status
  }

  // MARK: Asking

  enum Failure: Error {
    case told(String)
    case errno(Errno)
  }

  /// Asks, and hands out the answers up to the end.
  /// - Returns: the number that comes with the end.
  func ask(
    _ kind: ReaderChannel.Kind, _ value: Int64 = 0, _ bytes: [UInt8] = [],
    _ body: (ReaderChannel.Message) throws(Failure) -> Void
  ) throws(Failure) -> Int64 {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isDead else { throw .errno(.ioError) }
    do throws(Errno) {
      var failure: Errno?
      bytes.withUnsafeBytes { bytes in
        do throws(Errno) {
          try channel.send(kind, value, [bytes])
          try channel.flush()
        } catch { failure = error }
      }
      if let failure { throw failure }
    } catch { throw died(hangs: false) }
    var refusal: Failure?
    while true {
      let message: ReaderChannel.Message?
      do throws(Errno) { message = try channel.receive() } catch { throw died(hangs: error == .timedOut) }
      guard let message else { throw died(hangs: false) }
      if message.kind == .end || message.kind == .failed {
        if let refusal { throw refusal }
        if message.kind == .end { return message.value }
        if message.value != 0 { throw .errno(Errno(rawValue: CInt(truncatingIfNeeded: message.value))) }
        throw .told(printable(message.bytes, limit: 1000))
      }
      if refusal != nil { continue }
      do throws(Failure) { try body(message) } catch {
        // The answers that are still to come would be taken for those to another question: those of a file end with it.
        refusal = error
        if kind != .copy {
          _ = end()
          throw error
        }
      }
    }
  }

  private func died(hangs: Bool) -> Failure {
    let status = end()
    if hangs {
      return .told(
        "\(file.path) cannot be read: its reader said nothing for a minute and was ended; it may be an attack")
    }
    let how =
      uwrx_wait_exited(status) != 0
      ? "with status \(uwrx_wait_exit_status(status))" : "by signal \(uwrx_wait_signal(status))"
    return .told("\(file.path) cannot be read: its reader was ended \(how); the archive is damaged, or an attack")
  }

  func told(_ failure: Failure) -> ArchiveError {
    switch failure {
    case .told(let message): ArchiveError(message)
    case .errno(let error): ArchiveError("\(file.path) cannot be read: \(error)")
    }
  }

  var isPlain: Bool {
    get throws(ArchiveError) {
      do throws(Failure) { return try ask(.probe) { _ throws(Failure) in } != 0 } catch { throw told(error) }
    }
  }
}

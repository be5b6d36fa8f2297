import CLinux
import Glibc
import SystemPackage

/// A program that a source needs, with a clean environment and a socket as its standard input and output.
final class Subprocess: @unchecked Sendable {
  private let socket: FileDescriptor
  private let pid: pid_t
  private var isOver = false
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var unread: Range<Int> = 0..<0

  /// - Throws: the error of posix_spawn(3).
  init(_ arguments: [String], environment: [String]) throws(Errno) {
    var sockets: [Int32] = [-1, -1]
    // One for both directions: unlike a pipe, a write to a program that has ended is an error and no signal.
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &sockets) == 0 else {
      throw Errno(rawValue: uwrx_errno())
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, sockets[1], 0)
    posix_spawn_file_actions_adddup2(&actions, sockets[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    // The terminal's signals are for the guest; the program ends when its input does.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setpgroup(&attributes, 0)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var argv = arguments.map { strdup($0) } + [nil]
    var envp = environment.map { strdup($0) } + [nil]
    defer {
      for text in argv + envp { free(text) }
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
      close(sockets[1])
    }
    var child: pid_t = 0
    let result = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
    guard result == 0 else {
      close(sockets[0])
      throw Errno(rawValue: result)
    }
    pid = child
    socket = FileDescriptor(rawValue: sockets[0])
  }

  deinit {
    close(socket.rawValue)
    guard !isOver else { return }
    kill(pid, SIGTERM)
    _ = wait()
  }

  /// Waits for the end of a program whose output has ended.
  /// - Returns: whether it was successful.
  func finish() -> Bool { wait() == 0 }

  private func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, uwrx_errno() == EINTR {}
    isOver = true
    return status
  }

  func write(_ bytes: [UInt8]) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(socket.rawValue, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
      }
      if count < 0, uwrx_errno() == EINTR { continue }
      guard count > 0 else { throw .ioError }
      done += count
    }
  }

  /// The next bytes of the output, at most `limit`; empty at its end.
  func read(limit: Int = .max) throws(Errno) -> ArraySlice<UInt8> {
    if unread.isEmpty {
      var count = -1
      repeat {
        count = buffer.withUnsafeMutableBytes { Glibc.read(socket.rawValue, $0.baseAddress, $0.count) }
      } while count < 0 && uwrx_errno() == EINTR
      guard count >= 0 else { throw Errno(rawValue: uwrx_errno()) }
      unread = 0..<count
    }
    let part = unread.prefix(limit)
    unread = part.endIndex..<unread.upperBound
    return buffer[part]
  }

  /// The output up to a byte, which is not part of it; nil at its end.
  func read(until end: UInt8, limit: Int) throws(Errno) -> [UInt8]? {
    var bytes: [UInt8] = []
    while true {
      let part = try read()
      guard !part.isEmpty else {
        if bytes.isEmpty { return nil }
        throw .ioError
      }
      if let position = part.firstIndex(of: end) {
        bytes += part[..<position]
        unread = (position + 1)..<unread.upperBound
        return bytes
      }
      bytes += part
      guard bytes.count <= limit else { throw .ioError }
    }
  }
}

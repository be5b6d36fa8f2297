import Glibc

/// A program that a test runs; what it writes is read from a pipe.
final class Program {
  private let process: pid_t
  private let output: Int32
  private var status: Int32?

  init(_ arguments: [String]) {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    // Connections that NIO has accepted are not closed by execve(2): another test's would end with this program alone.
    for descriptor: Int32 in 3..<1024 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var process: pid_t = 0
    let result = posix_spawnp(&process, arguments[0], &actions, nil, &words, environ)
    posix_spawn_file_actions_destroy(&actions)
    for word in words { free(word) }
    close(ends[1])
    precondition(result == 0, "\(arguments[0]) cannot be run")
    self.process = process
    output = ends[0]
  }

  deinit {
    _ = end()
    close(output)
  }

  /// Up to and with a line feed.
  func line() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1, byte != 0x0a { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// All that it writes, and how it ended: 0 or a code, or minus a signal.
  func finish() -> (bytes: [UInt8], status: Int32) {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(output, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
    return (bytes, wait())
  }

  /// Ends it where it has not ended.
  func end() -> Int32 {
    if status == nil { kill(process, SIGKILL) }
    return wait()
  }

  private func wait() -> Int32 {
    if let status { return status }
    var code: Int32 = 0
    while waitpid(process, &code, 0) < 0, errno == EINTR {}
    let result = code & 0x7f == 0 ? code >> 8 & 0xff : -(code & 0x7f)
    status = result
    return result
  }
}

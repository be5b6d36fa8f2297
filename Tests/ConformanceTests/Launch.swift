import Glibc
import Synchronization

/// What a program printed and how it ended.
struct Observation: Sendable {
  var output: [UInt8] = []
  var errors: [UInt8] = []
  /// As a shell reports it: 128 and the signal's number for a program that a signal ended.
  var status: Int32 = -1
  var timedOut = false
}

struct LaunchError: Error, CustomStringConvertible {
  let description: String
}

/// Runs a program in a process group of its own with its input at /dev/null, and reads both outputs until the last
/// process that holds them has closed them: a daemon may print after the command has ended.
func launch(
  _ arguments: [String], environment: [String] = ["PATH=/usr/bin:/bin", "LC_ALL=C"], seconds: Int = 60
) throws -> Observation {
  var (pid, output, errors) = try starting.withLock { _ in
    let output = try Pipe()
    let errors = try Pipe()
    let pid = try spawn(arguments, environment: environment, output: output.writeEnd, errors: errors.writeEnd)
    return (pid, output, errors)
  }
  defer {
    output.close()
    errors.close()
  }
  output.closeWriteEnd()
  errors.closeWriteEnd()

  var result = Observation()
  let deadline = monotonicMilliseconds() + seconds * 1000
  while output.isOpen || errors.isOpen {
    let left = deadline - monotonicMilliseconds()
    if left <= 0 {
      if result.timedOut { break }
      result.timedOut = true
      kill(-pid, SIGKILL)
    }
    // After the kill a second suffices for what is still in the pipes; who left the group does not hold us up.
    var descriptors = [
      pollfd(fd: output.readEnd, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors.readEnd, events: Int16(POLLIN), revents: 0),
    ]
    let ready = poll(&descriptors, 2, Int32(max(left, 1000)))
    if ready == 0 && result.timedOut { break }
    if descriptors[0].revents != 0 { output.drain(into: &result.output) }
    if descriptors[1].revents != 0 { errors.drain(into: &result.errors) }
  }

  var status: Int32 = 0
  while waitpid(pid, &status, WNOHANG) == 0 {
    if monotonicMilliseconds() > deadline {
      result.timedOut = true
      kill(-pid, SIGKILL)
      waitpid(pid, &status, 0)
      break
    }
    usleep(1000)
  }
  let signal = status & 0x7f
  result.status = signal == 0 ? (status >> 8) & 0xff : 128 + signal
  return result
}

/// Held while pipes are made and a program starts: between pipe and fcntl a program that another test starts at the
/// same time would inherit our ends and keep them open.
private let starting = Mutex<Void>(())

private func spawn(
  _ arguments: [String], environment: [String], output: Int32, errors: Int32
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, output, 1)
  posix_spawn_file_actions_adddup2(&actions, errors, 2)

  // A test runner may ignore or block signals, and a child inherits that.
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var all = sigset_t()
  sigfillset(&all)
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setpgroup(&attributes, 0)
  posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

  var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
  var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
  defer {
    for string in argv + envp { free(string) }
  }
  var pid: pid_t = 0
  let failure = posix_spawn(&pid, arguments[0], &actions, &attributes, &argv, &envp)
  guard failure == 0 else {
    throw LaunchError(description: "cannot run \(arguments[0]): \(String(cString: strerror(failure)))")
  }
  return pid
}

private func monotonicMilliseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

/// Both ends close on exec.
private struct Pipe {
  private(set) var readEnd: Int32
  private(set) var writeEnd: Int32
  var isOpen: Bool { readEnd >= 0 }

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw LaunchError(description: "no pipe: errno \(errno)") }
    (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  /// One read of what poll says is there; the read end closes at the end of the data.
  mutating func drain(into bytes: inout [UInt8]) {
    let count = withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
      let count = read(readEnd, buffer.baseAddress!, buffer.count)
      // A program that prints without end is judged by its first megabytes.
      if count > 0 && bytes.count < 8 << 20 { bytes.append(contentsOf: buffer[..<count]) }
      return count
    }
    if count == 0 || (count < 0 && errno != EINTR) { closeReadEnd() }
  }

  mutating func closeReadEnd() {
    if readEnd >= 0 { Glibc.close(readEnd) }
    readEnd = -1
  }

  mutating func closeWriteEnd() {
    if writeEnd >= 0 { Glibc.close(writeEnd) }
    writeEnd = -1
  }

  mutating func close() {
    closeReadEnd()
    closeWriteEnd()
  }
}

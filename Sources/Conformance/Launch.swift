import Glibc
import Supervisor

/// What a program printed and how it ended.
public struct Observation: Sendable {
  public internal(set) var output: [UInt8] = []
  public internal(set) var errors: [UInt8] = []
  /// As a shell reports it: 128 and the signal's number for a program that a signal ended.
  public internal(set) var status: Int32 = -1
  var timedOut = false
}

/// Runs a program in a process group of its own with its input at /dev/null, and reads both outputs until the last
/// process that holds them has closed them: a daemon may print after the command has ended.
func launch(
  _ arguments: [String], environment: [String] = ["PATH=/usr/bin:/bin", "LC_ALL=C"], seconds: Int = 60
) throws(ConformanceError) -> Observation {
  var (pid, output, errors) = try LiveProcesses.shared.start {
    () throws(ConformanceError) -> (pid: pid_t, Pipe, Pipe) in
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

  var status = LiveProcesses.shared.reap(pid)
  while status == nil {
    if monotonicMilliseconds() > deadline {
      result.timedOut = true
      kill(-pid, SIGKILL)
    }
    usleep(1000)
    status = LiveProcesses.shared.reap(pid)
  }
  let signal = status! & 0x7f
  result.status = signal == 0 ? (status! >> 8) & 0xff : 128 + signal
  return result
}

private func spawn(
  _ arguments: [String], environment: [String], output: Int32, errors: Int32
) throws(ConformanceError) -> pid_t {
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
    throw ConformanceError("cannot run \(arguments[0]): \(String(cString: strerror(failure)))")
  }
  return pid
}

private func monotonicMilliseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

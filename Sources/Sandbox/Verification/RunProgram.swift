import CLinux
import Glibc
import Inspect
import SystemPackage
import Tracing

/// A run in a process of its own: this program again, with other arguments and in other surroundings.
public struct RunProgram {
  /// How it has ended.
  public struct End: Sendable {
    /// The exit status, or 128 plus the signal.
    public var exitCode: Int32
    /// SHA-256 of what it has written to its standard output.
    public var output: [UInt8]
    /// The end of what it has written to its standard error.
    public var errors: [UInt8]
    /// The user has asked for its end.
    public var isInterrupted: Bool
    /// Why what it has written could not all be passed on; nil also if nobody reads it any more.
    public var failure: Errno?
  }

  private static let mostErrors = 1 << 14

  /// - Parameters:
  ///   - isShown: what it writes is passed on.
  /// - Throws: a message for the user.
  public static func run(
    _ arguments: [String], in surroundings: Surroundings, isShown: Bool
  ) throws(SupervisorError) -> End {
    var pipes: [[Int32]] = [[-1, -1], [-1, -1]]
    defer { for end in pipes.joined() where end >= 0 { close(end) } }
    for index in pipes.indices {
      guard pipe(&pipes[index]) == 0 else { throw failure() }
      for end in pipes[index] { _ = uwrx_fcntl(end, F_SETFD, Int(FD_CLOEXEC)) }
    }
    return try EndRequests.heldBack { (requests, mask) throws(SupervisorError) in
      let (output, errors) = (pipes[0][1], pipes[1][1])
      let child = try surroundings.with { () throws(SupervisorError) in
        try spawn(arguments, surroundings.environment, output, errors, mask)
      }
      for index in pipes.indices {
        close(pipes[index][1])
        pipes[index][1] = -1
      }
      var relay = Relay(isShown: isShown)
      // The load goes on as long as the run does.
      return try surroundings.with { () throws(SupervisorError) in
        relay.relay(pipes[0][0], pipes[1][0], requests, child)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, uwrx_errno() == EINTR {}
        let code = uwrx_wait_exited(status) != 0 ? uwrx_wait_exit_status(status) : 128 + uwrx_wait_signal(status)
        return End(
          exitCode: code, output: relay.digest.finish(), errors: relay.errors, isInterrupted: relay.isInterrupted,
          failure: relay.failure)
      }
    }
  }

  private static func failure() -> SupervisorError {
    SupervisorError("cannot start a run: \(String(cString: strerror(uwrx_errno())))")
  }

  private static func spawn(
    _ arguments: [String], _ environment: [String], _ output: Int32, _ errors: Int32, _ mask: sigset_t
  ) throws(SupervisorError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // What is read can be read once.
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var mask = mask
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setsigmask(&attributes, &mask)
    var argv = (["uwrx"] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, &argv, &envp)
    guard result == 0 else {
      throw SupervisorError("cannot start a run: \(String(cString: strerror(result)))")
    }
    return child
  }

  /// Passes on what a run writes, and signals to it.
  private struct Relay {
    let isShown: Bool
    var digest = RunningDigest()
    var errors: [UInt8] = []
    var isInterrupted = false
    /// Why nothing is passed on any more, of output and errors.
    private var failures: [Errno?] = [nil, nil]
    var failure: Errno? { failures.compactMap { $0 }.first { $0 != .brokenPipe } }
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(isShown: Bool) { self.isShown = isShown }

    /// Until both pipes have ended.
    mutating func relay(_ output: Int32, _ errors: Int32, _ requests: Int32, _ child: pid_t) {
      let wanted = Int16(POLLIN)
      var polled = [
        pollfd(fd: output, events: wanted, revents: 0), pollfd(fd: errors, events: wanted, revents: 0),
        pollfd(fd: requests, events: wanted, revents: 0),
      ]
      while polled[0].fd >= 0 || polled[1].fd >= 0 {
        if poll(&polled, 3, -1) < 0 { continue }
        for index in 0..<2 where polled[index].revents != 0 && polled[index].fd >= 0 {
          let count = read(polled[index].fd, &buffer, buffer.count)
          if count < 0, uwrx_errno() == EINTR { continue }
          if count <= 0 {
            polled[index].fd = -1
            continue
          }
          take(buffer[..<count], from: index)
        }
        if polled[2].revents != 0 { forward(requests, child) }
      }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, from index: Int) {
      if index == 0 {
        digest.add(Array(bytes))
      } else {
        errors += bytes
        if errors.count > RunProgram.mostErrors { errors.removeFirst(errors.count - RunProgram.mostErrors) }
      }
      guard isShown, failures[index] == nil else { return }
      // Where nobody reads it any more the comparison is made all the same.
      let disposition = signal(SIGPIPE, SIG_IGN)
      defer { signal(SIGPIPE, disposition) }
      let output = OutputBuffer(FileDescriptor(rawValue: Int32(index + 1)))
      output.append(Array(bytes))
      do throws(Errno) { try output.flush() } catch { failures[index] = error }
    }

    private mutating func forward(_ requests: Int32, _ child: pid_t) {
      var request = signalfd_siginfo()
      while read(requests, &request, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
        isInterrupted = true
        // What a terminal sends (SI_KERNEL) the run has got, too.
        if request.ssi_code <= 0 { kill(child, Int32(request.ssi_signo)) }
      }
    }
  }

  /// SHA-256 that can be a part of what is copied.
  private final class RunningDigest {
    private var state: SHA256? = SHA256()

    func add(_ bytes: [UInt8]) { state?.add(bytes) }
    func finish() -> [UInt8] { state.take()?.finish() ?? [] }
  }
}

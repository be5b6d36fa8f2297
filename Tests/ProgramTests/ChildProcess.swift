import Foundation
import Glibc

/// How a program ended and what it said.
struct Outcome {
  var status: Int32 = -1  // as a shell gives it: 128 + n for signal n
  var output: [UInt8] = []
  var errors: [UInt8] = []
  var timedOut = false
  var seconds: Double = 0

  var text: String { String(decoding: output, as: UTF8.self) }
  var errorText: String { String(decoding: errors, as: UTF8.self) }
}

struct SpawnError: Error, CustomStringConvertible {
  let program: String
  let code: Int32
  var description: String { "cannot start \(program): \(String(cString: strerror(code)))" }
}

/// GNU extensions, which Swift's Glibc module does not show.
private enum GNU {
  typealias Pipe = @convention(c) (UnsafeMutablePointer<Int32>, Int32) -> Int32
  typealias AddDirectory =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32
  static let pipe2 = unsafeBitCast(dlsym(nil, "pipe2"), to: Pipe.self)
  static let addDirectory = unsafeBitCast(dlsym(nil, "posix_spawn_file_actions_addchdir_np"), to: AddDirectory.self)
  typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
  /// glibc 2.34
  static let closeFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
    unsafeBitCast($0, to: CloseFrom.self)
  }
  static let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID
}

/// A program in a session of its own, whose output is read while it runs.
///
/// Foundation's Process is not used: it gives neither a session (so that job control inside the program cannot hide
/// processes from us) nor a way to read two pipes with a deadline.
final class ChildProcess {
  let pid: pid_t
  private var pipes: [Int32]
  private var received: [[UInt8]] = [[], []]
  private let started = ContinuousClock.now
  private var collected: Int32?

  /// More output than any test prints; a program that prints endlessly is ended instead of filling our memory.
  private static let mostOutput = 64 << 20

  init(_ command: [String], in directory: String, environment: [String: String]) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var ends: [[Int32]] = []
    for descriptor: Int32 in [1, 2] {
      var pair: [Int32] = [-1, -1]
      // Closed on exec, or another test's child would keep our pipe open.
      guard GNU.pipe2(&pair, O_CLOEXEC) == 0 else { throw SpawnError(program: command[0], code: errno) }
      posix_spawn_file_actions_adddup2(&actions, pair[1], descriptor)
      ends.append(pair)
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    _ = GNU.addDirectory(&actions, directory)
    // uwrx passes on nothing above 2; a program that looks must not find more natively only because we were given more.
    _ = GNU.closeFrom?(&actions, 3)

    // The test runner may ignore or block signals; the program must start with none of that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(Int32(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | GNU.newSession))

    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var child: pid_t = 0
    let result = posix_spawnp(&child, command[0], &actions, &attributes, &arguments, &variables)
    for pair in ends { close(pair[1]) }
    pipes = ends.map { $0[0] }
    pid = child
    guard result == 0 else {
      for descriptor in pipes { close(descriptor) }
      pipes = []
      throw SpawnError(program: command[0], code: result)
    }
  }

  deinit {
    if !pipes.isEmpty || collected == nil { destroy() }
    for descriptor in pipes where descriptor >= 0 { close(descriptor) }
  }

  var output: String { String(decoding: received[0], as: UTF8.self) }
  var errors: String { String(decoding: received[1], as: UTF8.self) }

  /// Sends to the process alone, or, as a terminal does for Ctrl-C, to its whole group.
  func send(_ signal: Int32, toGroup: Bool = false) { _ = kill(toGroup ? -pid : pid, signal) }

  /// Reads until standard output, or standard error, contains the text; false if it did not in time.
  func waits(for text: String, seconds: Double, inErrors: Bool = false) -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !(inErrors ? errors : output).contains(text) {
      guard pipes.contains(where: { $0 >= 0 }), ContinuousClock.now < deadline else { return false }
      read(until: deadline, atMost: 100)
    }
    return true
  }

  /// Reads to the end of both outputs (so a daemon that holds them is waited for) and collects the exit status.
  /// What is still alive after the given time is killed.
  func finish(within seconds: Double) -> Outcome {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var outcome = Outcome()
    while pipes.contains(where: { $0 >= 0 }) {
      if ContinuousClock.now >= deadline || received[0].count + received[1].count > Self.mostOutput {
        outcome.timedOut = true
        break
      }
      read(until: deadline, atMost: 1000)
    }
    while !outcome.timedOut && !collect(block: false) {
      if ContinuousClock.now >= deadline { outcome.timedOut = true }
      usleep(2000)
    }
    if outcome.timedOut { destroy() }
    for index in pipes.indices where pipes[index] >= 0 { close(pipes[index]) }
    pipes = []
    outcome.status = collected ?? -1
    outcome.output = received[0]
    outcome.errors = received[1]
    outcome.seconds = Double((ContinuousClock.now - started).components.seconds)
    return outcome
  }

  private func read(until deadline: ContinuousClock.Instant, atMost milliseconds: Int32) {
    var polled = pipes.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    for index in polled.indices where polled[index].revents != 0 {
      let count = Glibc.read(pipes[index], &buffer, buffer.count)
      if count > 0 {
        received[index].append(contentsOf: buffer[0..<count])
      } else if count == 0 || errno != EINTR {
        close(pipes[index])
        pipes[index] = -1
      }
    }
  }

  private func collect(block: Bool) -> Bool {
    if collected != nil { return true }
    var status: Int32 = 0
    guard waitpid(pid, &status, block ? 0 : WNOHANG) == pid else { return false }
    let signal = status & 0x7f
    collected = signal == 0 ? (status >> 8) & 0xff : 128 + signal
    return true
  }

  /// Kills the program's process group and every group in its session: a shell with job control makes its own.
  private func destroy() {
    kill(-pid, SIGKILL)
    for process in HostProcess.all() where process.session == pid { kill(-process.group, SIGKILL) }
    _ = collect(block: true)
  }
}

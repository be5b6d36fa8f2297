import CLinux
import Glibc
import SystemPackage
import Tracing

/// The program `diffoscope`, which looks into more kinds of files: <https://diffoscope.org>.
///
/// It runs as the user, outside of any virtual kernel, on what the runs have left, and starts the tools that it has for each kind. It gets
/// a bound on its time and on what it may say, and is killed with its process group.
public struct Diffoscope: Sendable {
  private let program: String
  private let patience: Int
  private static let longestReport = 1 << 20
  /// Of what it says of its failure.
  private static let longestErrors = 1 << 12

  /// - Parameter patience: seconds that it may take for a pair of files.
  /// - Throws: a message if it is not installed.
  public init(patience: Int = 60) throws(TraceError) {
    self.patience = patience
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let candidates: [String] = path.split(separator: ":").map { "\($0)/diffoscope" }
    let found = candidates.first { access($0, X_OK) == 0 }
    guard let found else {
      throw TraceError(
        "diffoscope is not in PATH: install it (Debian: diffoscope-minimal), or leave --diffoscope out, "
          + "as uwrx diff looks into most files itself")
    }
    program = found
  }

  init(program: String, patience: Int) {
    self.program = program
    self.patience = patience
  }

  /// What it says of a file of both runs, or why it says nothing; nil for a file of one run.
  func report(on file: TraceComparison.File) -> [UInt8]? { file.places.map { report($0.first, $0.second) } }

  /// - Parameters: absolute paths, each with its zero.
  func report(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
    var ends: [[Int32]] = [[-1, -1], [-1, -1]]
    defer { for end in ends.joined() where end >= 0 { close(end) } }
    for index in ends.indices {
      guard pipe(&ends[index]) == 0 else { return failure(uwrx_errno()) }
      for end in ends[index] { _ = uwrx_fcntl(end, F_SETFD, Int(FD_CLOEXEC)) }
    }
    // Its group is not the terminal's: whoever ends uwrx ends it, too.
    return EndRequests.heldBack { requests, previous in
      let started = start(first, second, output: ends[0][1], errors: ends[1][1], mask: previous)
      for index in ends.indices {
        close(ends[index][1])
        ends[index][1] = -1
      }
      switch started {
      case .success(let child): return report(of: child, ends[0][0], ends[1][0], requests)
      case .failure(let error): return failure(error.rawValue)
      }
    }
  }

  private func report(of child: pid_t, _ output: Int32, _ errors: Int32, _ requests: Int32) -> [UInt8] {
    var (report, complaint, remark) = read(child, output, errors, requests)
    // With what it has started. If it was cut off, it is told why and not how it has ended.
    kill(-child, SIGKILL)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, uwrx_errno() == EINTR {}
    if remark.isEmpty, uwrx_wait_exited(status) == 0 || uwrx_wait_exit_status(status) > 1 {
      remark =
        uwrx_wait_exited(status) != 0
        ? "diffoscope failed with status \(uwrx_wait_exit_status(status))"
        : "diffoscope was ended by signal \(uwrx_wait_signal(status))"
      while complaint.last == UInt8(ascii: "\n") { complaint.removeLast() }
      if !complaint.isEmpty { remark += ": " }
    } else {
      complaint = []
    }
    if report.last == UInt8(ascii: "\n") { report.removeLast() }
    if !remark.isEmpty { report += (report.isEmpty ? "" : "\n").utf8 + Array("(\(remark)".utf8) + complaint + ")".utf8 }
    return report
  }

  private func failure(_ code: Int32) -> [UInt8] { Array("(it cannot be started: \(Errno(rawValue: code)))".utf8) }

  private func start(
    _ first: [UInt8], _ second: [UInt8], output: Int32, errors: Int32, mask: sigset_t
  ) -> Result<pid_t, Errno> {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    // A group of its own, so that what it starts ends with it.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    var mask = mask
    posix_spawnattr_setsigmask(&attributes, &mask)
    posix_spawnattr_setpgroup(&attributes, 0)
    let options = [program, "--text", "-", "--no-progress", "--"].map { Array($0.utf8) + [0] }
    var argv: [UnsafeMutablePointer<CChar>?] = (options + [first, second]).map { text in
      strdup(text.map { CChar(bitPattern: $0) })
    }
    argv.append(nil)
    defer {
      for text in argv { free(text) }
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    var child: pid_t = 0
    let result = posix_spawn(&child, program, &actions, &attributes, &argv, uwrx_environ())
    return result == 0 ? .success(child) : .failure(Errno(rawValue: result))
  }

  /// Until it has ended, is asked to end, has said more than it may, or its time is over. What it has started may hold the pipes open for
  /// longer than it lives.
  private func read(
    _ child: pid_t, _ output: Int32, _ errors: Int32, _ requests: Int32
  ) -> (report: [UInt8], errors: [UInt8], remark: String) {
    var texts: [[UInt8]] = [[], []]
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let process = Int32(truncatingIfNeeded: uwrx_pidfd_open(child))
    func result(_ remark: String) -> (report: [UInt8], errors: [UInt8], remark: String) { (texts[0], texts[1], remark) }
    guard process >= 0 else { return result("diffoscope cannot be waited for: \(Errno(rawValue: -process))") }
    defer { close(process) }
    for end in [output, errors] { _ = uwrx_fcntl(end, F_SETFL, Int(O_NONBLOCK)) }
    var polled = [output, errors, requests, process].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let end = ContinuousClock.now + .seconds(patience)
    while texts[0].count < Self.longestReport {
      let left = (end - .now).components
      let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
      guard milliseconds > 0 else { return result("diffoscope was ended after \(patience) seconds") }
      guard poll(&polled, nfds_t(polled.count), Int32(clamping: milliseconds)) > 0 else { continue }
      // The signal waits until the mask is what it was.
      if polled[2].revents != 0 { return result("diffoscope was interrupted") }
      // What a pipe holds at the end comes with one read.
      let hasEnded = polled[3].revents != 0
      for index in 0..<2 where polled[index].fd >= 0 && (hasEnded || polled[index].revents != 0) {
        let count = Glibc.read(polled[index].fd, &buffer, buffer.count)
        if count < 0, uwrx_errno() == EINTR || uwrx_errno() == EAGAIN { continue }
        if count > 0 { texts[index] += buffer[..<count] } else { polled[index].fd = -1 }
      }
      // The end tells what it failed of.
      if texts[1].count > Self.longestErrors { texts[1].removeFirst(texts[1].count - Self.longestErrors) }
      if hasEnded { return result("") }
    }
    return result("diffoscope has more to say: this is the first MiB")
  }
}

import Foundation
import Testing

/// A real terminal without a window: a tmux server of its own, which ends with the test.
final class Tmux {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  static let binary: String = {
    if let path = ProcessInfo.processInfo.environment["UWRX"] { return path }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return root.appendingPathComponent(".build/debug/uwrx").path
  }()

  let directory: String

  /// - Parameter command: for `sh`; what it prints stays to be seen.
  static func with(
    rows: Int = 24, columns: Int = 80, _ command: (String) throws -> String,
    _ body: (Tmux) throws -> Void
  ) throws {
    let directory = "/var/tmp/uwrx-ui-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let tmux = Tmux(directory)
    defer {
      tmux.end()
      try? FileManager.default.removeItem(atPath: directory)
    }
    try tmux.run(
      ["new-session", "-d", "-x", "\(columns)", "-y", "\(rows)"] + ["-e", "LC_ALL=C.UTF-8"] + [
        command(directory)
      ])
    try body(tmux)
  }

  private init(_ directory: String) { self.directory = directory }

  /// Not by `Process`, which waits until the last descendant has closed a socket of its own: here, the server.
  @discardableResult
  func run(_ arguments: [String]) throws -> String {
    let path = directory + "/output"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // The server must hold nothing open that whoever runs the tests waits for.
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    }
    // The threads of tests have signals blocked that a shell and tmux itself live by.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let environment = ProcessInfo.processInfo.environment.merging([
      "TMUX_TMPDIR": directory, "LC_ALL": "C.UTF-8", "TMUX": "",
    ]) { $1 }
    var words = (["tmux", "-L", "ui", "-f", "/dev/null", "-u"] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in words + variables { free(string) } }
    var pid = pid_t()
    guard posix_spawnp(&pid, "tmux", &actions, &attributes, &words, &variables) == 0 else {
      throw Failure(description: "tmux is missing: .ci/install installs it")
    }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let text = try String(contentsOfFile: path, encoding: .utf8)
    guard status == 0 else { throw Failure(description: "tmux \(arguments): \(text)") }
    return text
  }

  /// Ends the server and waits for that.
  private func end() {
    let server = (try? run(["display-message", "-p", "#{pid}"])).flatMap {
      Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    _ = try? run(["kill-server"])
    guard let server else { return }
    for _ in 0..<200 where kill(server, 0) == 0 { usleep(10_000) }
    kill(server, SIGKILL)
  }

  /// Presses keys, by tmux's names for them.
  func press(_ keys: String...) throws { try run(["send-keys"] + keys) }

  func type(_ text: String) throws { try run(["send-keys", "-l", text]) }

  func resize(rows: Int, columns: Int) throws {
    try run(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
  }

  var screen: [String] {
    get throws {
      try run(["capture-pane", "-p"]).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Waits until the screen is as it should be, and stays so: it can be seen half drawn.
  @discardableResult
  func wait(_ what: String, until condition: ([String]) -> Bool) throws -> [String] {
    let deadline = Date(timeIntervalSinceNow: 60)
    var before: [String] = []
    while true {
      let rows = try screen
      if rows == before, condition(rows) { return rows }
      before = rows
      if Date() > deadline {
        throw Failure(description: "\(what) is not on the screen:\n" + rows.joined(separator: "\n"))
      }
      usleep(50_000)
    }
  }

  @discardableResult
  func wait(for text: String) throws -> [String] { try wait(text) { $0.contains { $0.contains(text) } } }

  /// The first child of the pane's process.
  func child() throws -> Int32 {
    let pane = try run(["display-message", "-p", "#{pane_pid}"]).trimmingCharacters(in: .whitespacesAndNewlines)
    let children = try String(contentsOfFile: "/proc/\(pane)/task/\(pane)/children", encoding: .utf8)
    return try #require(children.split(separator: " ").first.flatMap { Int32($0) })
  }
}

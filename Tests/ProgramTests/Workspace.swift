import Foundation
import Glibc

/// Who runs a program, natively and under uwrx.
enum Identity: String, CaseIterable, Sendable {
  case root
  /// uid 1000; where the tests themselves have no privilege, whoever they are.
  case user
  /// Under uwrx, root starts the run and asks for another user in the guest (--uid 1000 --gid 1000).
  case mapped

  static let number = 1000

  var isPossible: Bool { geteuid() == 0 || self == .user }

  /// What has to stand before a command of the host so that this identity runs it.
  var prefix: [String] {
    guard geteuid() == 0, self != .root else { return [] }
    return ["setpriv", "--reuid", "\(Self.number)", "--regid", "\(Self.number)", "--clear-groups", "--"]
  }
}

/// The folders of one test: `work` (what the program sees as its current directory), `build` (uwrx's) and two
/// temporary directories. Not in /tmp, which a run has to leave alone and which is watched. Removed with the object.
final class Workspace {
  let root: String
  let identity: Identity
  var work: String { root + "/work" }
  var build: String { root + "/build" }
  var temporary: String { root + "/tmp" }
  var nativeTemporary: String { root + "/native-tmp" }
  /// Where uwrx keeps the user's key: not in the home directory, which is `work`.
  private var state: String { root + "/state" }

  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  init(_ identity: Identity) throws {
    self.identity = identity
    var template = Array("/var/tmp/uwrx-tests-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SpawnError(program: "mkdtemp", code: errno) }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(root, 0o755)
    for directory in [work, build, temporary, nativeTemporary, state] {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }
    try giveAway()
  }

  deinit {
    // A program may leave directories that even their owner cannot list.
    _ = try? ChildProcess(["chmod", "-R", "u+rwx", root], in: "/", environment: Self.environment).finish(within: 60)
    _ = try? ChildProcess(["rm", "-rf", root], in: "/", environment: Self.environment).finish(within: 120)
  }

  static let environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"]

  var environment: [String: String] { Self.environment.merging(["HOME": work]) { $1 } }

  /// Makes everything here belong to who will work in it. uwrx's own folders belong to who starts it.
  func giveAway() throws {
    guard geteuid() == 0, identity != .root else { return }
    let folders = identity == .user ? [work, build, temporary, nativeTemporary, state] : [work, nativeTemporary]
    let owner = "\(Identity.number):\(Identity.number)"
    _ = try ChildProcess(["chown", "-R", owner] + folders, in: "/", environment: Self.environment).finish(within: 60)
  }

  /// Empties the work folder and fills it: copies of single files, and of the files of a folder as `source`.
  func refill(files: [String], source: String?) throws {
    // Under the same path, so that a path in the output cannot be a difference.
    _ = try ChildProcess(["chmod", "-R", "u+rwx", work], in: "/", environment: Self.environment).finish(within: 60)
    _ = try ChildProcess(["rm", "-rf", work], in: "/", environment: Self.environment).finish(within: 120)
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: false)
    chmod(work, 0o755)
    for file in files {
      _ = try ChildProcess(["cp", file, work], in: "/", environment: Self.environment).finish(within: 60)
    }
    if let source {
      _ = try ChildProcess(["cp", "-r", source, work + "/source"], in: "/", environment: Self.environment).finish(
        within: 60)
    }
    try giveAway()
  }

  func native(_ command: [String], within seconds: Double) throws -> Outcome {
    let environment = environment.merging(["TMPDIR": nativeTemporary]) { $1 }
    return try ChildProcess(
      (identity == .mapped ? Identity.user : identity).prefix + command, in: work, environment: environment
    )
    .finish(within: seconds)
  }

  /// Starts `uwrx run`. Its own TMPDIR is ours to check; the guest must not inherit it, as it has no such folder, nor where uwrx keeps
  /// its state, as it has no such variable natively.
  func start(_ options: [String], _ command: [String], system: Bool = true) throws -> ChildProcess {
    var options = (system ? ["--system"] : []) + ["--build", build] + options
    // The guest is to itself who the user is natively.
    if identity != .root { options += ["--uid", "\(Identity.number)", "--gid", "\(Identity.number)"] }
    let environment = environment.merging(["TMPDIR": temporary, "XDG_STATE_HOME": state]) { $1 }
    let prefix = identity == .mapped ? [] : identity.prefix
    return try ChildProcess(
      prefix + [try binary(), "run"] + options + ["--", "env", "-u", "TMPDIR", "-u", "XDG_STATE_HOME"] + command,
      in: work,
      environment: environment)
  }

  func run(_ options: [String], _ command: [String], within seconds: Double) throws -> Outcome {
    try start(options, command).finish(within: seconds)
  }

  /// The program under test: $UWRX or the debug build. A user who is not us may be unable to reach it where it was built.
  private func binary() throws -> String {
    let given = ProcessInfo.processInfo.environment["UWRX"] ?? Self.package + "/.build/debug/uwrx"
    let path = given.hasPrefix("/") ? given : Self.package + "/" + given
    guard access(path, X_OK) == 0 else { throw SpawnError(program: path, code: errno) }
    guard geteuid() == 0, identity == .user else { return path }
    let isReachable =
      try ChildProcess(identity.prefix + ["test", "-x", path], in: "/", environment: Self.environment)
      .finish(within: 30).status == 0
    if isReachable { return path }
    let copy = root + "/uwrx"
    if access(copy, F_OK) != 0 {
      _ = try ChildProcess(["cp", path, copy], in: "/", environment: Self.environment).finish(within: 60)
      chmod(copy, 0o755)
    }
    return copy
  }

  /// Paths below the build folder that end in a name.
  func written(_ name: String) -> [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: build)) ?? []).filter {
      ($0 as NSString).lastPathComponent == name
    }.sorted()
  }
}

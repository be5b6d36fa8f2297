import CLinux
import Glibc
import SystemPackage

/// The directory of one run: `<build>/<step>/<attempt>/`, made so that runs that begin at the same moment get their own.
public struct RunDirectory: Sendable {
  public let path: String
  public let step: Int
  public let attempt: Int
  /// The directory that holds the steps, without symbolic links.
  public let build: String

  /// - Parameters:
  ///   - real: the directory that holds the steps, without symbolic links.
  ///   - step: nil means the largest step plus 10, or 0 if there is none.
  /// - Throws: `SupervisorError` if a directory cannot be made.
  public init(build real: String, step: Int?) throws(SupervisorError) {
    self.build = real
    if let step {
      self.step = step
      if mkdir("\(real)/\(step)", 0o777) < 0 {
        guard uwrx_errno() == EEXIST else { throw Self.failure("\(real)/\(step)") }
        var status = stat()
        guard lstat("\(real)/\(step)", &status) == 0, status.st_mode & 0o170000 == 0o040000 else {
          throw SupervisorError("\(real)/\(step) is no directory: runs are not kept where a link leads; remove it")
        }
      }
    } else {
      self.step = try Self.claimNumber(in: real, interval: 10)
    }
    // What a run was given and has printed is its user's own.
    attempt = try Self.claimNumber(in: "\(real)/\(self.step)", interval: 1, mode: 0o700)
    path = "\(real)/\(self.step)/\(attempt)"
    // Its mode is that of the guest's root, whatever the umask is.
    guard mkdir("\(path)/files", 0o755) == 0, chmod("\(path)/files", 0o755) == 0 else {
      throw Self.failure("\(path)/files")
    }
  }

  /// Makes the directory that holds the steps.
  /// - Returns: its path without symbolic links.
  /// - Throws: `SupervisorError` also for a path that a checkout or another user may have led elsewhere.
  public static func makeBuild(_ build: String) throws(SupervisorError) -> String {
    try BuildPath(build).check()
    try makeDirectories(build)
    guard let real = realPath(build) else {
      throw SupervisorError("cannot find the build directory \(build): \(Errno(rawValue: uwrx_errno()))")
    }
    return real
  }

  /// Makes the directory of a step.
  /// - Parameter step: nil means as a run does that is told none.
  /// - Returns: its number.
  public static func makeStep(in build: String, _ step: Int?) throws(SupervisorError) -> Int {
    guard let step else { return try claimNumber(in: build, interval: 10) }
    if mkdir("\(build)/\(step)", 0o777) < 0, uwrx_errno() != EEXIST { throw failure("\(build)/\(step)") }
    return step
  }

  /// The number of the newest attempt; nil if there is none.
  public static func lastAttempt(in build: String, step: Int) -> Int? { numbers(in: "\(build)/\(step)").max() }

  /// Whether nothing of the user's is in a directory that holds the steps.
  static func holdsOnlyRuns(_ build: String) -> Bool {
    (directoryEntries(build) ?? []).allSatisfy { name in
      [".", "..", "last"].contains(name) || name.hasPrefix(verificationPrefix)
        || name.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }
  }

  /// What the names of directories begin with that hold another copy of the project for a while.
  public static let verificationPrefix = ".verify-"

  /// Makes the directory of the next free number; mkdir(2) decides who is first.
  private static func claimNumber(in directory: String, interval: Int, mode: mode_t = 0o777) throws(SupervisorError)
    -> Int
  {
    while true {
      let next = numbers(in: directory).max().map { $0 + interval } ?? 0
      guard next <= largest else {
        throw SupervisorError(
          "the numbers in \(directory) are used up: \(next - interval) is there; remove it, or name another place with --build"
        )
      }
      if mkdir("\(directory)/\(next)", mode) == 0 { return next }
      guard uwrx_errno() == EEXIST else { throw failure("\(directory)/\(next)") }
    }
  }

  /// The largest number that `--step` takes. A directory with a larger one is none of uwrx's.
  private static let largest = Int(UInt32.max)

  private static func numbers(in directory: String) -> [Int] {
    (directoryEntries(directory) ?? []).compactMap { name in
      Int(name).flatMap { String($0) == name && (0...largest).contains($0) ? $0 : nil }
    }
  }

  private static func makeDirectories(_ path: String) throws(SupervisorError) {
    if !path.hasPrefix("/"), currentDirectory() == nil, uwrx_errno() == ENOENT {
      throw SupervisorError(
        "the current directory was removed, and runs are kept in its \(path): go to one that exists, or name another place with "
          + "--build /path")
    }
    var made = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      made += component + "/"
      if mkdir(made, 0o777) < 0, uwrx_errno() != EEXIST { throw failure(made) }
    }
  }

  private static func failure(_ path: String) -> SupervisorError {
    SupervisorError(
      "cannot make the directory \(path): \(Errno(rawValue: uwrx_errno())); name another place with --build")
  }
}

/// The current directory without symbolic links, or nil with errno set if it was removed.
public func currentDirectory() -> String? {
  guard let path = getcwd(nil, 0) else { return nil }
  defer { free(path) }
  return String(cString: path)
}

/// realpath(3), or nil with errno set.
public func realPath(_ path: String) -> String? {
  guard let real = realpath(path, nil) else { return nil }
  defer { free(real) }
  return String(cString: real)
}

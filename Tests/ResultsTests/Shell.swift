import Foundation

/// The built `uwrx` in a project's directory, driven by scripts as a user types them.
struct Shell {
  struct Outcome {
    var status: Int32
    var output: String
    var error: String
  }

  /// A directory with a `project` and a `home` in it; not in /tmp, which is private in the guest.
  let directory: String
  var project: String { directory + "/project" }

  private static let binary: String = {
    if let path = ProcessInfo.processInfo.environment["UWRX"] { return path }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return root.appendingPathComponent(".build/debug/uwrx").path
  }()

  /// The directory is removed afterwards.
  static func with(_ body: (Shell) throws -> Void) throws {
    let path = "/var/tmp/uwrx-results-tests-\(UUID().uuidString)"
    for name in ["project", "home"] {
      try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    }
    defer {
      // Whatever modes a test has left.
      _ = try? Shell(directory: path).run("chmod -R u+rwX ..")
      try? FileManager.default.removeItem(atPath: path)
    }
    try body(Shell(directory: path))
  }

  /// Runs a script in the project, where `$uwrx` is the program and `run` a quiet run of a script on the host's system.
  func run(_ script: String) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "run() { $uwrx run --quiet --system -- bash -c \"$1\"; }; " + script]
    process.currentDirectoryURL = URL(fileURLWithPath: project)
    process.environment = ProcessInfo.processInfo.environment.merging(
      [
        "uwrx": Self.binary, "HOME": "\(directory)/home", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": "\(directory)/cache",
        "LC_ALL": "C",
      ]
    ) { $1 }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // The error stream is small; reading it second cannot block the other.
    let outputData = output.fileHandleForReading.readDataToEndOfFile()
    let errorData = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
      output: String(decoding: outputData, as: UTF8.self), error: String(decoding: errorData, as: UTF8.self))
  }

  /// All that stands in a directory below the test's but for runs: types, modes, sizes, targets, contents, attributes, which names are
  /// one file, and times of files.
  func tree(_ name: String = "project") throws -> String {
    try run(
      """
      cd ../\(name); find . -path ./build -prune -o -printf '%P %y %m %l\\n' | LC_ALL=C sort
      find . -path ./build -prune -o -type f -printf '%P %s %n %T@\\n' | LC_ALL=C sort
      find . -path ./build -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
      find . -path ./build -prune -o ! -type l -print0 | python3 -c "
      import os, sys
      for path in sorted(sys.stdin.buffer.read().split(b'\\0')[:-1]):
        for name in sorted(os.listxattr(path)): print(path, name, os.getxattr(path, name))"
      """
    ).output
  }
}

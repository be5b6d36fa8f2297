import Foundation
import Testing

/// The built `uwrx`, driven as a user does.
enum CommandLine {
  struct Outcome {
    var status: Int32
    var output: String
    var error: String
  }

  static let binary: String = {
    if let path = ProcessInfo.processInfo.environment["UWRX"] { return path }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return root.appendingPathComponent(".build/debug/uwrx").path
  }()

  /// A directory that is removed afterwards; not in /tmp, which is private in the guest.
  static func withDirectory(_ body: (String) throws -> Void) throws {
    let path = "/var/tmp/uwrx-run-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  static func run(
    _ arguments: [String], in directory: String, input: String = "", environment: [String: String] = [:]
  ) throws -> Outcome {
    try launch(binary, arguments, in: directory, input: input, environment: environment)
  }

  /// A command line as a user types it.
  static func shell(_ command: String, in directory: String, environment: [String: String] = [:]) throws -> Outcome {
    try launch("/bin/sh", ["-c", command], in: directory, input: "", environment: environment)
  }

  private static func launch(
    _ program: String, _ arguments: [String], in directory: String, input: String, environment: [String: String] = [:]
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    // What is kept of archives goes with the directory. The programs are the system's, whatever tools the user has.
    let surroundings = ProcessInfo.processInfo.environment.merging([
      "XDG_CACHE_HOME": directory + "/.cache", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]) { $1 }
    process.environment = surroundings.merging(environment) { $1 }
    let (output, error, standardInput) = (Pipe(), Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    process.standardInput = standardInput
    try process.run()
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    // The error stream is small; reading it second cannot block the other.
    let outputData = output.fileHandleForReading.readDataToEndOfFile()
    let errorData = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    return Outcome(
      status: status, output: String(decoding: outputData, as: UTF8.self),
      error: String(decoding: errorData, as: UTF8.self))
  }
}

import Foundation
import Testing

/// A program of the machine that is asked whether it takes what was made here.
struct Tool: CustomTestStringConvertible, Sendable {
  let name: String
  let path: String?

  init(_ name: String) {
    self.name = name
    let folders = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/lib/go/bin", "/usr/lib/go-1.19/bin"]
    path = folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  var testDescription: String { name }

  /// Whether a test with it runs. Where all is to be there, a program that is missing is a failure.
  var isWanted: Bool { path != nil || ProcessInfo.processInfo.environment["UWRX_REQUIRE_ALL"] == "1" }

  struct Outcome {
    var status: Int32
    var text: String
  }

  /// Runs it to its end: nothing to read, both outputs in one text. They go through a file, for another test's server
  /// would hold a pipe open that it has inherited.
  func run(
    _ arguments: [String], in directory: TemporaryDirectory, environment: [String: String] = [:]
  ) throws -> Outcome {
    let path = try #require(path, "\(name) is missing")
    let process = Process()
    // A client that waits for ever is ended.
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["60", path] + arguments
    process.currentDirectoryURL = URL(filePath: directory.path)
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": directory.path, "LC_ALL": "C"].merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let log = "output-\(UUID().uuidString)"
    let output = try FileHandle(forWritingTo: URL(filePath: directory.write([], log)))
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()
    let read = try directory.read(log)
    return Outcome(status: process.terminationStatus, text: String(decoding: read, as: UTF8.self))
  }

  /// The same where all must go well.
  @discardableResult
  func output(_ arguments: [String], in directory: TemporaryDirectory) throws -> String {
    let outcome = try run(arguments, in: directory)
    try #require(outcome.status == 0, "\(name) \(arguments): \(outcome.text)")
    return outcome.text
  }
}

/// A directory that is gone with the test.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/uwrx-certificates-XXXXXX".utf8CString)
    path = try template.withUnsafeMutableBufferPointer { buffer in
      String(cString: try #require(mkdtemp(buffer.baseAddress!)))
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and says where.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(filePath: file))
    return file
  }

  func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: "\(path)/\(name)"))) }
}

/// `openssl s_server` on a loopback address and a port of the kernel's choice. It answers `GET /index` with "hello".
final class TLSServer {
  let port: Int
  private let process = Process()
  private let output = Pipe()

  /// - Parameter leaf: PEM files of its chain and its key.
  init(address: String, chain: String, key: String, in directory: TemporaryDirectory) throws {
    // s_server sends files as whole answers. Of a known length: Java waits for the end of a connection that waits for Java.
    func answer(_ body: String, to path: String) throws {
      let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
      try directory.write(Array((head + body).utf8), path)
    }
    try answer("hello\n", to: "index")
    let reference = String(repeating: "1234567890", count: 4)
    try answer("\(reference)\trefs/heads/main\n", to: "x.git/info/refs?service=git-upload-pack")
    try answer("ref: refs/heads/main\n", to: "x.git/HEAD")
    process.executableURL = URL(filePath: "/usr/bin/openssl")
    process.arguments = [
      "s_server", "-accept", address.contains(":") ? "[\(address)]:0" : "\(address):0", "-cert", chain, "-cert_chain",
      chain,
      "-key", key, "-HTTP",
    ]
    process.currentDirectoryURL = URL(filePath: directory.path)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    var text = ""
    // "ACCEPT 127.0.0.1:40123" is said once it listens.
    while !(text.contains("ACCEPT") && text.hasSuffix("\n")) {
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { break }
      text += String(decoding: more, as: UTF8.self)
    }
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }, "\(text)")
    port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
    // What it says of each connection is read, or it would stop at a full pipe.
    output.fileHandleForReading.readabilityHandler = { if $0.availableData.isEmpty { $0.readabilityHandler = nil } }
  }

  deinit {
    output.fileHandleForReading.readabilityHandler = nil
    // It has inherited the blocked signals of a thread of Dispatch's: SIGTERM would wait.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}

/// Authorities of fixed seeds, made once.
enum Samples {
  static let seed = (0..<32).map { UInt8($0) }
  static let otherSeed = (0..<32).map { UInt8(255 - $0) }
}

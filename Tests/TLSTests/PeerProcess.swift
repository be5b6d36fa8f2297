import Foundation

/// A program that speaks TLS with the test: `openssl`, `curl` or `python3`.
final class PeerProcess: @unchecked Sendable {
  private let process = Process()
  private let output = Pipe()
  private let input = Pipe()
  /// What was read of its output before `text()`.
  private var seen = Data()

  /// - error: whether its standard error comes with its output.
  init(_ arguments: [String], in directory: URL, input text: String? = nil, error: Bool = true) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = directory
    process.standardInput = input
    process.standardOutput = output
    process.standardError = error ? output : FileHandle.nullDevice
    try process.run()
    // Our copies of its ends would keep them open.
    try output.fileHandleForWriting.close()
    if let text {
      try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
      try input.fileHandleForWriting.close()
    }
  }

  deinit {
    if process.isRunning { process.terminate() }
  }

  func write(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

  func closeInput() throws { try input.fileHandleForWriting.close() }

  /// Waits for a line that begins so, as servers say their port.
  func line(beginning prefix: String) throws -> String {
    let line = wholeLine(beginning: prefix)
    guard let line else { throw TestFailure("ended without \(prefix): \(String(decoding: seen, as: UTF8.self))") }
    return line
  }

  private func wholeLine(beginning prefix: String) -> String? {
    while true {
      let lines = String(decoding: seen, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      // The last is not whole.
      if let line = lines.dropLast().first(where: { $0.hasPrefix(prefix) }) { return String(line) }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { return nil }
      seen += more
    }
  }

  /// All its output, when it has ended.
  func text() -> String {
    seen += output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: seen, as: UTF8.self)
  }

  var status: Int32 { process.terminationStatus }
}

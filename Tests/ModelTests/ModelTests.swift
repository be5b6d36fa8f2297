import Foundation
import Testing

/// Random file operations print under uwrx what they print natively, the host's directory stays as it was, and the run's
/// layer says what the guest saw (Conformance/Model/run).
@Suite(.serialized) struct ModelTests {
  enum User: String, CaseIterable, Sendable { case root, user }

  static let users: [User] = getuid() == 0 ? [.root, .user] : [.user]

  @Test("Random file operations are answered as Linux does", arguments: users)
  func agrees(_ user: User) throws {
    let model = Process()
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    model.executableURL = package.appendingPathComponent("Conformance/Model/run")
    // Always the same seeds: what fails here fails everywhere.
    model.arguments =
      ["--first", "1", "--seeds", "6", "--steps", "250", "--seconds", "60", "--no-shrink"]
      + (user == .user ? ["--user"] : [])
    let output = Pipe()
    model.standardOutput = output
    model.standardError = output
    try model.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    model.waitUntilExit()
    #expect(model.terminationStatus == 0, "\(text)")
  }
}

import Foundation
import Testing

/// What the user gives to a run as descriptors 0, 1 and 2 (Conformance/Descriptors/given).
@Suite struct GivenDescriptorTests {
  static let users = geteuid() == 0 ? [[], ["--user"]] : [[]]

  @Test(
    "gives nothing else, and is as before afterwards",
    arguments: [
      "connection", "connection_closed", "pair", "no_connection", "terminal_not_given", "terminal_given",
      "terminal_of_another_job",
      "left_as_given",
      "background_read", "stopped_without_shell", "stopped_by_shell",
    ], users)
  func given(_ name: String, _ user: [String]) throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let outcome = try CommandLine.shell(
      "exec '\(package)/Conformance/Descriptors/given' \(user.joined()) \(name)", in: package)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
  }
}

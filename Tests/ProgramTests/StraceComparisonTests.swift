import Foundation
import MachineKit
import Testing

extension UnderUwrx {
  /// The trace of a build against what `strace -f` records natively of the same build (Conformance/Traces).
  @Suite("Traces and strace")
  struct StraceComparisonTests {
    private static let script = Workspace.package + "/Conformance/Traces/compare"

    @Test(
      "tell the same of a build",
      arguments: [["--units", "120"], ["--project", "zlib"]])
    func sameBuild(_ options: [String]) async throws {
      try await MachineUse.shared.during { try compare(options) }
    }

    private func compare(_ options: [String]) throws {
      var environment = Workspace.environment.merging(["UWRX_TEST_CACHE": ProgramScript.cache]) { $1 }
      environment["UWRX"] = ProcessInfo.processInfo.environment["UWRX"] ?? Workspace.package + "/.build/debug/uwrx"
      let outcome = try ChildProcess([Self.script] + options, in: Workspace.package, environment: environment)
        .finish(within: 600)
      // strace, the compiler or the source package is not there; the script says which.
      if outcome.status == 77 {
        guard ProcessInfo.processInfo.environment["UWRX_REQUIRE_ALL"] == nil else {
          Issue.record("\(outcome.errorText)")
          return
        }
        try Test.cancel("\(outcome.errorText.trimmingCharacters(in: .whitespacesAndNewlines))")
      }
      #expect(!outcome.timedOut, "after \(outcome.seconds) s")
      #expect(outcome.status == 0, "\(outcome.text.suffix(4000))\(outcome.errorText.suffix(2000))")
    }
  }
}

import Foundation
import MachineKit
import Testing

extension UnderUwrx {
  /// Real programs: whatever one prints and returns natively it must print and return under uwrx, and the host's files
  /// stay as they are. Linux is the oracle; no script holds an expectation.
  @Suite("Real programs")
  struct ProgramTests {
    @Test("as natively", arguments: ProgramCase.all)
    func sameAsNative(_ program: ProgramCase) async throws {
      try await MachineUse.shared.during { try compare(program) }
    }

    private func compare(_ program: ProgramCase) throws {
      let script = program.script
      let workspace = try Workspace(program.identity)
      let source = try script.package.map(fetch)
      try workspace.refill(files: [script.path], source: source)
      let native = try workspace.native(["./\(script.name).sh"], within: script.seconds)
      if native.status == 77 {
        let reason = native.text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard ProcessInfo.processInfo.environment["UWRX_REQUIRE_ALL"] == nil else {
          Issue.record("\(script.name): \(reason)")
          return
        }
        try Test.cancel("\(script.name): \(reason)")
      }
      // Then the script or the machine is at fault, and there is nothing to compare with.
      try #require(native.status == 0, "natively: \(native.text.suffix(1000)) \(native.errorText.suffix(1000))")
      try #require(!native.timedOut, "natively, after \(native.seconds) s")

      try workspace.refill(files: [script.path], source: source)
      let before = snapshot(of: workspace.work)
      let host = HostState()
      let virtual = try workspace.run(script.sources, ["./\(script.name).sh"], within: script.seconds)

      #expect(!virtual.timedOut, "after \(virtual.seconds) s (natively \(native.seconds)): \(virtual.text.suffix(500))")
      #expect(virtual.status == native.status, "\(virtual.errorText.suffix(2000))")
      if virtual.output != native.output {
        Issue.record("\(difference(native.text, virtual.text))\nstderr under uwrx:\n\(virtual.errorText.suffix(2000))")
      }
      #expect(snapshot(of: workspace.work) == before, "the host's directory changed")
      #expect(host.differences(temporaryDirectory: workspace.temporary) == [])
    }

    /// Where two outputs part, with a few lines around it.
    private func difference(_ native: String, _ virtual: String) -> String {
      let left = native.split(separator: "\n", omittingEmptySubsequences: false)
      let right = virtual.split(separator: "\n", omittingEmptySubsequences: false)
      let index = zip(left, right).prefix { $0 == $1 }.count
      let start = max(0, index - 3)
      func part(_ lines: [Substring]) -> String {
        lines[min(start, lines.count)..<min(index + 5, lines.count)].joined(separator: "\n  ")
      }
      return "the output differs from line \(index + 1) (\(left.count) lines natively, \(right.count) under uwrx)\n"
        + "natively:\n  \(part(left))\nunder uwrx:\n  \(part(right))"
    }

    /// The folder with a Debian source package; downloaded once, outside the repository.
    private func fetch(_ package: String) throws -> String {
      let script = ProgramScript.folder + "/fetch-sources"
      let environment = Workspace.environment.merging(["UWRX_TEST_CACHE": ProgramScript.cache, "HOME": "/nonexistent"])
      { $1 }
      let outcome = try ChildProcess([script, package], in: "/", environment: environment).finish(within: 300)
      // Without it the script says what is missing and returns 77.
      if outcome.status != 0 { print("fetch-sources \(package): \(outcome.errorText)") }
      let folder = ProgramScript.cache + "/" + package
      return FileManager.default.fileExists(atPath: folder) ? folder : "/var/empty"
    }
  }
}

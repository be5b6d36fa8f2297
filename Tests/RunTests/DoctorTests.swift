import Foundation
import Testing

@Suite struct DoctorTests {
  @Test(
    "names the walls of this machine, and tries a run",
    arguments: ["", "setarch --uname-2.6"]
      + (geteuid() == 0 ? ["setpriv --reuid 1000 --regid 1000 --clear-groups"] : []))
  func doctor(_ become: String) throws {
    let outcome = try CommandLine.shell("exec \(become) \(CommandLine.binary) doctor", in: "/")
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.last == "A run works here.")
    for name in ["system calls", "Landlock", "the supervisor", "--pids", "--memory", "--cpu-time", "signed traces"] {
      #expect(lines.contains { $0.contains("  \(name)  ") || $0.contains("  \(name) ") }, "\(name)")
    }
    #expect(lines.dropLast().allSatisfy { line in ["stands", "weaker", "missing"].contains { line.hasPrefix($0) } })
  }
}

import Glibc
import Testing

/// Linux is the oracle: each fixture prints what it observes, natively and under uwrx, and the bytes must agree.
@Suite struct ConformanceTests {
  @Test("A fixture sees under uwrx what it sees natively, and the lower layer stays as it was", arguments: Case.all)
  func agrees(_ test: Case) throws {
    try #require(access(Places.uwrx, X_OK) == 0, "no uwrx at \(Places.uwrx): build it, or say where it is with UWRX")
    let program = Build.program(test.fixture, test.linkage)
    try #require(Build.failures[program] == nil, "\(Build.failures[program] ?? "")")
    let workspace = Workspace(test: test)
    defer { workspace.discard() }

    try workspace.prepare()
    let native = try workspace.runNatively()
    workspace.discard()
    try #require(!native.timedOut, "the fixture hangs natively")

    if test.ground == .source { try workspace.prepare() } else { try workspace.clear() }
    let before = try workspace.snapshot()
    let uwrx = try workspace.runUnderUwrx()
    let after = try workspace.snapshot()

    #expect(!uwrx.timedOut, "hangs under uwrx")
    let differences = try Differences()
    for (label, expected, actual) in [("stdout", native.output, uwrx.output), ("stderr", native.errors, uwrx.errors)] {
      if let report = excerpt(
        label, try differences.remaining(expected, in: test), try differences.remaining(actual, in: test),
        names: ("natively", "under uwrx"))
      {
        Issue.record("\(test.testDescription) differs\n\(report)")
      }
    }
    #expect(uwrx.status == native.status, "exit status \(uwrx.status), natively \(native.status)")
    if let change = excerpt("lower layer", lines(before), lines(after), names: ("before", "after")) {
      Issue.record("\(test.testDescription) changed the lower layer\n\(change)")
    }
  }

  @Test("Every intended difference is about a fixture that exists and gives a reason")
  func differencesAreWellFormed() throws {
    #expect(try Differences().unknownFixtures == [])
  }

  private func lines(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }
}

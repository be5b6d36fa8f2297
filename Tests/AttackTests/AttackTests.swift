import Foundation
import MachineKit
import Testing

/// Programs that try to get out, to change what they may only read, and to bring the supervisor down (Conformance/Attacks).
@Suite("Attacks")
struct AttackTests {
  enum User: String, CaseIterable, Sendable {
    case root, user
    static let possible: [User] = getuid() == 0 ? allCases : [.user]
    var options: [String] { self == .user ? ["--user"] : [] }
  }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Conformance/Attacks")

  /// The names of the programs; $UWRX_ATTACKS, with commas between, chooses some.
  static let programs: [String] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let all = names.filter { $0.hasSuffix(".c") }.map { String($0.dropLast(2)) }.sorted()
    guard let wanted = ProcessInfo.processInfo.environment["UWRX_ATTACKS"] else { return all }
    let chosen = wanted.split(separator: ",").map(String.init)
    return all.filter { chosen.contains($0) }
  }()

  private static func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = folder.appendingPathComponent(script)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  /// A program whose first comment has a line `// alone: reason` would let its neighbours fail.
  private static func use(of program: String) -> MachineUse {
    let text = (try? String(contentsOf: folder.appendingPathComponent(program + ".c"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").prefix { $0.hasPrefix("//") }.contains { $0.hasPrefix("// alone: ") }
      ? .alone : .shared
  }

  private static func number(_ variable: String, otherwise: Int) -> String {
    ProcessInfo.processInfo.environment[variable] ?? String(otherwise)
  }

  @Test("there are attacks") func programsAreFound() {
    #expect(!Self.programs.isEmpty)
  }

  @Test("is contained", arguments: programs, User.possible)
  func contained(_ program: String, _ user: User) async throws {
    let result = try await Self.use(of: program).during { try Self.run("run", user.options + [program]) }
    #expect(result.status == 0, "\(result.output)")
  }

  /// Some that the parts of a reproducible run have most to do with.
  private static let reproducible = [
    "exec_lie", "kill_midcall", "numbers", "other_processes", "race_registers", "vdso",
  ]

  @Test("is contained in a reproducible run", arguments: reproducible.filter(programs.contains))
  func containedWhenReproducible(_ program: String) async throws {
    let options = ["--user", "--with=--reproducible --keep-env --keep-place"]
    let result = try await Self.use(of: program).during { try Self.run("run", options + [program]) }
    #expect(result.status == 0, "\(result.output)")
  }

  @Test("a killed supervisor leaves nothing", arguments: User.possible)
  func killed(_ user: User) throws {
    // Half of the moments for each user.
    let times = Self.number("UWRX_KILLS", otherwise: 10)
    let result = try Self.run("kill-supervisor", user.options + ["--times", times])
    #expect(result.status == 0, "\(result.output)")
  }

  @Test("a supervisor does not grow")
  func soak() throws {
    let seconds = Self.number("UWRX_SOAK_SECONDS", otherwise: 40)
    let result = try Self.run("soak", ["--seconds", seconds])
    #expect(result.status == 0, "\(result.output)")
  }
}

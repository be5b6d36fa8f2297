import Glibc
import Testing

@testable import VirtualKernel

/// What the host is asked for names that are known already, which most calls of a build are about.
struct HostCallTests {
  struct Question: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// How many calls of the host an answer may take.
    let most: Int
    let ask: @Sendable (Machine) -> Reply
  }

  private static func status(_ path: String, _ machine: Machine) -> Reply {
    machine.call(.newfstatat, currentDirectory, path, machine.memory.place([UInt8](repeating: 0, count: 144)), 0)
  }

  private static func target(_ path: String, _ machine: Machine) -> Reply {
    machine.call(.readlinkat, currentDirectory, path, machine.memory.place([UInt8](repeating: 0, count: 64)), 64)
  }

  private static let questions = [
    Question(testDescription: "stat", most: 0) { status("/etc/passwd", $0) },
    Question(testDescription: "stat through links", most: 0) { status("/bin/../absolute", $0) },
    Question(testDescription: "stat of a directory", most: 0) { status("/usr/lib", $0) },
    Question(testDescription: "stat of a missing name", most: 0) { status("/etc/missing", $0) },
    Question(testDescription: "access", most: 0) { $0.call(.faccessat, currentDirectory, "/bin/tool", 1) },
    Question(testDescription: "readlink", most: 0) { target("/absolute", $0) },
    Question(testDescription: "readlink of what is no link", most: 0) { target("/etc/passwd", $0) },
    Question(testDescription: "open of a missing name", most: 0) {
      $0.call(.openat, currentDirectory, "/etc/missing", O_RDONLY)
    },
    Question(testDescription: "open", most: 2) { $0.call(.openat, currentDirectory, "/etc/passwd", O_RDONLY) },
    Question(testDescription: "open of a directory", most: 2) {
      $0.call(.openat, currentDirectory, "/usr/lib", O_RDONLY | O_DIRECTORY)
    },
  ]

  @Test(arguments: questions)
  func asksTheHostNoMoreThanItMust(_ question: Question) throws {
    let machine = try Machine()
    let first = question.ask(machine)
    machine.world.log = []
    let second = question.ask(machine)
    if case .descriptor = first {
      guard case .descriptor = second else { return #expect(second == first) }
    } else {
      #expect(second == first)
    }
    #expect(machine.world.log.count <= question.most, "\(machine.world.log)")
  }
}

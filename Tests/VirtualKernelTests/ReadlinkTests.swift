import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ReadlinkTests {
  @Test func tellsTheTargetOfLowerAndOwnLinks() throws {
    let machine = try Machine()
    #expect(try machine.target("/absolute") == "/etc/passwd")
    #expect(machine.call(.symlinkat, "some/where", currentDirectory, "/etc/new") == .done)
    #expect(try machine.target("/etc/new") == "some/where")
  }

  @Test func cutsWithoutNULAndWritesNoMoreThanAsked() throws {
    let machine = try Machine()
    let buffer = machine.memory.place(Array("........".utf8))
    #expect(machine.call(.readlinkat, currentDirectory, "/absolute", buffer, 4) == .value(4))
    #expect(machine.memory.bytes(at: buffer, count: 8) == Array("/etc....".utf8))
  }

  private static let failures: [(String, Errno)] = [
    ("/etc/passwd", .invalidArgument), ("/etc", .invalidArgument), ("/missing", .noSuchFileOrDirectory),
    ("", .noSuchFileOrDirectory), ("/absolute/", .notDirectory), ("/absolute/x", .notDirectory),
    ("/bin/", .invalidArgument),
    ("/loop/x", .tooManySymbolicLinkLevels),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.error { _ = try machine.target(path) } == errno)
  }

  @Test func sizeAndAddressesAreChecked() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(16)
    #expect(machine.call(.readlinkat, currentDirectory, "/absolute", buffer, 0) == .error(.invalidArgument))
    #expect(machine.call(.readlinkat, currentDirectory, "/absolute", buffer, -1) == .error(.invalidArgument))
    #expect(machine.call(.readlinkat, currentDirectory, "/absolute", 0, 16) == .error(.badAddress))
    #expect(machine.call(.readlinkat, currentDirectory, 0, buffer, 16) == .error(.badAddress))
  }

  @Test func emptyPathReadsTheLinkOfADescriptor() throws {
    let machine = try Machine()
    let link = try machine.open("/absolute", O_PATH_ | O_NOFOLLOW)
    let buffer = machine.memory.allocate(16)
    #expect(machine.call(.readlinkat, link, "", buffer, 16) == .value(11))
    let file = try machine.open("/etc/passwd")
    #expect(machine.call(.readlinkat, file, "", buffer, 16) == .error(.noSuchFileOrDirectory))
  }
}

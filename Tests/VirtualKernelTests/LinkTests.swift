import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct LinkTests {
  private func link(_ machine: Machine, _ from: String, _ to: String, _ flags: Int32 = 0) -> Reply {
    machine.call(.linkat, currentDirectory, from, currentDirectory, to, flags)
  }

  @Test func lowerFileIsCopiedUpAndBothNamesAreOneFile() throws {
    let machine = try Machine()
    #expect(link(machine, "/etc/passwd", "/etc/second") == .done)
    #expect(machine.run.at("etc/passwd") === machine.run.at("etc/second"))
    #expect(try machine.status("/etc/second").st_ino == machine.status("/etc/passwd").st_ino)
    #expect(try machine.status("/etc/second").st_nlink == 2)
    try machine.write("changed", to: "/etc/second")
    #expect(try machine.text("/etc/passwd") == "changed")
  }

  @Test func writeThroughOneLowerNameIsSeenThroughTheOther() throws {
    let machine = try Machine()
    #expect(try machine.status("/usr/bin/alias").st_nlink == 2)
    try machine.write("new", to: "/usr/bin/tool")
    #expect(try machine.text("/usr/bin/alias") == "new")
    #expect(try machine.status("/usr/bin/alias").st_ino == machine.status("/usr/bin/tool").st_ino)
  }

  @Test func removedNameLeavesTheCopyToTheOtherName() throws {
    let machine = try Machine()
    #expect(try machine.status("/usr/bin/alias").st_nlink == 2)
    try machine.write("new", to: "/usr/bin/tool")
    #expect(machine.call(.unlinkat, currentDirectory, "/usr/bin/tool", 0) == .done)
    #expect(try machine.text("/usr/bin/alias") == "new")
    #expect(try machine.status("/usr/bin/alias").st_nlink == 1)
    #expect(machine.run.at("usr/bin/alias")?.text == "new")
    #expect(machine.run.at("usr/bin/tool")?.isWhiteout == true)
  }

  @Test func replacedNameLeavesTheCopyToTheOtherName() throws {
    let machine = try Machine()
    #expect(try machine.status("/usr/bin/alias").st_nlink == 2)
    try machine.write("new", to: "/usr/bin/tool")
    try machine.write("other", to: "/usr/bin/other")
    #expect(machine.call(.renameat, currentDirectory, "/usr/bin/other", currentDirectory, "/usr/bin/tool") == .done)
    #expect(try machine.text("/usr/bin/tool") == "other")
    #expect(try machine.text("/usr/bin/alias") == "new")
    #expect(try machine.status("/usr/bin/alias").st_nlink == 1)
  }

  @Test func linksAreNotFollowedUnlessAsked() throws {
    let machine = try Machine()
    #expect(link(machine, "/absolute", "/etc/link") == .done)
    #expect(try machine.target("/etc/link") == "/etc/passwd")
    #expect(link(machine, "/absolute", "/etc/file", AT_SYMLINK_FOLLOW) == .done)
    #expect(try machine.status("/etc/file").st_ino == machine.status("/etc/passwd").st_ino)
  }

  private static let failures: [(String, String, Errno)] = [
    ("/missing", "/new", .noSuchFileOrDirectory), ("/etc", "/new", .notPermitted),
    ("/etc/passwd", "/etc/shadow", .fileExists),
    ("/etc/passwd", "/etc", .fileExists), ("/etc/passwd", "/etc/.", .fileExists),
    ("/etc/passwd", "/tmp/x", .crossDevice),
    ("/etc/passwd", "/missing/x", .noSuchFileOrDirectory), ("/etc/passwd", "/etc/shadow/x", .notDirectory),
    ("/etc/passwd", "/new/", .noSuchFileOrDirectory), ("", "/new", .noSuchFileOrDirectory),
    ("/etc/passwd", "", .noSuchFileOrDirectory),
    ("/dev/null", "/new", .crossDevice), ("/etc/passwd/", "/new", .notDirectory),
    ("/loop/x", "/new", .tooManySymbolicLinkLevels),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ from: String, _ to: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(link(machine, from, to) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func flagsAndAddresses() throws {
    let machine = try Machine(uid: 1000)
    #expect(link(machine, "/etc/passwd", "/new", 1) == .error(.invalidArgument))
    #expect(link(machine, "/work/mine", "/etc/new") == .error(.permissionDenied))
    #expect(machine.call(.linkat, currentDirectory, 8, currentDirectory, "/work/x", 0) == .error(.badAddress))
    #expect(machine.call(.linkat, currentDirectory, "/work/mine", 7, "x", 0) == .error(.badFileDescriptor))
  }

  @Test func openFileWithoutNameGetsOne() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc", O_TMPFILE_ | O_RDWR, 0o640)
    machine.write("text", to: descriptor)
    #expect(machine.call(.linkat, descriptor, "", currentDirectory, "/etc/named", AT_EMPTY_PATH_) == .done)
    #expect(try machine.text("/etc/named") == "text")
    #expect(try machine.status(of: descriptor).st_ino == machine.status("/etc/named").st_ino)
    #expect(try machine.status("/etc/named").st_mode & 0o777 == 0o640)
  }

  @Test func openFileWithoutNameGetsOneThroughProc() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/tmp", O_TMPFILE_ | O_RDWR, 0o600)
    #expect(link(machine, "/proc/self/fd/\(descriptor)", "/tmp/named", AT_SYMLINK_FOLLOW) == .done)
    #expect(try machine.status("/tmp/named").st_nlink == 1)
  }

  @Test func exclusiveOrRemovedFileGetsNoNameAgain() throws {
    let machine = try Machine()
    let exclusive = try machine.open("/etc", O_TMPFILE_ | O_RDWR | O_EXCL, 0o600)
    #expect(
      machine.call(.linkat, exclusive, "", currentDirectory, "/etc/a", AT_EMPTY_PATH_) == .error(.noSuchFileOrDirectory)
    )
    try machine.write("x", to: "/etc/gone")
    let removed = try machine.open("/etc/gone")
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/gone", 0) == .done)
    #expect(
      machine.call(.linkat, removed, "", currentDirectory, "/etc/a", AT_EMPTY_PATH_) == .error(.noSuchFileOrDirectory))
    #expect(!machine.exists("/etc/a"))
  }

  @Test func everyKnownNameOfALowerFileLeadsToTheCopyInTheLayer() throws {
    let machine = try Machine()
    _ = try machine.status("/usr/bin/alias")
    #expect(machine.call(.fchmodat, currentDirectory, "/usr/bin/tool", 0o600) == .done)
    #expect(machine.run.at("usr/bin/alias") === machine.run.at("usr/bin/tool"))
    #expect(machine.run.at("usr/bin/alias") != nil)
  }

  @Test func soDoesOneThatIsLookedUpLater() throws {
    let machine = try Machine()
    #expect(machine.call(.fchmodat, currentDirectory, "/usr/bin/tool", 0o600) == .done)
    #expect(machine.run.at("usr/bin/alias") == nil)
    #expect(try machine.status("/usr/bin/alias").st_mode & 0o777 == 0o600)
    #expect(machine.run.at("usr/bin/alias") === machine.run.at("usr/bin/tool"))
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct UnlinkTests {
  private func unlink(_ machine: Machine, _ path: String, _ flags: Int32 = 0) -> Reply {
    machine.call(.unlinkat, currentDirectory, path, flags)
  }

  @Test func lowerFileIsHiddenByAWhiteout() throws {
    let machine = try Machine()
    #expect(unlink(machine, "/etc/passwd") == .done)
    #expect(!machine.exists("/etc/passwd"))
    #expect(try machine.names("/etc") == ["shadow"])
    #expect(machine.run.at("etc/passwd")?.isWhiteout == true)
  }

  @Test func fileOfTheRunIsGone() throws {
    let machine = try Machine()
    try machine.write("x", to: "/etc/new")
    #expect(unlink(machine, "/etc/new") == .done)
    #expect(machine.run.at("etc/new") == nil)
    #expect(unlink(machine, "/etc/new") == .error(.noSuchFileOrDirectory))
  }

  @Test func copiedFileLeavesAWhiteout() throws {
    let machine = try Machine()
    try machine.write("x", to: "/etc/passwd")
    #expect(unlink(machine, "/etc/passwd") == .done)
    #expect(machine.run.at("etc/passwd")?.isWhiteout == true)
    #expect(!machine.exists("/etc/passwd"))
  }

  @Test func whiteoutGivesWayToANewFile() throws {
    let machine = try Machine()
    #expect(unlink(machine, "/etc/passwd") == .done)
    try machine.write("new", to: "/etc/passwd")
    #expect(machine.run.at("etc/passwd")?.text == "new")
    #expect(unlink(machine, "/etc/passwd") == .done)
    #expect(machine.run.at("etc/passwd")?.isWhiteout == true)
    #expect(unlink(machine, "/etc/passwd") == .error(.noSuchFileOrDirectory))
  }

  @Test func linkIsRemovedNotItsTarget() throws {
    let machine = try Machine()
    #expect(unlink(machine, "/absolute") == .done)
    #expect(machine.exists("/etc/passwd"))
    #expect(!machine.exists("/absolute"))
  }

  @Test func emptyDirectories() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "/etc/new", 0o755) == .done)
    #expect(unlink(machine, "/etc/new", AT_REMOVEDIR) == .done)
    #expect(machine.run.at("etc/new") == nil)
    #expect(unlink(machine, "/empty/", AT_REMOVEDIR) == .done)
    #expect(machine.run.at("empty")?.isWhiteout == true)
  }

  @Test func directoryThatHoldsOnlyWhiteoutsIsEmpty() throws {
    let machine = try Machine()
    #expect(unlink(machine, "/closed", AT_REMOVEDIR) == .error(.directoryNotEmpty))
    #expect(unlink(machine, "/closed/inside") == .done)
    #expect(machine.run.at("closed/inside")?.isWhiteout == true)
    #expect(unlink(machine, "/closed", AT_REMOVEDIR) == .done)
    #expect(machine.run.at("closed")?.isWhiteout == true)
    #expect(!machine.exists("/closed"))
  }

  @Test func directoryWithAFileOfTheRunIsNotEmpty() throws {
    let machine = try Machine()
    try machine.write("x", to: "/empty/x")
    #expect(unlink(machine, "/empty", AT_REMOVEDIR) == .error(.directoryNotEmpty))
  }

  private static let failures: [(String, Int32, Errno)] = [
    ("", 0, .noSuchFileOrDirectory), ("/missing", 0, .noSuchFileOrDirectory), ("/missing/x", 0, .noSuchFileOrDirectory),
    ("/etc", 0, .isDirectory), ("/etc/", 0, .isDirectory), ("/etc/passwd/", 0, .notDirectory),
    ("/etc/passwd/x", 0, .notDirectory),
    ("/etc/.", 0, .isDirectory), ("/etc/..", 0, .isDirectory), ("/", 0, .isDirectory),
    ("/", AT_REMOVEDIR, .resourceBusy),
    ("/empty/.", AT_REMOVEDIR, .invalidArgument), ("/empty/..", AT_REMOVEDIR, .directoryNotEmpty),
    ("/etc/passwd", AT_REMOVEDIR, .notDirectory), ("/bin", AT_REMOVEDIR, .notDirectory),
    ("/bin/", AT_REMOVEDIR, .notDirectory),
    ("/etc", AT_REMOVEDIR, .directoryNotEmpty), ("/tmp", AT_REMOVEDIR, .resourceBusy),
    ("/proc", AT_REMOVEDIR, .resourceBusy),
    ("/dev/pts", 0, .isDirectory), ("/proc/version", 0, .notPermitted), ("/etc/passwd", 0x1000, .invalidArgument),
    ("/loop/x", 0, .tooManySymbolicLinkLevels),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ flags: Int32, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(unlink(machine, path, flags) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func ordinaryUserAndTheStickyBit() throws {
    let machine = try Machine(uid: 1000) { lower in
      standardTree(lower)
      lower.directory("sticky", mode: 0o1777)
      lower.file("sticky/theirs", "", mode: 0o666)
      lower.file("sticky/mine", "", uid: 1000)
    }
    #expect(unlink(machine, "/etc/passwd") == .error(.permissionDenied))
    #expect(unlink(machine, "/closed/inside") == .error(.permissionDenied))
    #expect(unlink(machine, "/work/theirs") == .done)
    #expect(unlink(machine, "/sticky/theirs") == .error(.notPermitted))
    #expect(unlink(machine, "/sticky/mine") == .done)
  }

  @Test func removedDirectoryTakesNoNewNamesAndListsNothing() throws {
    let machine = try Machine()
    let directory = try machine.open("/empty", O_RDONLY | O_DIRECTORY)
    #expect(unlink(machine, "/empty", AT_REMOVEDIR) == .done)
    #expect(machine.call(.mkdirat, directory, "x", 0o755) == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.openat, directory, "x", O_CREAT | O_WRONLY, 0o644) == .error(.noSuchFileOrDirectory))
    #expect(machine.error { _ = try machine.entries(of: directory) } == .noSuchFileOrDirectory)
    #expect(try machine.status(of: directory).st_nlink == 0)
  }

  @Test func aRemovedNameIsNotTakenForTheNewFileOfTheSameHostNumber() throws {
    let machine = try Machine()
    try machine.write("old", to: "/tmp/old")
    let number = try machine.status("/tmp/old").st_ino
    #expect(unlink(machine, "/tmp/old") == .done)
    // The host uses the number of its file again.
    try machine.write("new", to: "/tmp/new")
    #expect(try machine.status("/tmp/new").st_nlink == 1)
    #expect(try machine.status("/tmp/new").st_ino != number)
    let descriptor = try machine.open("/tmp/new")
    #expect(try machine.status(of: descriptor).st_ino == machine.status("/tmp/new").st_ino)
  }

  @Test func namesThatComeAndGoForEverDoNotGrowTheTree() throws {
    let machine = try Machine()
    for round in 0..<5000 {
      machine.call(.mknodat, currentDirectory, "/tmp/file\(round)", FileType.regular | 0o644)
      machine.call(.unlinkat, currentDirectory, "/tmp/file\(round)", 0)
    }
    #expect(machine.kernel.files.nodes.counts.inodes < 4500)
    #expect(machine.kernel.files.objects.counts.inodes < 4500)
    #expect(machine.kernel.files.objects.counts.nameless <= 4096)
  }
}

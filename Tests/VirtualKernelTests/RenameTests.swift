import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct RenameTests {
  private func rename(_ machine: Machine, _ from: String, _ to: String, _ flags: UInt32 = 0) -> Reply {
    machine.call(.renameat2, currentDirectory, from, currentDirectory, to, flags)
  }

  @Test func lowerFileIsCopiedUpAndHidden() throws {
    let machine = try Machine()
    let number = try machine.status("/etc/passwd").st_ino
    #expect(rename(machine, "/etc/passwd", "/usr/moved") == .done)
    #expect(!machine.exists("/etc/passwd"))
    #expect(try machine.text("/usr/moved") == "root:x:0:0\n")
    #expect(try machine.status("/usr/moved").st_ino == number)
    #expect(machine.run.at("etc/passwd")?.isWhiteout == true)
    #expect(machine.run.at("usr/moved")?.text == "root:x:0:0\n")
  }

  @Test func fileOfTheRunLeavesNothing() throws {
    let machine = try Machine()
    try machine.write("x", to: "/etc/new")
    #expect(rename(machine, "/etc/new", "/etc/other") == .done)
    #expect(machine.run.at("etc/new") == nil)
    #expect(try machine.names("/etc") == ["other", "passwd", "shadow"])
  }

  @Test func replacedLowerFileDoesNotShowAgainWhenTheNewOneGoes() throws {
    let machine = try Machine()
    try machine.write("new", to: "/etc/new")
    let old = try machine.open("/etc/passwd")
    #expect(rename(machine, "/etc/new", "/etc/passwd") == .done)
    #expect(try machine.text("/etc/passwd") == "new")
    #expect(machine.text(of: old) == "root:x:0:0\n")
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/passwd", 0) == .done)
    #expect(!machine.exists("/etc/passwd"))
    #expect(machine.run.at("etc/passwd")?.isWhiteout == true)
  }

  @Test func ontoAWhiteout() throws {
    let machine = try Machine()
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/passwd", 0) == .done)
    #expect(rename(machine, "/etc/shadow", "/etc/passwd") == .done)
    #expect(try machine.text("/etc/passwd") == "secret")
    #expect(try machine.names("/etc") == ["passwd"])
    #expect(machine.run.at("etc/shadow")?.isWhiteout == true)
  }

  @Test func lowerDirectoryKeepsItsContentsAndSaysWhereTheyAre() throws {
    let machine = try Machine()
    #expect(rename(machine, "/usr/lib", "/etc/library") == .done)
    #expect(try machine.text("/etc/library/deep/file") == "deep")
    #expect(!machine.exists("/usr/lib"))
    #expect(machine.run.at("usr/lib")?.isWhiteout == true)
    #expect(machine.run.at("etc/library")?.attributes[Array("user.overlay.redirect".utf8)] == Array("/usr/lib".utf8))
    try machine.write("x", to: "/etc/library/deep/file")
    #expect(machine.run.at("etc/library/deep/file")?.text == "x")
  }

  @Test func directoryStaysTheSameForDescriptorsAndTheCurrentDirectory() throws {
    let machine = try Machine()
    try machine.changeDirectory("/usr/lib/deep")
    let descriptor = try machine.open("/usr/lib", O_RDONLY | O_DIRECTORY)
    #expect(rename(machine, "/usr/lib", "/usr/moved") == .done)
    #expect(machine.workingDirectory == "/usr/moved/deep")
    #expect(try machine.text("file") == "deep")
    #expect(try machine.text(of: machine.open("deep/file", at: descriptor)) == "deep")
    #expect(try machine.status(of: descriptor).st_ino == machine.status("/usr/moved").st_ino)
  }

  @Test func directoryOntoEmptyDirectory() throws {
    let machine = try Machine()
    #expect(rename(machine, "/usr/lib", "/empty") == .done)
    #expect(try machine.text("/empty/deep/file") == "deep")
    #expect(try machine.names("/empty") == ["deep"])
    #expect(rename(machine, "/etc", "/empty") == .error(.directoryNotEmpty))
  }

  @Test func newDirectoryOverALowerNameIsOpaque() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "/new", 0o755) == .done)
    #expect(rename(machine, "/new", "/empty") == .done)
    #expect(machine.run.at("empty")?.attributes[Array("user.overlay.opaque".utf8)] == Array("y".utf8))
  }

  @Test func linkIsRenamedNotItsTarget() throws {
    let machine = try Machine()
    #expect(rename(machine, "/absolute", "/etc/link") == .done)
    #expect(try machine.target("/etc/link") == "/etc/passwd")
    #expect(machine.exists("/etc/passwd"))
  }

  @Test func namesOfOneFileAreLeftAlone() throws {
    let machine = try Machine()
    #expect(rename(machine, "/usr/bin/tool", "/usr/bin/alias") == .done)
    #expect(machine.exists("/usr/bin/tool"))
    #expect(rename(machine, "/etc/passwd", "/etc/passwd") == .done)
    #expect(machine.exists("/etc/passwd"))
  }

  @Test func exchangeOfFilesAndDirectories() throws {
    let machine = try Machine()
    #expect(rename(machine, "/etc/passwd", "/usr/lib", 2) == .done)
    #expect(try machine.text("/usr/lib") == "root:x:0:0\n")
    #expect(try machine.text("/etc/passwd/deep/file") == "deep")
    #expect(machine.run.at("usr/lib")?.text == "root:x:0:0\n")
    #expect(machine.run.at("etc/passwd")?.attributes[Array("user.overlay.redirect".utf8)] == Array("/usr/lib".utf8))
  }

  @Test func linkCountsOfTheDirectoriesFollow() throws {
    let machine = try Machine()
    let before = (try machine.status("/usr").st_nlink, try machine.status("/etc").st_nlink)
    #expect(rename(machine, "/usr/lib", "/etc/lib") == .done)
    #expect(try machine.status("/usr").st_nlink == before.0 - 1)
    #expect(try machine.status("/etc").st_nlink == before.1 + 1)
    #expect(rename(machine, "/etc/lib", "/usr/bin", 2) == .done)
    #expect(try machine.status("/usr").st_nlink == before.0 - 1)
  }

  @Test func programIsBoundAgainUnderItsNewName() throws {
    let machine = try Machine()
    #expect(machine.call(.execve, "/usr/lib/deep/file", 0, 0) == .error(.permissionDenied))
    #expect(machine.call(.execve, "/bin/tool", 0, 0) == .continued)
    #expect(machine.skeleton.root.at("usr/bin/tool") != nil)
    #expect(rename(machine, "/bin/tool", "/usr/bin/renamed") == .done)
    #expect(machine.skeleton.root.at("usr/bin/tool") == nil)
    #expect(machine.call(.execve, "/bin/renamed", 0, 0) == .continued)
    #expect(machine.skeleton.root.at("usr/bin/renamed") === machine.run.at("usr/bin/renamed"))
  }

  private static let failures: [(String, String, UInt32, Errno)] = [
    ("/missing", "/new", 0, .noSuchFileOrDirectory), ("/etc/passwd", "/missing/x", 0, .noSuchFileOrDirectory),
    ("", "/new", 0, .noSuchFileOrDirectory), ("/etc/passwd", "", 0, .noSuchFileOrDirectory),
    ("/etc/passwd", "/empty", 0, .isDirectory), ("/empty", "/etc/passwd", 0, .notDirectory),
    ("/empty", "/etc", 0, .directoryNotEmpty),
    ("/usr", "/usr/lib/x", 0, .invalidArgument), ("/usr", "/usr/lib", 0, .invalidArgument),
    ("/usr/lib/deep", "/usr", 0, .directoryNotEmpty),
    ("/etc/passwd", "/etc/shadow", 1, .fileExists), ("/etc/passwd", "/new", 2, .noSuchFileOrDirectory),
    ("/etc/passwd", "/new", 3, .invalidArgument), ("/etc/passwd", "/new", 4, .invalidArgument),
    ("/etc/passwd", "/tmp/x", 0, .crossDevice),
    ("/etc/passwd/", "/new", 0, .notDirectory), ("/etc/passwd", "/new/", 0, .notDirectory),
    ("/etc/passwd/x", "/new", 0, .notDirectory),
    ("/", "/new", 0, .resourceBusy), ("/etc/.", "/new", 0, .resourceBusy), ("/etc/..", "/new", 0, .resourceBusy),
    ("/etc/passwd", "/etc/.", 0, .resourceBusy), ("/tmp", "/new", 0, .resourceBusy),
    ("/etc/passwd", "/sys", 0, .resourceBusy), ("/etc/passwd", "/sys/x", 0, .init(rawValue: EXDEV)),
    ("/dev/null", "/dev/zero", 0, .notPermitted), ("/usr/lib", "/usr", 2, .invalidArgument),
    ("/loop/x", "/new", 0, .tooManySymbolicLinkLevels),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ from: String, _ to: String, _ flags: UInt32, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(rename(machine, from, to, flags) == .error(errno))
    #expect(machine.run.entries.isEmpty)
    #expect(try machine.text("/etc/passwd") == "root:x:0:0\n")
  }

  @Test func ordinaryUserNeedsBothDirectories() throws {
    let machine = try Machine(uid: 1000)
    #expect(rename(machine, "/etc/passwd", "/work/x") == .error(.permissionDenied))
    #expect(rename(machine, "/work/mine", "/etc/x") == .error(.permissionDenied))
    #expect(rename(machine, "/work/mine", "/work/theirs") == .done)
    #expect(try machine.text("/work/theirs") == "mine")
  }

  @Test func badAddressesAndDescriptors() throws {
    let machine = try Machine()
    #expect(machine.call(.renameat, currentDirectory, 8, currentDirectory, "/x") == .error(.badAddress))
    #expect(machine.call(.renameat, currentDirectory, "/etc/passwd", currentDirectory, 8) == .error(.badAddress))
    #expect(machine.call(.renameat, 9, "a", currentDirectory, "/x") == .error(.badFileDescriptor))
    #expect(machine.call(.renameat, currentDirectory, "/etc/passwd", 9, "a") == .error(.badFileDescriptor))
  }

  @Test func directoryThatGetsAnotherParentMustBeWritable() throws {
    let machine = try Machine(uid: 1000) { lower in
      lower.directory("work", uid: 1000)
      lower.directory("work/closed", mode: 0o555, uid: 1000)
      lower.directory("work/full", uid: 1000)
      lower.file("work/full/file", "", uid: 1000)
      lower.directory("work/full/full", uid: 1000)
      lower.file("work/full/full/file", "", uid: 1000)
    }
    #expect(rename(machine, "/work/closed", "/work/other") == .done)
    #expect(rename(machine, "/work/other", "/work/full/other") == .error(.permissionDenied))
    // Before it is looked at whether what stands there is empty.
    #expect(rename(machine, "/work/other", "/work/full/full") == .error(.permissionDenied))
    #expect(rename(machine, "/work/full/full", "/work/other", 2) == .error(.permissionDenied))
    #expect(rename(machine, "/work/other", "/work/full") == .error(.directoryNotEmpty))
  }

  @Test func replacedNameOfSeveralIsNeverMissingOnTheHost() throws {
    let machine = try Machine()
    try machine.write("new", to: "/etc/new")
    #expect(machine.call(.linkat, currentDirectory, "/etc/new", currentDirectory, "/etc/other", 0) == .done)
    try machine.write("source", to: "/etc/source")
    machine.world.log = []
    #expect(rename(machine, "/etc/source", "/etc/other") == .done)
    #expect(!machine.world.log.contains(.remove))
    #expect(try machine.text("/etc/new") == "new")
    #expect(try machine.text("/etc/other") == "source")
  }
}

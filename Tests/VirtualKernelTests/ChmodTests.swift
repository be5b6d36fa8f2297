import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ChmodTests {
  @Test func lowerFileIsCopiedUp() throws {
    let machine = try Machine()
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/passwd", 0o600) == .done)
    #expect(try machine.status("/etc/passwd").st_mode & 0o7777 == 0o600)
    #expect(machine.run.at("etc/passwd")?.permissions == 0o600)
    #expect(try machine.text("/etc/passwd") == "root:x:0:0\n")
    #expect(try machine.status("/etc/passwd").st_mtim.tv_sec == 1_000_000_000)
    #expect(try machine.status("/etc/passwd").st_ctim.tv_sec > 1_000_000_000)
  }

  @Test func directoryAndFileOfTheRun() throws {
    let machine = try Machine()
    #expect(machine.call(.fchmodat, currentDirectory, "/etc", 0o1711) == .done)
    #expect(try machine.status("/etc").st_mode & 0o7777 == 0o1711)
    #expect(try machine.names("/etc") == ["passwd", "shadow"])
    try machine.write("x", to: "/etc/new")
    #expect(machine.call(.fchmodat2, currentDirectory, "/etc/new", 0, 0) == .done)
    #expect(try machine.status("/etc/new").st_mode & 0o7777 == 0)
    #expect(machine.run.at("etc/new")?.permissions == 0o600)
  }

  @Test func throughADescriptorThatIsReadOnly() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc/passwd")
    #expect(machine.call(.fchmod, descriptor, 0o640) == .done)
    #expect(try machine.status("/etc/passwd").st_mode & 0o7777 == 0o640)
    #expect(try machine.status(of: descriptor).st_mode & 0o7777 == 0o640)
    let directory = try machine.open("/etc", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.fchmod, directory, 0o700) == .done)
    #expect(try machine.status("/etc").st_mode & 0o7777 == 0o700)
  }

  @Test func followsLinksAndRefusesALinkItself() throws {
    let machine = try Machine()
    #expect(machine.call(.fchmodat, currentDirectory, "/absolute", 0o600) == .done)
    #expect(try machine.status("/etc/passwd").st_mode & 0o7777 == 0o600)
    #expect(
      machine.call(.fchmodat2, currentDirectory, "/absolute", 0o600, AT_SYMLINK_NOFOLLOW) == .error(.notSupported))
    #expect(machine.call(.fchmodat2, currentDirectory, "/absolute", 0o600, 1) == .error(.invalidArgument))
  }

  @Test func ordinaryUserMustOwnTheFile() throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/passwd", 0o777) == .error(.notPermitted))
    #expect(machine.call(.fchmod, try machine.open("/etc/passwd"), 0o777) == .error(.notPermitted))
    #expect(machine.run.entries.isEmpty)
    #expect(machine.call(.fchmodat, currentDirectory, "/work/mine", 0o400) == .done)
    #expect(machine.call(.openat, currentDirectory, "/work/mine", O_WRONLY) == .error(.permissionDenied))
  }

  @Test func setGroupIDOfAForeignGroupIsDropped() throws {
    let machine = try Machine(uid: 1000) { $0.file("file", "", uid: 1000).gid = 7 }
    #expect(machine.call(.fchmodat, currentDirectory, "/file", 0o2755) == .done)
    #expect(try machine.status("/file").st_mode & 0o7777 == 0o755)
  }

  private static let failures: [(String, Errno)] = [
    ("/missing", .noSuchFileOrDirectory), ("", .noSuchFileOrDirectory), ("/etc/passwd/", .notDirectory),
    ("/loop", .tooManySymbolicLinkLevels),
    ("/proc/version", .notPermitted), ("/sys", .readOnlyFileSystem),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.call(.fchmodat, currentDirectory, path, 0o700) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func descriptorsThatMayNotChangeAFile() throws {
    let machine = try Machine()
    let path = try machine.open("/etc/passwd", O_PATH_)
    #expect(machine.call(.fchmod, path, 0o700) == .error(.badFileDescriptor))
    #expect(machine.call(.fchmod, 99, 0o700) == .error(.badFileDescriptor))
    // A file that the user redirected to has a name on the host.
    let inherited = machine.inherit("host")
    #expect(machine.call(.fchmod, inherited, 0o777) == .error(.notPermitted))
    #expect(try machine.status(of: inherited).st_mode & 0o7777 == 0o644)
    let pipe = machine.inherit("", mode: FileType.fifo | 0o600, name: "pipe:[1]")
    #expect(machine.call(.fchmod, pipe, 0o777) == .done)
    #expect(try machine.status(of: pipe).st_mode == FileType.fifo | 0o777)
    #expect(machine.call(.fchmodat, currentDirectory, 8, 0o777) == .error(.badAddress))
  }
}

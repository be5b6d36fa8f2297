import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct MkdirTests {
  @Test func makesDirectoryInTheRunsLayer() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "/etc/new", 0o777) == .done)
    #expect(try machine.status("/etc/new").st_mode == FileType.directory | 0o755)
    #expect(try machine.status("/etc/new").st_nlink == 2)
    #expect(machine.run.at("etc/new")?.isDirectory == true)
    #expect(try machine.names("/etc/new") == [])
    #expect(try machine.names("/etc") == ["new", "passwd", "shadow"])
  }

  @Test func directoryInDirectoryOfTheRun() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "a", 0o700) == .done)
    #expect(machine.call(.mkdirat, currentDirectory, "a/b/", 0o700) == .done)
    let a = try machine.open("a", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.mkdirat, a, "c", 0o1777) == .done)
    #expect(try machine.names("/a") == ["b", "c"])
    #expect(try machine.status("/a/c").st_mode & 0o7777 == 0o1755)
  }

  @Test func newDirectoryInPlaceOfALowerOneIsOpaque() throws {
    let machine = try Machine()
    #expect(machine.call(.unlinkat, currentDirectory, "/empty", AT_REMOVEDIR) == .done)
    #expect(machine.run.at("empty")?.isWhiteout == true)
    #expect(machine.call(.mkdirat, currentDirectory, "/empty", 0o755) == .done)
    #expect(machine.run.at("empty")?.attributes[Array("user.overlay.opaque".utf8)] == Array("y".utf8))
  }

  @Test func setGroupIDIsInherited() throws {
    let machine = try Machine { $0.directory("shared", mode: 0o2775, uid: 50) }
    #expect(machine.call(.mkdirat, currentDirectory, "/shared/new", 0o755) == .done)
    let status = try machine.status("/shared/new")
    #expect(status.st_gid == 50)
    #expect(status.st_mode & 0o2000 != 0)
  }

  private static let failures: [(String, Errno)] = [
    ("", .noSuchFileOrDirectory), ("/", .fileExists), ("/etc", .fileExists), ("/etc/passwd", .fileExists),
    ("/etc/.", .fileExists), ("/etc/..", .fileExists), ("/dangling", .fileExists),
    ("/missing/a", .noSuchFileOrDirectory),
    ("/etc/passwd/a", .notDirectory), ("/loop/a", .tooManySymbolicLinkLevels), ("/sys", .fileExists),
    ("/sys/x", .readOnlyFileSystem), ("/run", .fileExists),
    ("/proc/a", .noSuchFileOrDirectory), ("/dev/pts/a", .notPermitted),
    (String(repeating: "x", count: 256), .fileNameTooLong),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, path, 0o755) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func ordinaryUserNeedsWritePermission() throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.mkdirat, currentDirectory, "/etc/new", 0o755) == .error(.permissionDenied))
    #expect(machine.call(.mkdirat, currentDirectory, "/work/new", 0o755) == .done)
    #expect(machine.call(.mkdirat, currentDirectory, "/tmp/new", 0o755) == .done)
    #expect(try machine.status("/work/new").st_uid == 1000)
  }

  @Test func badPathAddressAndDescriptor() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, 8, 0o755) == .error(.badAddress))
    #expect(machine.call(.mkdirat, 9, "x", 0o755) == .error(.badFileDescriptor))
  }
}

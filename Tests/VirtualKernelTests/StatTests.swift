import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct StatTests {
  @Test func tellsOfLowerFileWithItsOwnDeviceAndNumber() throws {
    let machine = try Machine()
    let status = try machine.status("/etc/passwd")
    #expect(status.st_mode == FileType.regular | 0o644)
    #expect(status.st_size == 11)
    #expect(status.st_nlink == 1)
    #expect(status.st_mtim.tv_sec == 1_000_000_000)
    #expect(status.st_dev == makeDevice(0, 0x21))
    #expect(try machine.status("/bin/tool").st_ino == machine.status("/usr/bin/alias").st_ino)
    #expect(try machine.status("/bin/tool").st_nlink == 2)
  }

  @Test func numbersStayTheSameAndDiffer() throws {
    let machine = try Machine()
    let paths = ["/", "/etc", "/etc/passwd", "/etc/shadow", "/usr", "/usr/bin", "/tmp", "/dev", "/proc", "/dev/null"]
    let numbers = try paths.map { try machine.status($0).st_ino }
    #expect(Set(numbers).count == paths.count)
    _ = try machine.names("/etc")
    try machine.write("x", to: "/etc/passwd")
    #expect(try paths.map { try machine.status($0).st_ino } == numbers)
  }

  @Test func followsLinksUnlessToldNot() throws {
    let machine = try Machine()
    #expect(try machine.status("/absolute").st_ino == machine.status("/etc/passwd").st_ino)
    let link = try machine.linkStatus("/absolute")
    #expect(link.st_mode == FileType.symbolicLink | 0o777)
    #expect(link.st_size == 11)
    #expect(try machine.linkStatus("/bin/").st_mode & FileType.mask == FileType.directory)
  }

  @Test func seesWhatTheGuestWroteThroughADescriptor() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc/new", O_CREAT | O_WRONLY)
    machine.write("12345", to: descriptor)
    #expect(try machine.status("/etc/new").st_size == 5)
    #expect(try machine.status(of: descriptor).st_size == 5)
    let before = try machine.status("/etc/new").st_mtim
    machine.write("6", to: descriptor)
    let after = try machine.status("/etc/new").st_mtim
    #expect(after.tv_sec > before.tv_sec || after.tv_nsec > before.tv_nsec)
  }

  @Test func linkCountOfDirectoriesFollowsTheirSubdirectories() throws {
    let machine = try Machine { $0.directory("a") }
    let links = try machine.status("/a").st_nlink
    #expect(machine.call(.mkdirat, currentDirectory, "/a/b", 0o755) == .done)
    #expect(try machine.status("/a").st_nlink == links + 1)
    #expect(machine.call(.unlinkat, currentDirectory, "/a/b", AT_REMOVEDIR) == .done)
    #expect(try machine.status("/a").st_nlink == links)
  }

  @Test func emptyPathMeansTheDescriptor() throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    let directory = try machine.open("/etc", O_RDONLY | O_DIRECTORY)
    for (descriptor, path) in [(file, "/etc/passwd"), (directory, "/etc")] {
      #expect(try machine.status("", AT_EMPTY_PATH_, at: descriptor).st_ino == machine.status(path).st_ino)
      let buffer = machine.memory.allocate(MemoryLayout<stat>.size)
      #expect(machine.call(.newfstatat, descriptor, 0, buffer, AT_EMPTY_PATH_) == .done)
      #expect(try machine.memory.load(stat.self, at: buffer).st_ino == machine.status(path).st_ino)
    }
    #expect(try machine.status("", AT_EMPTY_PATH_).st_ino == machine.status("/").st_ino)
    #expect(machine.error { _ = try machine.status("", at: file) } == .noSuchFileOrDirectory)
  }

  @Test func statxTellsTheSame() throws {
    let machine = try Machine()
    let status = try machine.status("/etc/passwd")
    let buffer = machine.memory.allocate(MemoryLayout<uwrx_statx>.size)
    #expect(machine.call(.statx, currentDirectory, "/etc/passwd", 0, 0x7ff, buffer) == .done)
    let extended = machine.memory.load(uwrx_statx.self, at: buffer)
    #expect(extended.stx_mask == 0x7ff)
    #expect(extended.stx_ino == UInt64(status.st_ino))
    #expect(extended.stx_size == 11)
    #expect(UInt32(extended.stx_mode) == status.st_mode)
    #expect(extended.stx_mtime.tv_sec == 1_000_000_000)
    #expect(extended.stx_dev_minor == 0x21)
    let descriptor = try machine.open("/etc/passwd")
    #expect(machine.call(.statx, descriptor, "", AT_EMPTY_PATH_, 0x7ff, buffer) == .done)
    #expect(machine.call(.statx, descriptor, 0, AT_EMPTY_PATH_, 0x7ff, buffer) == .done)
    #expect(machine.call(.statx, currentDirectory, "/etc/passwd", 0x6000, 0x7ff, buffer) == .error(.invalidArgument))
    #expect(machine.call(.statx, currentDirectory, "/etc/passwd", 0, 0x8000_0000, buffer) == .error(.invalidArgument))
  }

  private static let failures: [(String, Errno)] = [
    ("/missing", Errno.noSuchFileOrDirectory), ("", .noSuchFileOrDirectory), ("/etc/passwd/x", .notDirectory),
    ("/etc/passwd/", .notDirectory), ("/etc/passwd/.", .notDirectory), ("/loop", .tooManySymbolicLinkLevels),
    ("/loop/x", .tooManySymbolicLinkLevels), ("/dangling", .noSuchFileOrDirectory),
    ("/" + String(repeating: "n", count: 256), .fileNameTooLong),
    (String(repeating: "/", count: 4096), .fileNameTooLong),
    ("/sys/x", .noSuchFileOrDirectory), ("/run/x", .noSuchFileOrDirectory),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.error { _ = try machine.status(path) } == errno)
  }

  @Test func longestPathIsReadToItsEnd() throws {
    let machine = try Machine()
    #expect(try machine.status(String(repeating: "/", count: 4095)).st_ino == machine.status("/").st_ino)
  }

  @Test func badAddresses() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(MemoryLayout<stat>.size)
    let unterminated = machine.memory.place(Array("/etc".utf8))
    let readOnly = machine.memory.allocate(MemoryLayout<stat>.size, isWritable: false)
    #expect(machine.call(.newfstatat, currentDirectory, 0, buffer, 0) == .error(.badAddress))
    #expect(machine.call(.newfstatat, currentDirectory, unterminated, buffer, 0) == .error(.badAddress))
    #expect(machine.call(.newfstatat, currentDirectory, "/etc", 8, 0) == .error(.badAddress))
    #expect(machine.call(.newfstatat, currentDirectory, "/etc", readOnly, 0) == .error(.badAddress))
    #expect(machine.call(.newfstatat, currentDirectory, "/etc", buffer + 1, 0) == .error(.badAddress))
    #expect(machine.call(.fstat, 99, buffer) == .error(.badFileDescriptor))
    #expect(machine.call(.newfstatat, currentDirectory, "/etc", buffer, 0x8000) == .error(.invalidArgument))
  }

  @Test func searchPermissionIsNeededOnTheWay() throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.error { _ = try machine.status("/closed/inside") } == .permissionDenied)
    #expect(machine.error { _ = try machine.status("/closed/.") } == .permissionDenied)
    #expect(try machine.status("/closed").st_mode & 0o777 == 0o700)
    #expect(try machine.status("/etc/shadow").st_size == 6)
  }

  @Test func hostUsersFilesLookLikeTheGuestsOwn() throws {
    let machine = try Machine(
      uid: 500, sources: [.init { $0.file("file", "x", mode: 0o600, uid: 1234) }], hostUser: 1234)
    #expect(try machine.status("/file").st_uid == 500)
    #expect(try machine.status("/file").st_gid == 500)
    #expect(try machine.text("/file") == "x")
  }

  @Test func inheritedFilesAreToldOfAsTheyAre() throws {
    let machine = try Machine()
    let pipe = machine.inherit("", mode: FileType.fifo | 0o600, name: "pipe:[7]")
    #expect(try machine.status(of: pipe).st_mode == FileType.fifo | 0o600)
  }

  #if arch(x86_64)
    @Test func olderFormsAreTheSame() throws {
      let machine = try Machine()
      let buffer = machine.memory.allocate(MemoryLayout<stat>.size)
      #expect(machine.call(.stat, "/absolute", buffer) == .done)
      #expect(try machine.memory.load(stat.self, at: buffer).st_ino == machine.status("/etc/passwd").st_ino)
      #expect(machine.call(.lstat, "/absolute", buffer) == .done)
      #expect(try machine.memory.load(stat.self, at: buffer).st_ino == machine.linkStatus("/absolute").st_ino)
    }
  #endif
}

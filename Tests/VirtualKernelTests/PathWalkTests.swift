import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct PathWalkTests {
  private static let same: [(String, String)] = [
    ("/", "/.."), ("/", "/../../.."), ("/", "//"), ("/", "/."), ("/etc", "/etc/"), ("/etc", "/etc//."),
    ("/etc", "//etc"),
    ("/etc", "/usr/../etc"), ("/usr", "/usr/lib/.."), ("/usr", "/usr/lib/deep/../.."), ("/usr/bin", "/bin"),
    ("/usr/bin", "/bin/"),
    ("/usr", "/bin/.."), ("/usr/bin/tool", "/bin/tool"), ("/etc/passwd", "/absolute"),
    ("/etc/passwd", "/usr/../absolute"),
    ("/etc", "etc"), ("/etc", "./etc"), ("/etc", "../etc"), ("/", "."), ("/", ".."), ("/", "bin/../.."),
  ]

  @Test(arguments: same)
  func pathsOfOneFile(_ canonical: String, _ path: String) throws {
    let machine = try Machine()
    let (a, b) = (try machine.status(canonical), try machine.status(path))
    #expect(a.st_ino == b.st_ino && a.st_dev == b.st_dev)
  }

  private static let failures: [(String, Errno)] = [
    ("/missing/..", .noSuchFileOrDirectory), ("/missing/.", .noSuchFileOrDirectory), ("/etc/passwd/..", .notDirectory),
    ("/etc/passwd/.", .notDirectory), ("/absolute/", .notDirectory), ("/absolute/..", .notDirectory),
    ("/dangling/", .noSuchFileOrDirectory),
    ("/dangling/x", .noSuchFileOrDirectory), ("/loop/..", .tooManySymbolicLinkLevels),
    ("/tmp/missing/../..", .noSuchFileOrDirectory),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.error { _ = try machine.status(path) } == errno)
  }

  @Test func fortyLinksAreWalkedAndNoMore() throws {
    let machine = try Machine { lower in
      lower.file("0", "end")
      for index in 1...45 { lower.link("\(index)", to: "\(index - 1)") }
    }
    #expect(try machine.text("/40") == "end")
    #expect(machine.error { _ = try machine.status("/41") } == .tooManySymbolicLinkLevels)
    // A link at the end that is not followed does not count.
    #expect(try machine.linkStatus("/45").st_mode & FileType.mask == FileType.symbolicLink)
  }

  @Test func linksOneAfterTheOtherCountTogether() throws {
    let machine = try Machine { $0.link("here", to: ".") }
    #expect(
      try machine.status("/" + String(repeating: "here/", count: 40)).st_mode & FileType.mask == FileType.directory)
    #expect(
      machine.error { _ = try machine.status("/" + String(repeating: "here/", count: 41)) }
        == .tooManySymbolicLinkLevels)
  }

  @Test func linkWithMoreBehindItIsWalkedInPlace() throws {
    let machine = try Machine { lower in
      lower.file("a/b/c/file", "x")
      lower.link("l1", to: "a/l2/c")
      lower.link("a/l2", to: "b//./")
      lower.link("l3", to: "/l1/../../b/../l2/c/")
    }
    #expect(try machine.text("/l1/file") == "x")
    #expect(try machine.text("l3/file") == "x")
    #expect(try machine.text("/l3/../c/file") == "x")
  }

  @Test func slashAfterALinkAsksForADirectory() throws {
    let machine = try Machine { lower in
      lower.file("file")
      lower.link("to-file", to: "file")
      lower.link("to-directory", to: "d")
      lower.link("with-slash", to: "file/")
      lower.directory("d")
    }
    #expect(machine.error { _ = try machine.linkStatus("/to-file/") } == .notDirectory)
    #expect(try machine.linkStatus("/to-directory/").st_mode & FileType.mask == FileType.directory)
    #expect(machine.error { _ = try machine.status("/with-slash") } == .notDirectory)
    #expect(machine.call(.mkdirat, currentDirectory, "/to-directory/", 0o755) == .error(.fileExists))
    #expect(machine.call(.unlinkat, currentDirectory, "/to-directory/", 0) == .error(.notDirectory))
    #expect(
      machine.call(.renameat, currentDirectory, "/to-directory/", currentDirectory, "/x") == .error(.notDirectory))
    #expect(machine.exists("/to-directory"))
  }

  @Test func mkdirThroughADanglingLinkWithASlash() throws {
    let machine = try Machine { $0.link("dangling", to: "nowhere") }
    #expect(machine.call(.mkdirat, currentDirectory, "/dangling/", 0o755) == .error(.fileExists))
    #expect(!machine.exists("/nowhere"))
  }

  @Test func namesOfAnyBytes() throws {
    let machine = try Machine()
    let path: [UInt8] = Array("/tmp/".utf8) + [0xff, 0xfe, 0x0a, 0x20] + [0]
    #expect(machine.call(.mkdirat, currentDirectory, path, 0o755) == .done)
    #expect(machine.call(.mkdirat, currentDirectory, path, 0o755) == .error(.fileExists))
    #expect(machine.store.at("tmp")?.entries.first?.name == [0xff, 0xfe, 0x0a, 0x20])
    let longest = String(repeating: "n", count: 255)
    #expect(machine.call(.mkdirat, currentDirectory, "/tmp/" + longest, 0o755) == .done)
    #expect(machine.exists("/tmp/" + longest))
  }

  @Test func deeperThanAPathIsNoCrash() throws {
    let machine = try Machine()
    try machine.changeDirectory("/tmp")
    let name = String(repeating: "d", count: 250)
    var failure: Errno?
    for _ in 0..<20 where failure == nil {
      failure = machine.error {
        try machine.require(machine.call(.mkdirat, currentDirectory, name, 0o755))
        try machine.changeDirectory(name)
      }
    }
    #expect(failure == .fileNameTooLong)
    #expect(try machine.status(".").st_mode & FileType.mask == FileType.directory)
    let buffer = machine.memory.allocate(100)
    _ = machine.call(.readlinkat, currentDirectory, "/proc/self/cwd", buffer, 100)
    #expect(try machine.names("/tmp") == [name])
  }

  @Test func directoryDescriptorsOfEveryKind() throws {
    let machine = try Machine()
    for path in ["/", "/etc", "/usr/lib/deep", "/tmp", "/dev", "/dev/shm", "/proc/self"] {
      let descriptor = try machine.open(path, O_RDONLY | O_DIRECTORY)
      #expect(try machine.status(".", at: descriptor).st_ino == machine.status(path).st_ino)
      #expect(try machine.status("..", at: descriptor).st_ino == machine.status(path + "/..").st_ino)
      #expect(try machine.status("/", at: descriptor).st_ino == machine.status("/").st_ino)
    }
  }

  @Test func aWalkThroughManyLongLinksEnds() throws {
    let machine = try Machine()
    let turns = String(repeating: "/usr/..", count: 550)
    #expect(machine.call(.symlinkat, "/etc", currentDirectory, "/link0") == .done)
    for number in 1..<20 {
      #expect(machine.call(.symlinkat, "\(turns)/link\(number - 1)", currentDirectory, "/link\(number)") == .done)
    }
    #expect(try machine.text("/link7/passwd") == "root:x:0:0\n")
    #expect(machine.error { _ = try machine.text("/link19/passwd") } == .tooManySymbolicLinkLevels)
  }
}

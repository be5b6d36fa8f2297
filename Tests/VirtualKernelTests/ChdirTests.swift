import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ChdirTests {
  @Test func guestMovesInTheSkeleton() throws {
    let machine = try Machine()
    try machine.changeDirectory("/usr/lib")
    #expect(machine.workingDirectory == "/usr/lib")
    #expect(try machine.text("deep/file") == "deep")
    try machine.changeDirectory("deep/..")
    try machine.changeDirectory("..")
    #expect(machine.workingDirectory == "/usr")
    #expect(try machine.names(".") == ["bin", "lib"])
  }

  @Test func linksOnTheWayStandInTheSkeleton() throws {
    let machine = try Machine { lower in
      standardTree(lower)
      lower.link("a", to: "/b")
      lower.link("b", to: "bin/../lib/deep")
    }
    try machine.changeDirectory("/a")
    #expect(machine.workingDirectory == "/usr/lib/deep")
    try machine.changeDirectory("/bin")
    #expect(machine.workingDirectory == "/usr/bin")
  }

  @Test func directoriesOfTheRunAndOfTmp() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "/tmp/a", 0o755) == .done)
    try machine.changeDirectory("/tmp/a")
    try machine.write("x", to: "file")
    #expect(machine.store.at("tmp/a/file")?.text == "x")
    try machine.changeDirectory("/proc/self")
    #expect(machine.workingDirectory == "/proc/2")
  }

  @Test func openDirectory() throws {
    let machine = try Machine()
    let directory = try machine.open("/usr", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.fchdir, directory) == .continued)
    #expect(machine.call(.fchdir, try machine.open("/etc/passwd")) == .error(.notDirectory))
    #expect(machine.call(.fchdir, 99) == .error(.badFileDescriptor))
  }

  @Test func kernelIsAskedWhileAThreadIsMoving() throws {
    let machine = try Machine()
    _ = try machine.status("etc")
    let first = machine.thread
    let second = machine.startThread(3)
    #expect(machine.call(.chdir, "/usr") == .continued)
    // Not moved yet, as the other thread sees.
    machine.thread = second
    #expect(try machine.names(".").contains("etc"))
    machine.process.workingDirectory = machine.skeleton.root.at("usr")
    #expect(try machine.names(".") == ["bin", "lib"])
    machine.thread = first
    #expect(try machine.names(".") == ["bin", "lib"])
    machine.thread = second
    #expect(try machine.names(".") == ["bin", "lib"])
  }

  private static let failures: [(String, Errno)] = [
    ("", .noSuchFileOrDirectory), ("/missing", .noSuchFileOrDirectory), ("/etc/passwd", .notDirectory),
    ("/loop", .tooManySymbolicLinkLevels),
    ("/absolute", .notDirectory), ("/dangling", .noSuchFileOrDirectory), ("/sys/x", .noSuchFileOrDirectory),
    (String(repeating: "x", count: 256), .fileNameTooLong),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.call(.chdir, path) == .error(errno))
  }

  @Test func ordinaryUserNeedsSearchPermission() throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.chdir, "/closed") == .error(.permissionDenied))
    #expect(machine.call(.chdir, "/work") == .continued)
    #expect(machine.call(.chdir, 8) == .error(.badAddress))
  }

  @Test func removedCurrentDirectory() throws {
    let machine = try Machine()
    try machine.changeDirectory("/empty")
    #expect(machine.call(.unlinkat, currentDirectory, "/empty", AT_REMOVEDIR) == .done)
    #expect(machine.call(.openat, currentDirectory, "x", O_CREAT | O_WRONLY, 0o644) == .error(.noSuchFileOrDirectory))
    #expect(machine.error { _ = try machine.status("x") } == .noSuchFileOrDirectory)
    #expect(try machine.status("..").st_ino == machine.status("/").st_ino)
  }
}

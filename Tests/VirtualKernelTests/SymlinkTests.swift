import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct SymlinkTests {
  private func symlink(_ machine: Machine, _ target: String, _ path: String) -> Reply {
    machine.call(.symlinkat, target, currentDirectory, path)
  }

  @Test func makesALinkThatIsWalkedInTheVirtualTree() throws {
    let machine = try Machine()
    #expect(symlink(machine, "../usr/lib", "/etc/lib") == .done)
    #expect(try machine.text("/etc/lib/deep/file") == "deep")
    #expect(machine.run.at("etc/lib")?.target == Array("../usr/lib".utf8))
    let status = try machine.linkStatus("/etc/lib")
    #expect(status.st_mode == FileType.symbolicLink | 0o777)
    #expect(status.st_size == 10)
  }

  @Test func targetNeedNotExistNorBeAPathOfTheHost() throws {
    let machine = try Machine()
    #expect(symlink(machine, "/host/secret", "/tmp/link") == .done)
    #expect(machine.call(.openat, currentDirectory, "/tmp/link", O_RDONLY) == .error(.noSuchFileOrDirectory))
    #expect(try machine.target("/tmp/link") == "/host/secret")
  }

  private static let failures: [(String, String, Errno)] = [
    ("", "/etc/new", .noSuchFileOrDirectory), ("x", "", .noSuchFileOrDirectory), ("x", "/etc/passwd", .fileExists),
    ("x", "/etc", .fileExists), ("x", "/", .fileExists), ("x", "/etc/.", .fileExists),
    ("x", "/new/", .noSuchFileOrDirectory),
    ("x", "/etc/passwd/x", .notDirectory), ("x", "/missing/x", .noSuchFileOrDirectory), ("x", "/dangling", .fileExists),
    ("x", "/sys", .fileExists), (String(repeating: "x", count: 4096), "/etc/new", .fileNameTooLong),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ target: String, _ path: String, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(symlink(machine, target, path) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func longestTarget() throws {
    let machine = try Machine()
    let target = String(repeating: "x", count: 4095)
    #expect(symlink(machine, target, "/tmp/link") == .done)
    #expect(try machine.target("/tmp/link") == target)
  }

  @Test func ordinaryUserAndBadAddresses() throws {
    let machine = try Machine(uid: 1000)
    #expect(symlink(machine, "x", "/etc/new") == .error(.permissionDenied))
    #expect(symlink(machine, "x", "/work/new") == .done)
    #expect(machine.call(.symlinkat, 8, currentDirectory, "/work/a") == .error(.badAddress))
    #expect(machine.call(.symlinkat, "x", currentDirectory, 8) == .error(.badAddress))
    #expect(machine.call(.symlinkat, "x", 9, "a") == .error(.badFileDescriptor))
  }
}

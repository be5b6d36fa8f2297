import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ChrootTests {
  /// chroot(2), of which the kernel's part is the skeleton's.
  private func changeRoot(_ machine: Machine, _ path: String) throws {
    try #require(machine.call(.chroot, path) == .continued)
    machine.process.rootDirectory = try machine.skeleton.walk(from: machine.process.workingDirectory!, path)
  }

  private func machine() throws -> Machine {
    try Machine { lower in
      standardTree(lower)
      lower.link("usr/lib/absolute", to: "/deep/file")
      lower.link("usr/lib/up", to: "../../../deep/file")
    }
  }

  @Test func absolutePathsBeginAtTheRoot() throws {
    let machine = try machine()
    try changeRoot(machine, "/usr/lib")
    for path in ["/deep/file", "/absolute", "/up", "/../../deep/file", "/deep/../absolute"] {
      #expect(try machine.text(path) == "deep", "\(path)")
    }
    #expect(machine.error { _ = try machine.status("/etc/passwd") } == .noSuchFileOrDirectory)
  }

  @Test func whoIsOutsideStaysOutside() throws {
    let machine = try machine()
    let outside = try machine.open("/", O_RDONLY | O_DIRECTORY)
    try machine.changeDirectory("/usr")
    try changeRoot(machine, "lib")
    #expect(try machine.text("lib/absolute") == "deep")
    #expect(try machine.status("../etc/passwd").st_mode == machine.status("etc/passwd", at: outside).st_mode)
  }

  @Test func linkOfProcTellsTheRoot() throws {
    let machine = try machine()
    let proc = try machine.open("/proc/self", O_RDONLY | O_DIRECTORY)
    #expect(try machine.target("root", at: proc) == "/")
    try machine.changeDirectory("/usr/lib/deep")
    try changeRoot(machine, "/usr/lib")
    #expect(try machine.target("root", at: proc) == "/")
    #expect(try machine.target("cwd", at: proc) == "/deep")
    // proc(5): what is not below the asker's root is told whole.
    try machine.changeDirectory("../..")
    #expect(try machine.target("cwd", at: proc) == "/usr")
  }

  private static let failures: [(String, Errno)] = [
    ("", .noSuchFileOrDirectory), ("/missing", .noSuchFileOrDirectory), ("/etc/passwd", .notDirectory),
    ("/loop", .tooManySymbolicLinkLevels), ("/usr", .notPermitted), ("/closed", .permissionDenied),
  ]

  @Test("the path is looked at before the privilege", arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.chroot, path) == .error(errno))
    #expect(!machine.kernel.hasChangedRoots)
  }
}

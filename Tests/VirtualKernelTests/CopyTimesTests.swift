import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// A copy-up makes names on the host that the guest has not made: no time tells of it.
struct CopyTimesTests {
  private static let old = 1_000_000_000

  private func modified(_ machine: Machine, _ path: String) throws -> Int {
    try machine.linkStatus(path).st_mtim.tv_sec
  }

  @Test(arguments: ["/usr/lib/deep/file", "/usr/bin/tool"])
  func directoriesOfACopyKeepTheirTimes(_ path: String) throws {
    let machine = try Machine()
    #expect(machine.call(.fchmodat, currentDirectory, path, 0o600) == .done)
    for directory in ["/usr", "/usr/bin", "/usr/lib", "/usr/lib/deep"] {
      #expect(try modified(machine, directory) == Self.old, "\(directory)")
    }
    #expect(machine.run.at("usr")?.modified.tv_sec == Self.old)
    #expect(try modified(machine, path) == Self.old)
  }

  @Test func soDoThoseOfALargeOne() throws {
    let machine = try Machine { lower in
      lower.file("etc/large", CopyUpTests.large)
    }
    _ = try machine.open("/etc/large", O_RDWR)
    #expect(machine.blockedCount == 1)
    #expect(try modified(machine, "/etc") == Self.old)
  }

  @Test func linkAndFIFOKeepTheirs() throws {
    let machine = try Machine { lower in
      lower.link("etc/link", to: "target")
      lower.node("etc/fifo", FileType.fifo | 0o644)
    }
    #expect(machine.call(.fchownat, currentDirectory, "/etc/link", 5, 5, AT_SYMLINK_NOFOLLOW) == .done)
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/fifo", 0o600) == .done)
    #expect(machine.run.at("etc/fifo") != nil)
    #expect(try modified(machine, "/etc/link") == Self.old)
    #expect(try modified(machine, "/etc/fifo") == Self.old)
  }

  @Test func newNameDoesChangeThem() throws {
    let machine = try Machine()
    try machine.write("x", to: "/usr/lib/new")
    #expect(try modified(machine, "/usr/lib") > Self.old)
    #expect(try modified(machine, "/usr") == Self.old)
  }

  @Test func versionThatIsPutAsideDoesNotEither() throws {
    let machine = try Machine()
    try machine.write("one", to: "/etc/new")
    var times = [timespec(tv_sec: 100, tv_nsec: 0), timespec(tv_sec: 200, tv_nsec: 0)]
    let address = times.withUnsafeMutableBytes { machine.memory.place(Array($0)) }
    #expect(machine.call(.utimensat, currentDirectory, "/etc", address, 0) == .done)
    machine.thread = machine.fork(3)
    try machine.write("two", to: "/etc/new")
    #expect(try modified(machine, "/etc") == 200)
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct TruncateTests {
  @Test func lowerFileIsCopiedUp() throws {
    let machine = try Machine()
    #expect(machine.call(.truncate, "/etc/passwd", 4) == .done)
    #expect(try machine.text("/etc/passwd") == "root")
    #expect(machine.call(.truncate, "/etc/passwd", 6) == .done)
    #expect(try machine.status("/etc/passwd").st_size == 6)
  }

  @Test func toNothingCopiesNothing() throws {
    let machine = try Machine()
    #expect(machine.call(.truncate, "/etc/passwd", 0) == .done)
    #expect(try machine.text("/etc/passwd") == "")
    #expect(!machine.world.log.contains(.copyContents))
  }

  private static let failures: [(String, Int, Errno)] = [
    ("/etc/passwd", -1, .invalidArgument), ("/etc", 0, .isDirectory), ("/missing", 0, .noSuchFileOrDirectory),
    ("/etc/passwd/", 0, .notDirectory), ("/loop", 0, .tooManySymbolicLinkLevels), ("/dev/null", 0, .invalidArgument),
    ("", 0, .noSuchFileOrDirectory), ("/sys/x", 0, .noSuchFileOrDirectory),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ length: Int, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(machine.call(.truncate, path, length) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func ordinaryUserNeedsWritePermission() throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.truncate, "/etc/passwd", 0) == .error(.permissionDenied))
    #expect(machine.call(.truncate, "/work/mine", 1) == .done)
    #expect(try machine.text("/work/mine") == "m")
    #expect(machine.call(.truncate, 8, 1) == .error(.badAddress))
  }

  @Test func fileSizeLimitIsTheGuests() throws {
    let machine = try Machine()
    machine.information.limits[Int32(RLIMIT_FSIZE.rawValue)] = ResourceLimit(soft: 100, hard: 100)
    #expect(machine.call(.truncate, "/etc/passwd", 101) == .error(.fileTooLarge))
    #expect(machine.information.signals.map(\.signal) == [SIGXFSZ])
    #expect(machine.call(.truncate, "/etc/passwd", 100) == .done)
  }

  @Test func truncationByAUserTakesTheSetIDs() throws {
    let machine = try Machine(uid: 1000) { lower in
      lower.file("tool", "x", mode: 0o6755, uid: 1000)
      lower.file("other", "x", mode: 0o6745, uid: 1000)
    }
    #expect(machine.call(.truncate, "/tool", 1) == .done)
    #expect(machine.call(.truncate, "/other", 1) == .done)
    #expect(try machine.status("/tool").st_mode & 0o7777 == 0o755)
    #expect(try machine.status("/other").st_mode & 0o7777 == 0o2745)
  }
}

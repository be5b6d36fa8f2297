import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct AccessTests {
  private static let cases: [(String, Int32, Errno?)] = [
    ("/etc/passwd", R_OK, nil), ("/etc/passwd", R_OK | W_OK, .permissionDenied),
    ("/etc/passwd", X_OK, .permissionDenied),
    ("/etc/shadow", F_OK, nil), ("/etc/shadow", R_OK, .permissionDenied), ("/bin/tool", R_OK | X_OK, nil),
    ("/work", R_OK | W_OK | X_OK, nil), ("/work/mine", R_OK | W_OK, nil), ("/work/theirs", R_OK, .permissionDenied),
    ("/closed/inside", F_OK, .permissionDenied), ("/missing", F_OK, .noSuchFileOrDirectory),
    ("/etc/passwd/x", F_OK, .notDirectory),
    ("/loop", F_OK, .tooManySymbolicLinkLevels), ("/etc", 8, .invalidArgument), ("", F_OK, .noSuchFileOrDirectory),
    ("/tmp", R_OK | W_OK | X_OK, nil), ("/dev/null", R_OK | W_OK, nil),
  ]

  @Test(arguments: cases)
  func ordinaryUser(_ path: String, _ mode: Int32, _ errno: Errno?) throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.faccessat, currentDirectory, path, mode) == errno.map { .error($0) } ?? .done)
    #expect(machine.call(.faccessat2, currentDirectory, path, mode, 0) == errno.map { .error($0) } ?? .done)
    #expect(machine.run.entries.isEmpty)
  }

  private static let casesOfRoot: [(String, Int32, Errno?)] = [
    ("/etc/shadow", R_OK | W_OK, nil), ("/closed/inside", R_OK, nil), ("/etc/passwd", X_OK, .permissionDenied),
    ("/closed", X_OK, nil), ("/bin/tool", X_OK, nil),
  ]

  @Test(arguments: casesOfRoot)
  func rootMayAllButExecuteWhatNobodyMay(_ path: String, _ mode: Int32, _ errno: Errno?) throws {
    let machine = try Machine()
    #expect(machine.call(.faccessat, currentDirectory, path, mode) == errno.map { .error($0) } ?? .done)
  }

  @Test func flags() throws {
    let machine = try Machine(uid: 1000)
    let shadow = try machine.open("/etc/shadow", O_PATH_)
    #expect(machine.call(.faccessat2, currentDirectory, "/dangling", F_OK, AT_SYMLINK_NOFOLLOW) == .done)
    #expect(machine.call(.faccessat2, currentDirectory, "/etc", F_OK, 0x200) == .done)
    #expect(machine.call(.faccessat2, currentDirectory, "/etc", F_OK, 0x10) == .error(.invalidArgument))
    #expect(machine.call(.faccessat2, shadow, "", F_OK, AT_EMPTY_PATH_) == .done)
    #expect(machine.call(.faccessat2, shadow, "", R_OK, AT_EMPTY_PATH_) == .error(.permissionDenied))
  }

  @Test func removedFileIsGoneAndNewFileIsThere() throws {
    let machine = try Machine()
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/passwd", 0) == .done)
    #expect(machine.call(.faccessat, currentDirectory, "/etc/passwd", F_OK) == .error(.noSuchFileOrDirectory))
    try machine.write("x", to: "/etc/passwd")
    #expect(machine.call(.faccessat, currentDirectory, "/etc/passwd", F_OK) == .done)
  }
}

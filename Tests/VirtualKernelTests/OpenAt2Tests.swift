import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct OpenAt2Tests {
  private func open(
    _ machine: Machine, _ path: String, at directory: Int32 = AT_FDCWD, flags: UInt64 = 0, mode: UInt64 = 0,
    resolve: UInt64 = 0
  ) -> Reply {
    let how = machine.memory.place(value: open_how(flags: flags, mode: mode, resolve: resolve))
    return machine.call(.openat2, directory, path, how, 24)
  }

  @Test func opensAndCreates() throws {
    let machine = try Machine()
    #expect(open(machine, "/etc/passwd") == .descriptor(3))
    #expect(open(machine, "/etc/new", flags: UInt64(O_CREAT | O_WRONLY), mode: 0o600) == .descriptor(4))
    #expect(try machine.status("/etc/new").st_mode & 0o777 == 0o600)
  }

  struct Case: Sendable, CustomStringConvertible {
    let path: String
    let resolve: Int32
    let errno: Errno?
    var description: String { "\(path) \(resolve) \(errno.map { "\($0)" } ?? "succeeds")" }
  }

  @Test(arguments: [
    Case(path: "lib/deep/file", resolve: RESOLVE_BENEATH, errno: nil),
    Case(path: "lib/../lib/deep/file", resolve: RESOLVE_BENEATH, errno: nil),
    Case(path: "../etc/passwd", resolve: RESOLVE_BENEATH, errno: .crossDevice),
    Case(path: "lib/../../etc/passwd", resolve: RESOLVE_BENEATH, errno: .crossDevice),
    Case(path: "/etc/passwd", resolve: RESOLVE_BENEATH, errno: .crossDevice),
    Case(path: "out", resolve: RESOLVE_BENEATH, errno: .crossDevice),
    Case(path: "up", resolve: RESOLVE_BENEATH, errno: .crossDevice),
    Case(path: "/lib/deep/file", resolve: RESOLVE_IN_ROOT, errno: nil),
    Case(path: "../../lib/deep/file", resolve: RESOLVE_IN_ROOT, errno: nil),
    Case(path: "/etc/passwd", resolve: RESOLVE_IN_ROOT, errno: .noSuchFileOrDirectory),
    Case(path: "rooted", resolve: RESOLVE_IN_ROOT, errno: nil),
    Case(path: "in", resolve: RESOLVE_NO_SYMLINKS, errno: .tooManySymbolicLinkLevels),
    Case(path: "in", resolve: RESOLVE_NO_MAGICLINKS, errno: nil),
    Case(path: "in", resolve: RESOLVE_BENEATH, errno: nil),
    Case(path: "../proc/self/root", resolve: RESOLVE_NO_MAGICLINKS, errno: .tooManySymbolicLinkLevels),
    Case(path: "../tmp", resolve: RESOLVE_NO_XDEV, errno: .crossDevice),
    Case(path: "lib/deep", resolve: RESOLVE_NO_XDEV, errno: nil),
    Case(path: "lib/deep", resolve: 0x20, errno: .resourceTemporarilyUnavailable),
    Case(path: "lib", resolve: RESOLVE_BENEATH | RESOLVE_IN_ROOT, errno: .invalidArgument),
    Case(path: "lib", resolve: 0x40, errno: .invalidArgument),
  ])
  func resolvesWithinTheVirtualTree(_ test: Case) throws {
    let machine = try Machine { lower in
      standardTree(lower)
      lower.link("usr/out", to: "/etc/passwd")
      lower.link("usr/up", to: "../etc/passwd")
      lower.link("usr/in", to: "lib/deep/file")
      lower.link("usr/rooted", to: "/lib/deep/file")
    }
    let usr = try machine.open("/usr", O_RDONLY | O_DIRECTORY)
    let reply = open(machine, test.path, at: usr, resolve: UInt64(test.resolve))
    #expect(reply == test.errno.map { .error($0) } ?? .descriptor(4))
  }

  @Test func structureThatIsTooSmallOrTooLargeOrNotZeroBeyond() throws {
    let machine = try Machine()
    let how = open_how(flags: 0, mode: 0, resolve: 0)
    var bytes = withUnsafeBytes(of: how) { Array($0) }
    #expect(machine.call(.openat2, currentDirectory, "/etc", bytes, 23) == .error(.invalidArgument))
    #expect(machine.call(.openat2, currentDirectory, "/etc", bytes, 4097) == .error(.tooBig))
    bytes += [0, 0, 0, 0, 0, 0, 0, 0]
    #expect(machine.call(.openat2, currentDirectory, "/etc", bytes, 32) == .descriptor(3))
    bytes[31] = 1
    #expect(machine.call(.openat2, currentDirectory, "/etc", bytes, 32) == .error(.tooBig))
    #expect(machine.call(.openat2, currentDirectory, "/etc", 0, 24) == .error(.badAddress))
  }

  private static let contradictions: [(UInt64, UInt64)] = [
    (1 << 40, 0), (0, 0o644), (UInt64(O_CREAT), 0o10000), (UInt64(O_PATH_ | O_CREAT), 0),
    (UInt64(O_CREAT | O_DIRECTORY), 0),
  ]

  @Test(arguments: contradictions)
  func unknownOrContradictoryFlagsAreErrors(_ flags: UInt64, _ mode: UInt64) throws {
    let machine = try Machine()
    #expect(open(machine, "/new", flags: flags, mode: mode) == .error(.invalidArgument))
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct NameToHandleAtTests {
  private static let cases: [(String, Int32, Errno)] = [
    ("/etc/passwd", 0, .notSupported), ("/etc/", 0, .notSupported), ("/", 0, .notSupported),
    ("/bin/tool", 0, .notSupported), ("/closed", 0, .notSupported), ("/etc/shadow", 0, .notSupported),
    ("/proc/version", 0, .notSupported),
    ("/missing", 0, .noSuchFileOrDirectory), ("/missing/x", 0, .noSuchFileOrDirectory), ("", 0, .noSuchFileOrDirectory),
    ("/etc/passwd/x", 0, .notDirectory), ("/etc/passwd/", 0, .notDirectory),
    ("/closed/inside", 0, .permissionDenied), ("/loop/x", 0, .tooManySymbolicLinkLevels),
    ("/" + String(repeating: "x", count: 256), 0, .fileNameTooLong),
    (String(repeating: "/", count: 4096), 0, .fileNameTooLong),
    ("/loop", 0, .notSupported), ("/loop", AT_SYMLINK_FOLLOW, .tooManySymbolicLinkLevels),
    ("/dangling", 0, .notSupported), ("/dangling", AT_SYMLINK_FOLLOW, .noSuchFileOrDirectory),
    ("/absolute", AT_SYMLINK_FOLLOW, .notSupported), ("", AT_EMPTY_PATH_, .notSupported),
  ]

  @Test(arguments: cases)
  func walksThePathAndEndsWithoutAHandle(_ path: String, _ flags: Int32, _ errno: Errno) throws {
    let machine = try Machine(uid: 1000)
    let handle = machine.memory.place([128, 0, 0, 0, 1, 2, 3, 4] + [UInt8](repeating: 5, count: 128))
    let mount = machine.memory.place([1, 2, 3, 4])
    #expect(machine.call(.name_to_handle_at, currentDirectory, path, handle, mount, flags) == .error(errno))
    #expect(machine.memory.bytes(at: handle, count: 9) == [128, 0, 0, 0, 1, 2, 3, 4, 5])
    #expect(machine.memory.bytes(at: mount, count: 4) == [1, 2, 3, 4])
    #expect(machine.run.entries.isEmpty)
  }

  @Test(arguments: [0x4, 0x100, 0x800, 0x2000, 0x8000, -1, 0x202])
  func flagsAreCheckedFirst(_ flags: Int) throws {
    let machine = try Machine()
    #expect(machine.call(.name_to_handle_at, 99, 8, 8, 8, flags) == .error(.invalidArgument))
  }

  @Test(arguments: [0x1, 0x2, 0x200, 0x201, 0x1601, 1 << 32])
  func newerFlagsAndTheRegistersUpperHalfChangeNothing(_ flags: Int) throws {
    let machine = try Machine()
    #expect(machine.call(.name_to_handle_at, currentDirectory, "/etc", 8, 8, flags) == .error(.notSupported))
    #expect(machine.call(.name_to_handle_at, currentDirectory, "/no", 8, 8, flags) == .error(.noSuchFileOrDirectory))
  }

  @Test func structIsNotReadWhereThereAreNoHandles() throws {
    let machine = try Machine()
    #expect(machine.call(.name_to_handle_at, currentDirectory, "/etc/passwd", 8, 8, 0) == .error(.notSupported))
    #expect(machine.call(.name_to_handle_at, currentDirectory, "/missing", 8, 8, 0) == .error(.noSuchFileOrDirectory))
    let long = machine.memory.place([129, 0, 0, 0, 0, 0, 0, 0])
    #expect(machine.call(.name_to_handle_at, currentDirectory, "/etc/passwd", long, 8, 0) == .error(.notSupported))
  }

  @Test(arguments: [0, AT_EMPTY_PATH_])
  func pathThatCannotBeRead(_ flags: Int32) throws {
    let machine = try Machine()
    #expect(machine.call(.name_to_handle_at, currentDirectory, 0, 8, 8, flags) == .error(.badAddress))
    #expect(machine.call(.name_to_handle_at, 99, 8, 8, 8, flags) == .error(.badAddress))
  }

  @Test func descriptors() throws {
    let machine = try Machine()
    func reply(_ descriptor: Int32, _ path: String, _ flags: Int32 = 0) -> Reply {
      machine.call(.name_to_handle_at, descriptor, path, 8, 8, flags)
    }
    let etc = try machine.open("/etc", O_PATH_)
    let file = try machine.open("/etc/passwd")
    let pipe = machine.inherit("", name: "pipe:[1]")
    #expect(reply(etc, "passwd") == .error(.notSupported))
    #expect(reply(etc, "missing") == .error(.noSuchFileOrDirectory))
    #expect(reply(file, "x", AT_EMPTY_PATH_) == .error(.notDirectory))
    #expect(reply(file, "") == .error(.noSuchFileOrDirectory))
    for descriptor in [etc, file, pipe] {
      #expect(reply(descriptor, "", AT_EMPTY_PATH_) == .error(.notSupported))
    }
    #expect(reply(99, "", AT_EMPTY_PATH_) == .error(.badFileDescriptor))
    #expect(reply(99, "x") == .error(.badFileDescriptor))
    #expect(reply(99, "/etc") == .error(.notSupported))
  }

  @Test func fileThatWasAskedForIsRecorded() throws {
    let machine = try Machine()
    machine.call(.name_to_handle_at, currentDirectory, "/etc/passwd", 8, 8, 0)
    machine.call(.name_to_handle_at, currentDirectory, "/missing", 8, 8, 0)
    let seen = machine.events.entries.filter { $0.kind != .spawn }.map { "\($0.kind) \($0.path)" }
    #expect(seen == ["stat /etc/passwd", "missing /missing"])
  }
}

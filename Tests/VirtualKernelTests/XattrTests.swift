import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct XattrTests {
  private func value(_ machine: Machine, _ path: String, _ name: String) throws -> String {
    let buffer = machine.memory.allocate(100)
    let reply = machine.call(.getxattr, path, name, buffer, 100)
    try machine.require(reply)
    guard case .value(let count) = reply else { return "" }
    return String(decoding: machine.memory.bytes(at: buffer, count: Int(count)), as: UTF8.self)
  }

  private func names(_ machine: Machine, _ path: String) throws -> [String] {
    let buffer = machine.memory.allocate(100)
    let reply = machine.call(.listxattr, path, buffer, 100)
    try machine.require(reply)
    guard case .value(let count) = reply else { return [] }
    return machine.memory.bytes(at: buffer, count: Int(count)).split(separator: 0).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private func set(_ machine: Machine, _ path: String, _ name: String, _ value: String, _ flags: Int = 0) -> Reply {
    machine.call(.setxattr, path, name, Array(value.utf8), value.utf8.count, flags)
  }

  @Test func attributesOfALowerFile() throws {
    let machine = try Machine()
    #expect(try value(machine, "/etc/passwd", "user.note") == "kept")
    #expect(try names(machine, "/absolute") == ["user.note"])
    #expect(machine.call(.getxattr, "/etc/passwd", "user.note", 0, 0) == .value(4))
    #expect(machine.call(.listxattr, "/etc/passwd", 0, 0) == .value(10))
    #expect(machine.call(.getxattr, "/etc/passwd", "user.note", machine.memory.allocate(3), 3) == .error(.outOfRange))
    #expect(machine.call(.listxattr, "/etc/passwd", machine.memory.allocate(3), 3) == .error(.outOfRange))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func aLinkHasNone() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(100)
    #expect(machine.call(.llistxattr, "/absolute", buffer, 100) == .value(0))
    #expect(machine.call(.lgetxattr, "/absolute", "user.note", buffer, 100) == .error(.noData))
  }

  @Test func changeCopiesTheFileUp() throws {
    let machine = try Machine()
    #expect(set(machine, "/etc/passwd", "user.more", "x") == .done)
    #expect(try names(machine, "/etc/passwd") == ["user.more", "user.note"])
    #expect(try machine.text("/etc/passwd") == "root:x:0:0\n")
    #expect(machine.call(.removexattr, "/etc/passwd", "user.note") == .done)
    #expect(try names(machine, "/etc/passwd") == ["user.more"])
    #expect(machine.call(.removexattr, "/etc/passwd", "user.note") == .error(.noData))
  }

  @Test func directoryKeepsItsAttributesWhenItIsWrittenTo() throws {
    let machine = try Machine { $0.directory("d").attributes[Array("user.note".utf8)] = Array("kept".utf8) }
    #expect(try value(machine, "/d", "user.note") == "kept")
    try machine.write("x", to: "/d/new")
    #expect(try value(machine, "/d", "user.note") == "kept")
    #expect(set(machine, "/d", "user.more", "x") == .done)
    #expect(try names(machine, "/d") == ["user.more", "user.note"])
  }

  @Test func createAndReplace() throws {
    let machine = try Machine()
    #expect(set(machine, "/etc/passwd", "user.note", "y", 1) == .error(.fileExists))
    #expect(set(machine, "/etc/passwd", "user.new", "y", 2) == .error(.noData))
    #expect(set(machine, "/etc/passwd", "user.note", "y", 2) == .done)
    #expect(set(machine, "/etc/passwd", "user.note", "y", 4) == .error(.invalidArgument))
    #expect(try value(machine, "/etc/passwd", "user.note") == "y")
  }

  @Test func marksOfTheLayerAreNotTheGuests() throws {
    let machine = try Machine()
    #expect(machine.call(.unlinkat, currentDirectory, "/empty", AT_REMOVEDIR) == .done)
    #expect(machine.call(.mkdirat, currentDirectory, "/empty", 0o755) == .done)
    #expect(try names(machine, "/empty") == [])
    #expect(machine.error { _ = try value(machine, "/empty", "user.overlay.opaque") } == .noData)
    #expect(set(machine, "/empty", "user.overlay.redirect", "/etc") == .error(.notSupported))
    #expect(machine.call(.removexattr, "/empty", "user.overlay.opaque") == .error(.notSupported))
    #expect(machine.run.at("empty")?.attributes.count == 1)
  }

  private static let foreignNames: [(String, Errno, Errno)] = [
    ("security.selinux", .noData, .notPermitted), ("trusted.x", .noData, .notPermitted),
    ("system.posix_acl_access", .notSupported, .notSupported), ("nonsense", .notSupported, .notSupported),
  ]

  @Test(arguments: foreignNames)
  func otherNamespaces(_ name: String, _ get: Errno, _ change: Errno) throws {
    let machine = try Machine()
    #expect(machine.error { _ = try value(machine, "/etc/passwd", name) } == get)
    #expect(set(machine, "/etc/passwd", name, "x") == .error(change))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func errors() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(100)
    #expect(machine.error { _ = try value(machine, "/missing", "user.a") } == .noSuchFileOrDirectory)
    #expect(machine.error { _ = try value(machine, "/etc/passwd", "user.missing") } == .noData)
    #expect(machine.error { _ = try value(machine, "/etc/passwd", "") } == .outOfRange)
    #expect(
      machine.error { _ = try value(machine, "/etc/passwd", "user." + String(repeating: "x", count: 251)) }
        == .outOfRange)
    #expect(machine.call(.getxattr, 8, "user.a", buffer, 100) == .error(.badAddress))
    #expect(machine.call(.getxattr, "/etc/passwd", 8, buffer, 100) == .error(.badAddress))
    #expect(machine.call(.getxattr, "/etc/passwd", "user.note", 8, 100) == .error(.badAddress))
    #expect(machine.call(.setxattr, "/etc/passwd", "user.a", 8, 1, 0) == .error(.badAddress))
    #expect(machine.call(.setxattr, "/etc/passwd", "user.a", buffer, 65537, 0) == .error(.tooBig))
    #expect(machine.call(.lsetxattr, "/absolute", "user.a", "x", 1, 0) == .error(.notPermitted))
    #expect(machine.call(.lgetxattr, "/absolute", "user.note", buffer, 100) == .error(.noData))
    #expect(set(machine, "/dev/null", "user.a", "x") == .error(.notPermitted))
    #expect(set(machine, "/proc/version", "user.a", "x") == .error(.notPermitted))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func ordinaryUser() throws {
    let machine = try Machine(uid: 1000)
    #expect(set(machine, "/etc/passwd", "user.a", "x") == .error(.permissionDenied))
    #expect(machine.error { _ = try value(machine, "/etc/shadow", "user.a") } == .permissionDenied)
    #expect(set(machine, "/work/mine", "user.a", "x") == .done)
  }

  @Test func throughDescriptors() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc/passwd")
    let buffer = machine.memory.allocate(100)
    #expect(machine.call(.fgetxattr, descriptor, "user.note", buffer, 100) == .value(4))
    #expect(machine.call(.fsetxattr, descriptor, "user.more", "x", 1, 0) == .done)
    #expect(machine.call(.flistxattr, descriptor, buffer, 100) == .value(20))
    #expect(machine.call(.fremovexattr, descriptor, "user.more") == .done)
    #expect(machine.call(.flistxattr, 99, buffer, 100) == .error(.badFileDescriptor))
    #expect(
      machine.call(.fgetxattr, try machine.open("/etc/passwd", O_PATH_), "user.note", buffer, 100)
        == .error(.badFileDescriptor))
    #expect(machine.call(.fsetxattr, machine.inherit("host"), "user.a", "x", 1, 0) == .error(.notPermitted))
    #expect(machine.call(.flistxattr, machine.inherit("host"), buffer, 100) == .value(0))
  }

  @Test func fileSystemWithoutAttributes() throws {
    let machine = try Machine()
    machine.host.hasAttributes = false
    try machine.write("x", to: "/etc/passwd")
    #expect(try machine.text("/etc/passwd") == "x")
    #expect(set(machine, "/etc/passwd", "user.a", "x") == .error(.notSupported))
  }

  @Test func unknownNamespaceIsRefusedAfterThePermission() throws {
    let machine = try Machine(uid: 1000) { lower in
      lower.file("theirs", "", mode: 0o600)
      lower.file("mine", "", uid: 1000)
    }
    #expect(machine.call(.setxattr, "/theirs", "nothing.a", "x", 1, 0) == .error(.permissionDenied))
    #expect(machine.call(.getxattr, "/theirs", "nothing.a", 0, 0) == .error(.permissionDenied))
    #expect(machine.call(.setxattr, "/mine", "nothing.a", "x", 1, 0) == .error(.notSupported))
    #expect(machine.call(.getxattr, "/mine", "nothing.a", 0, 0) == .error(.notSupported))
    #expect(machine.call(.setxattr, "/theirs", "trusted.a", "x", 1, 0) == .error(.notPermitted))
  }

  /// struct xattr_args: the address of the value, its size, flags.
  private func arguments(_ machine: Machine, _ value: UInt64, _ size: UInt32, flags: UInt32 = 0) -> UInt64 {
    machine.memory.place(value: (value, size, flags))
  }

  @Test func formsWithADirectory() throws {
    let machine = try Machine()
    let directory = try machine.open("/etc", O_DIRECTORY)
    let buffer = machine.memory.allocate(100)
    let read = arguments(machine, buffer, 100)
    #expect(machine.call(.getxattrat, directory, "passwd", 0, "user.note", read, 16) == .value(4))
    #expect(String(decoding: machine.memory.bytes(at: buffer, count: 4), as: UTF8.self) == "kept")
    #expect(machine.call(.getxattrat, currentDirectory, "/absolute", 0, "user.note", read, 16) == .value(4))
    #expect(
      machine.call(.getxattrat, currentDirectory, "/absolute", AT_SYMLINK_NOFOLLOW, "user.note", read, 16)
        == .error(.noData))
    #expect(machine.call(.listxattrat, directory, "passwd", 0, buffer, 100) == .value(10))
    #expect(machine.run.entries.isEmpty)
    let write = arguments(machine, buffer, 3)
    #expect(machine.call(.setxattrat, directory, "passwd", 0, "user.more", write, 16) == .done)
    #expect(try names(machine, "/etc/passwd") == ["user.more", "user.note"])
    #expect(machine.call(.removexattrat, directory, "passwd", 0, "user.note") == .done)
    #expect(try names(machine, "/etc/passwd") == ["user.more"])
  }

  @Test func formsWithADirectoryOfADescriptor() throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    let buffer = machine.memory.allocate(100)
    let read = arguments(machine, buffer, 100)
    #expect(machine.call(.getxattrat, file, "", AT_EMPTY_PATH_, "user.note", read, 16) == .value(4))
    #expect(machine.call(.getxattrat, file, 0, AT_EMPTY_PATH_, "user.note", read, 16) == .value(4))
    #expect(machine.call(.getxattrat, file, "", 0, "user.note", read, 16) == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.listxattrat, file, "", AT_EMPTY_PATH_, buffer, 100) == .value(10))
    #expect(machine.call(.listxattrat, currentDirectory, "", AT_EMPTY_PATH_, buffer, 100) == .value(0))
    #expect(machine.call(.listxattrat, 99, "", AT_EMPTY_PATH_, buffer, 100) == .error(.badFileDescriptor))
    let path = try machine.open("/etc/passwd", O_PATH_)
    #expect(machine.call(.listxattrat, path, "", AT_EMPTY_PATH_, buffer, 100) == .error(.badFileDescriptor))
    #expect(machine.call(.removexattrat, file, "", AT_EMPTY_PATH_, "user.note") == .done)
    #expect(try names(machine, "/etc/passwd") == [])
  }

  @Test func formsWithADirectoryCheckTheirArguments() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(100)
    let read = arguments(machine, buffer, 100)
    func get(_ flags: Int32, _ structure: UInt64, _ size: Int) -> Reply {
      machine.call(.getxattrat, currentDirectory, "/etc/passwd", flags, "user.note", structure, size)
    }
    #expect(get(0x400, read, 16) == .error(.invalidArgument))
    #expect(get(0, read, 15) == .error(.invalidArgument))
    #expect(get(0, read, 4097) == .error(.tooBig))
    #expect(get(0, 8, 16) == .error(.badAddress))
    #expect(get(0, arguments(machine, buffer, 100, flags: 1), 16) == .error(.invalidArgument))
    #expect(get(0, machine.memory.place(value: (buffer, UInt64(100), UInt64(0))), 24) == .value(4))
    #expect(get(0, machine.memory.place(value: (buffer, UInt64(100), UInt64(1))), 24) == .error(.tooBig))
    #expect(machine.run.entries.isEmpty)
    #expect(
      machine.call(
        .setxattrat, currentDirectory, "/etc/passwd", 0, "user.note", arguments(machine, buffer, 1, flags: 1), 16)
        == .error(.fileExists))
  }
}

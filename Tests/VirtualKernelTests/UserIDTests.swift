import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// The rules of kernel/sys.c and security/commoncap.c; Fixtures/users.c compares with Linux.
struct UserIDTests {
  /// _LINUX_CAPABILITY_VERSION_3 and pid 0.
  private static let header: [UInt8] = [0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0]

  private func ids(_ machine: Machine, _ number: SyscallNumber = .getresuid) throws -> [UInt32] {
    let places = (0..<3).map { _ in machine.memory.allocate(4) }
    #expect(machine.call(number, places[0], places[1], places[2]) == .value(0))
    return places.map { machine.memory.load(UInt32.self, at: $0) }
  }

  private func effectiveCapabilities(_ machine: Machine) -> UInt32 {
    let data = machine.memory.allocate(24)
    #expect(machine.call(.capget, Self.header, data) == .value(0))
    return machine.memory.load(UInt32.self, at: data)
  }

  @Test func rootBecomesAUserAndCannotGoBack() throws {
    let machine = try Machine()
    #expect(try ids(machine) == [0, 0, 0])
    #expect(effectiveCapabilities(machine) != 0)
    #expect(machine.call(.setgroups, 0, 0) == .value(0))
    #expect(machine.call(.setgid, 33) == .value(0))
    #expect(machine.call(.setuid, 33) == .value(0))
    #expect(try ids(machine) == [33, 33, 33])
    #expect(try ids(machine, .getresgid) == [33, 33, 33])
    #expect(effectiveCapabilities(machine) == 0)
    #expect(machine.call(.setuid, 0) == .error(.notPermitted))
    #expect(machine.call(.setgroups, 0, 0) == .error(.notPermitted))
    #expect(machine.call(.setresgid, 0, -1, -1) == .error(.notPermitted))
    #expect(machine.call(.openat, AT_FDCWD, "/etc/shadow", O_RDONLY) == .error(.permissionDenied))
  }

  @Test func theSavedIdLeadsBack() throws {
    let machine = try Machine()
    #expect(machine.call(.setresuid, -1, 1000, -1) == .value(0))
    #expect(try ids(machine) == [0, 1000, 0])
    #expect(effectiveCapabilities(machine) == 0)
    #expect(machine.call(.openat, AT_FDCWD, "/etc/shadow", O_RDONLY) == .error(.permissionDenied))
    // access(2) asks for the real user.
    #expect(machine.call(.access, "/etc/shadow", R_OK) == .value(0))
    #expect(machine.call(.faccessat2, AT_FDCWD, "/etc/shadow", R_OK, 0x200) == .error(.permissionDenied))
    #expect(machine.call(.setresuid, -1, 0, -1) == .value(0))
    #expect(effectiveCapabilities(machine) != 0)
    try machine.close(machine.open("/etc/shadow", O_RDONLY))
  }

  @Test func whatAUserMakesIsItsOwn() throws {
    let machine = try Machine()
    #expect(machine.call(.setresgid, 7, 7, 7) == .value(0))
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
    try machine.close(machine.open("/tmp/made", O_CREAT | O_WRONLY, 0o600))
    let status = try machine.status("/tmp/made")
    #expect(status.st_uid == 1000 && status.st_gid == 7)
    #expect(machine.call(.unlink, "/etc/passwd") == .error(.permissionDenied))
    #expect(machine.call(.chown, "/tmp/made", 0, 0) == .error(.notPermitted))
    #expect(machine.call(.chown, "/tmp/made", 1000, 7) == .value(0))
  }

  @Test func groupsCountForFiles() throws {
    let machine = try Machine()
    #expect(machine.call(.chown, "/etc/shadow", 0, 42) == .value(0))
    #expect(machine.call(.chmod, "/etc/shadow", 0o640) == .value(0))
    #expect(machine.call(.setgroups, 2, [UInt8]([43, 0, 0, 0, 42, 0, 0, 0])) == .value(0))
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
    try machine.close(machine.open("/etc/shadow", O_RDONLY))
    let list = machine.memory.allocate(8)
    #expect(machine.call(.getgroups, 1, list) == .error(.invalidArgument))
    #expect(machine.call(.getgroups, 2, list) == .value(2))
    #expect(machine.memory.load(UInt32.self, at: list) == 42)
  }

  @Test("who a process is, its children and its new threads are, whatever becomes of it before they are seen")
  func marksAreInherited() throws {
    let machine = try Machine()
    #expect(machine.call(.setresuid, 1000, 1000, 0) == .value(0))
    let child = machine.fork(3)
    #expect(machine.call(.setresuid, 0, 0, 0) == .value(0))
    machine.end(machine.process.id)
    machine.thread = child
    #expect(machine.call(.getuid) == .value(1000))
  }

  @Test func threadsAreWhoTheirMakerWas() throws {
    let machine = try Machine()
    #expect(machine.call(.setresuid, 1000, 1000, 0) == .value(0))
    let thread = machine.startThread(4)
    #expect(machine.call(.setresuid, 0, 0, 0) == .value(0))
    machine.thread = thread
    #expect(machine.call(.geteuid) == .value(1000))
  }

  @Test func aTimerSlackMakesNobodySomebodyElse() throws {
    let machine = try Machine()
    #expect(machine.call(.setresuid, 1000, 1000, 0) == .value(0))
    #expect(machine.call(.setresuid, 0, 0, 0) == .value(0))
    #expect(machine.call(.prctl, 29, 50_001) == .value(0))
    machine.thread = machine.fork(3)
    #expect(machine.call(.getuid) == .value(0))
  }

  @Test func execKeepsTheEffectiveUser() throws {
    let machine = try Machine()
    #expect(machine.call(.setresuid, 1000, 1000, 0) == .value(0))
    #expect(machine.call(.execve, "/usr/bin/tool", 0, 0) == .continued)
    #expect(try ids(machine) == [1000, 1000, 1000])
  }

  @Test func keepCapabilities() throws {
    let machine = try Machine()
    #expect(machine.call(.prctl, 8, 1) == .value(0))
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
    #expect(effectiveCapabilities(machine) == 0)
    // CAP_DAC_OVERRIDE, which is still permitted.
    var sets = [UInt8](repeating: 0, count: 24)
    sets[0] = 2
    sets[4] = 2
    #expect(machine.call(.capset, Self.header, sets) == .value(0))
    try machine.close(machine.open("/etc/shadow", O_RDONLY))
    sets[4] = 3
    #expect(
      machine.call(.capset, Self.header, sets) == .error(.notPermitted))
  }

  @Test func aHostileProgramCannotFillMemory() throws {
    let machine = try Machine()
    var groups = [UInt8](repeating: 0, count: 4 * 65536)
    var reply = Reply.value(0)
    for round in 0..<64 where reply == .value(0) {
      groups[0] = UInt8(round)
      reply = machine.call(.setgroups, 65536, groups)
    }
    #expect(reply == .error(.noMemory))
    #expect(machine.call(.setgroups, 0, 0) == .value(0))
  }
}

/// prlimit(2) on another process; Fixtures/rlimit.c compares with Linux.
struct LimitTests {
  private let limit = Int32(RLIMIT_NOFILE.rawValue)

  private func set(_ machine: Machine, _ pid: Int32, _ soft: UInt64, _ hard: UInt64) -> Reply {
    let new = machine.memory.place(value: ResourceLimit(soft: soft, hard: hard))
    return machine.call(.prlimit64, pid, limit, new, 0)
  }

  @Test("of a child that has not made a call yet") func ofAChild() throws {
    let machine = try Machine()
    machine.call(.getuid)
    machine.fork(3)
    #expect(set(machine, 3, 10, 20) == .value(0))
    #expect(machine.information.limits[limit] == ResourceLimit(soft: 10, hard: 20))
    #expect(set(machine, 3, 10, 21) == .error(.notPermitted))
    #expect(set(machine, 3, 21, 20) == .error(.invalidArgument))
    #expect(set(machine, 99, 1, 1) == .error(.noSuchProcess))
  }

  @Test("of another user's process") func ofAnother() throws {
    let machine = try Machine()
    machine.call(.getuid)
    let parent = machine.thread
    machine.thread = machine.fork(3)
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
    #expect(set(machine, 2, 10, 20) == .error(.notPermitted))
    machine.thread = parent
    #expect(set(machine, 3, 10, 20) == .error(.notPermitted))
  }
}

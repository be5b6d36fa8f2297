import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ChownTests {
  @Test func ownerIsRememberedNotChangedOnTheHost() throws {
    let machine = try Machine()
    #expect(machine.call(.fchownat, currentDirectory, "/etc/passwd", 5, 6, 0) == .done)
    let status = try machine.status("/etc/passwd")
    #expect(status.st_uid == 5)
    #expect(status.st_gid == 6)
    #expect(machine.run.at("etc/passwd")?.uid == 0)
    #expect(try machine.text("/etc/passwd") == "root:x:0:0\n")
  }

  @Test func minusOneLeavesAnId() throws {
    let machine = try Machine()
    #expect(machine.call(.fchownat, currentDirectory, "/etc", 5, -1, 0) == .done)
    #expect(try machine.status("/etc").st_gid == 0)
    #expect(machine.call(.fchown, try machine.open("/etc", O_RDONLY), -1, 9) == .done)
    #expect(try machine.status("/etc").st_uid == 5)
    #expect(try machine.status("/etc").st_gid == 9)
  }

  @Test func linkItselfOrItsTarget() throws {
    let machine = try Machine()
    #expect(machine.call(.fchownat, currentDirectory, "/absolute", 5, 5, AT_SYMLINK_NOFOLLOW) == .done)
    #expect(try machine.linkStatus("/absolute").st_uid == 5)
    #expect(try machine.status("/etc/passwd").st_uid == 0)
    #expect(machine.call(.fchownat, currentDirectory, "/absolute", 6, 6, 0) == .done)
    #expect(try machine.status("/etc/passwd").st_uid == 6)
  }

  @Test func setIDBitsOfAProgramAreCleared() throws {
    let machine = try Machine { $0.file("tool", "", mode: 0o6755) }
    #expect(machine.call(.fchownat, currentDirectory, "/tool", 1, 1, 0) == .done)
    #expect(try machine.status("/tool").st_mode & 0o7777 == 0o755)
  }

  @Test func ordinaryUserMayOnlyKeepItsOwn() throws {
    let machine = try Machine(uid: 1000)
    #expect(machine.call(.fchownat, currentDirectory, "/work/mine", 1000, 1000, 0) == .done)
    #expect(machine.call(.fchownat, currentDirectory, "/work/mine", -1, -1, 0) == .done)
    #expect(machine.call(.fchownat, currentDirectory, "/work/mine", 0, -1, 0) == .error(.notPermitted))
    #expect(machine.call(.fchownat, currentDirectory, "/work/mine", -1, 7, 0) == .error(.notPermitted))
    #expect(machine.call(.fchownat, currentDirectory, "/etc/passwd", 1000, -1, 0) == .error(.notPermitted))
  }

  @Test func errors() throws {
    let machine = try Machine()
    #expect(machine.call(.fchownat, currentDirectory, "/missing", 1, 1, 0) == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.fchownat, currentDirectory, "/etc", 1, 1, 4) == .error(.invalidArgument))
    #expect(machine.call(.fchownat, currentDirectory, 8, 1, 1, 0) == .error(.badAddress))
    #expect(machine.call(.fchownat, currentDirectory, "/proc/version", 1, 1, 0) == .error(.notPermitted))
    #expect(machine.call(.fchownat, currentDirectory, "/dev/null", 1, 1, 0) == .done)
    #expect(machine.call(.fchown, 99, 1, 1) == .error(.badFileDescriptor))
    #expect(machine.call(.fchown, machine.inherit("host"), 1, 1) == .error(.notPermitted))
    let path = try machine.open("/etc/passwd", O_PATH_)
    #expect(machine.call(.fchown, path, 1, 1) == .error(.badFileDescriptor))
    #expect(machine.call(.fchownat, path, "", 1, 1, AT_EMPTY_PATH_) == .done)
    #expect(try machine.status("/etc/passwd").st_uid == 1)
  }

  @Test func pipeIsGivenAway() throws {
    let machine = try Machine()
    let pipe = machine.inherit("", mode: FileType.fifo | 0o600, name: "pipe:[1]")
    #expect(machine.call(.fchown, pipe, 1000, -1) == .done)
    #expect(machine.call(.chown, "/proc/self/fd/\(pipe)", -1, 7) == .done)
    let status = try machine.status(of: pipe)
    #expect([status.st_uid, status.st_gid] == [1000, 7])
    // On the host it stays what it is.
    #expect(machine.process.files.files[pipe]?.node.uid == 0)
    #expect(machine.call(.setresuid, 1000, 1000, 1000) == .value(0))
    #expect(machine.call(.access, "/proc/self/fd/\(pipe)", W_OK) == .done)
    #expect(machine.call(.fchown, pipe, 0, -1) == .error(.notPermitted))
    #expect(machine.call(.fchmod, pipe, 0o400) == .done)
    #expect(machine.call(.access, "/proc/self/fd/\(pipe)", W_OK) == .error(.permissionDenied))
  }
}

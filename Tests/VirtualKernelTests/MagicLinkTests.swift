import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// Links of /proc lead to a file itself; Fixtures/magic_links.c compares with Linux.
struct MagicLinkTests {
  private func link(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

  private func place(_ machine: Machine, _ descriptor: Int32) -> Node? {
    machine.skeleton.root.at("proc/\(machine.process.nsID.rawValue)/fd/\(descriptor)")
  }

  @Test func removedDirectoryCanBeEntered() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "/work/d", 0o755) == .done)
    let descriptor = try machine.open("/work/d", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.unlinkat, currentDirectory, "/work/d", AT_REMOVEDIR) == .done)
    #expect(machine.call(.chdir, link(descriptor)) == .continued)
    machine.process.workingDirectory = place(machine, descriptor)
    #expect(machine.call(.mkdirat, currentDirectory, "x", 0o755) == .error(.noSuchFileOrDirectory))
    #expect(try machine.status(".").st_nlink == 0)
    #expect(machine.call(.chdir, "..") == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.openat, currentDirectory, link(descriptor), O_RDWR) == .error(.isDirectory))
    #expect(machine.call(.chdir, "\(link(descriptor))/x") == .error(.noSuchFileOrDirectory))
  }

  @Test func removedProgramIsRunFromACopy() throws {
    let machine = try Machine()
    try machine.write("program", to: "/work/program")
    #expect(machine.call(.fchmodat, currentDirectory, "/work/program", 0o755) == .done)
    let descriptor = try machine.open("/work/program")
    #expect(machine.call(.unlinkat, currentDirectory, "/work/program", 0) == .done)
    try machine.write("another", to: "/work/program")
    #expect(machine.call(.execve, link(descriptor), 0, 0) == .continued)
    #expect(place(machine, descriptor)?.bytes == Array("program".utf8))
    #expect(machine.store.entries.allSatisfy { !$0.name.starts(with: "object".utf8) })
    #expect(machine.call(.fchmod, descriptor, 0o600) == .done)
    #expect(machine.call(.execve, link(descriptor), 0, 0) == .error(.permissionDenied))
  }

  @Test func memoryFileIsCutAndRun() throws {
    let machine = try Machine()
    let descriptor = machine.inherit("program", mode: FileType.regular | 0o777, name: "/memfd:x (deleted)")
    machine.process.files.files[descriptor]!.node.links = 0
    #expect(machine.call(.execve, link(descriptor), 0, 0) == .continued)
    #expect(place(machine, descriptor)?.bytes == Array("program".utf8))
    #expect(machine.call(.truncate, link(descriptor), 2) == .done)
    #expect(try machine.status(of: descriptor).st_size == 2)
  }

  @Test func fileOfTheUserIsNeitherCutNorRun() throws {
    let machine = try Machine()
    let descriptor = machine.inherit("host", mode: FileType.regular | 0o755, flags: O_RDONLY)
    #expect(machine.call(.execve, link(descriptor), 0, 0) == .error(.permissionDenied))
    #expect(machine.call(.truncate, link(descriptor), 0) == .error(.permissionDenied))
    #expect(try machine.status(of: descriptor).st_size == 4)
  }
}

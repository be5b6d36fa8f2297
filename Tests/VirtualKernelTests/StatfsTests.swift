import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct StatfsTests {
  private func tell(_ machine: Machine, _ path: String) throws -> statfs {
    let buffer = machine.memory.allocate(MemoryLayout<statfs>.size)
    try machine.require(machine.call(.statfs, path, buffer))
    return machine.memory.load(statfs.self, at: buffer)
  }

  private static let types: [(String, Int)] = [
    ("/", 0x794c_7630), ("/etc/passwd", 0x794c_7630), ("/tmp", 0x0102_1994), ("/dev/shm", 0x0102_1994),
    ("/dev/null", 0x0102_1994),
    ("/proc/version", 0x9fa0), ("/dev/pts", 0x1cd1), ("/absolute", 0x794c_7630),
  ]

  @Test(arguments: types)
  func typesAreThoseOfTheVirtualFileSystems(_ path: String, _ type: Int) throws {
    let machine = try Machine()
    let status = try tell(machine, path)
    #expect(Int(status.f_type) == type)
    let buffer = machine.memory.allocate(MemoryLayout<statfs>.size)
    #expect(machine.call(.fstatfs, try machine.open(path, O_PATH_), buffer) == .done)
    #expect(Int(machine.memory.load(statfs.self, at: buffer).f_type) == type)
  }

  @Test func spaceIsThatOfTheLayersOwnFileSystem() throws {
    let machine = try Machine()
    #expect(try tell(machine, "/").f_blocks == machine.run.volume.device * 1000)
    #expect(try tell(machine, "/tmp").f_blocks == machine.store.volume.device * 1000)
    #expect(try tell(machine, "/proc").f_blocks == 0)
    let ids = try ["/", "/tmp", "/proc", "/dev"].map { try tell(machine, $0).f_fsid.__val.1 }
    #expect(Set(ids).count == 4)
  }

  @Test func inheritedFileTellsOfItsOwn() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(MemoryLayout<statfs>.size)
    #expect(machine.call(.fstatfs, machine.inherit("x"), buffer) == .done)
    #expect(machine.memory.load(statfs.self, at: buffer).f_type == 0xef53)
  }

  @Test func errors() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(MemoryLayout<statfs>.size)
    #expect(machine.error { _ = try tell(machine, "/missing") } == .noSuchFileOrDirectory)
    #expect(machine.error { _ = try tell(machine, "/etc/passwd/x") } == .notDirectory)
    #expect(machine.error { _ = try tell(machine, "") } == .noSuchFileOrDirectory)
    #expect(machine.call(.statfs, "/etc", 8) == .error(.badAddress))
    #expect(machine.call(.statfs, 8, buffer) == .error(.badAddress))
    #expect(machine.call(.fstatfs, 99, buffer) == .error(.badFileDescriptor))
    machine.world.fail(.fileSystemStatus, with: .ioError)
    #expect(machine.call(.statfs, "/etc", buffer) == .error(.ioError))
  }
}

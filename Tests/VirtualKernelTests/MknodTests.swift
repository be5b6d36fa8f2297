import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct MknodTests {
  private func mknod(_ machine: Machine, _ path: String, _ mode: UInt32) -> Reply {
    machine.call(.mknodat, currentDirectory, path, mode, 0)
  }

  @Test(arguments: [FileType.fifo, FileType.socket, FileType.regular])
  func makesWhatNeedsNoPrivilege(_ type: UInt32) throws {
    let machine = try Machine()
    #expect(mknod(machine, "/etc/node", type | 0o666) == .done)
    #expect(try machine.status("/etc/node").st_mode == type | 0o644)
    #expect(machine.run.at("etc/node")?.kind == type)
  }

  @Test func typeZeroIsARegularFile() throws {
    let machine = try Machine()
    #expect(mknod(machine, "/etc/node", 0o600) == .done)
    #expect(try machine.status("/etc/node").st_mode == FileType.regular | 0o600)
  }

  private static let failures: [(String, UInt32, Errno)] = [
    ("/new", FileType.characterDevice, .notPermitted), ("/new", 0o060000, .notPermitted),
    ("/new", FileType.directory, .notPermitted),
    ("/new", FileType.symbolicLink, .invalidArgument), ("/etc/passwd", FileType.characterDevice, .fileExists),
    ("/etc/passwd", FileType.fifo, .fileExists), ("/etc", FileType.regular, .fileExists),
    ("/", FileType.regular, .fileExists),
    ("/missing/x", FileType.fifo, .noSuchFileOrDirectory), ("/new/", FileType.regular, .noSuchFileOrDirectory),
    ("/etc/passwd/x", FileType.fifo, .notDirectory), ("", FileType.fifo, .noSuchFileOrDirectory),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ mode: UInt32, _ errno: Errno) throws {
    let machine = try Machine()
    #expect(mknod(machine, path, mode | 0o644) == .error(errno))
    #expect(machine.run.entries.isEmpty)
  }

  @Test func guestOpensAFIFOItself() throws {
    let machine = try Machine()
    #expect(mknod(machine, "/tmp/fifo", FileType.fifo | 0o644) == .done)
    let descriptor = try machine.open("/tmp/fifo", O_RDWR)
    #expect(try machine.status(of: descriptor).st_ino == machine.status("/tmp/fifo").st_ino)
    #expect(machine.call(.unlinkat, currentDirectory, "/tmp/fifo", 0) == .done)
    #expect(machine.skeleton.root.at("tmp/fifo") == nil)
  }

  @Test func renamedFIFOIsTheSame() throws {
    let machine = try Machine()
    #expect(mknod(machine, "/tmp/fifo", FileType.fifo | 0o644) == .done)
    let first = try machine.open("/tmp/fifo", O_RDWR)
    #expect(machine.call(.renameat, currentDirectory, "/tmp/fifo", currentDirectory, "/tmp/other") == .done)
    let second = try machine.open("/tmp/other", O_RDWR)
    #expect(machine.process.files.files[first]!.node === machine.process.files.files[second]!.node)
  }

  @Test func socketWithoutListenerIsNotOpened() throws {
    let machine = try Machine()
    #expect(mknod(machine, "/tmp/socket", FileType.socket | 0o644) == .done)
    #expect(machine.call(.openat, currentDirectory, "/tmp/socket", O_RDWR) == .error(.noDevice))
  }
}

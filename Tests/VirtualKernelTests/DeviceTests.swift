import CLinux
import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct DeviceTests {
  @Test(arguments: ["null", "zero", "full", "random", "urandom"])
  func deviceOfTheHostIsHandedThrough(_ name: String) throws {
    let machine = try Machine(uid: 1000)
    let path = "/dev/\(name)"
    let status = try machine.status(path)
    #expect(status.st_mode == FileType.characterDevice | 0o666)
    let descriptor = try machine.open(path, O_RDWR | O_CREAT | O_TRUNC)
    #expect(machine.process.files.files[descriptor]?.node.device == UInt64(status.st_rdev))
    #expect(try machine.status(of: descriptor).st_ino == status.st_ino)
    #expect(try machine.target("/proc/self/fd/\(descriptor)") == path)
    #expect(machine.call(.unlinkat, currentDirectory, path, 0) != .done)
  }

  @Test func terminalOfTheCallerIsTheCallersToOpen() throws {
    let machine = try Machine()
    #expect(machine.call(.openat, currentDirectory, "/dev/tty", O_RDWR) == .continued)
    #expect(machine.skeleton.root.at("dev/tty")?.device == uwrx_makedev(5, 0))
    #expect(!machine.exists("/dev/console"))
  }

  @Test func terminalOfTheRunIsTheConsole() throws {
    let machine = try Machine(uid: 1000, sources: [], hasTerminal: true)
    let status = try machine.status("/dev/console")
    #expect(UInt64(status.st_rdev) == uwrx_makedev(136, 7))
    #expect(status.st_uid == 1000)
    #expect(machine.call(.openat, currentDirectory, "/dev/console", O_RDWR) == .continued)
    #expect(machine.skeleton.root.at("dev/console")?.device == uwrx_makedev(136, 7))
  }

  @Test func hostWithoutTheDeviceOrWithAnother() throws {
    let machine = try Machine()
    let devices = machine.skeleton.world.roots.first { $0.path == Array("/dev".utf8) }!.node
    devices.removeEntry("null".utf8)
    #expect(machine.call(.openat, currentDirectory, "/dev/null", O_RDWR) == .error(.noDevice))
    devices.file("null", "a file that somebody put there")
    #expect(machine.call(.openat, currentDirectory, "/dev/null", O_RDWR) == .error(.noDevice))
  }

  @Test func otherDevicesAreNotThere() throws {
    let machine = try Machine { $0.file("dev/sda", "disk") }
    for name in ["sda", "mem", "kmsg", "kvm", "fuse"] { #expect(!machine.exists("/dev/\(name)")) }
    #expect(try machine.names("/dev").contains("null"))
    #expect(try !machine.names("/dev").contains("sda"))
  }

  @Test func pseudoTerminalsAreThoseOfTheSkeleton() throws {
    let machine = try Machine()
    #expect(try machine.target("/dev/ptmx") == "pts/ptmx")
    machine.skeleton.root.directory("dev/pts")
    for number in 0...1 as ClosedRange<UInt32> {
      let node = machine.skeleton.root.node("dev/pts/\(number)", FileType.characterDevice | 0o620)
      node.device = uwrx_makedev(136, number)
    }
    #expect(try machine.names("/dev/pts") == ["0", "1"])
    #expect(try machine.status("/dev/pts/1").st_mode == FileType.characterDevice | 0o620)
    #expect(machine.call(.openat, currentDirectory, "/dev/pts/1", O_RDWR) == .continued)
    machine.skeleton.root.at("dev/pts")?.removeEntry("0".utf8)
    #expect(try machine.names("/dev/pts") == ["1"])
    #expect(!machine.exists("/dev/pts/0"))
    #expect(!machine.exists("/dev/pts/7"))
    #expect(machine.call(.mkdirat, currentDirectory, "/dev/pts/x", 0o755) == .error(.notPermitted))
    #expect(
      machine.call(.openat, currentDirectory, "/dev/pts/x", O_CREAT | O_WRONLY, 0o600) == .error(.permissionDenied))
  }

  @Test func terminalIsItsOpenersToGiveAway() throws {
    let machine = try Machine()
    machine.skeleton.root.directory("dev/pts")
    let node = machine.skeleton.root.node("dev/pts/0", FileType.characterDevice | 0o620)
    node.device = uwrx_makedev(136, 0)
    #expect(try machine.status("/dev/pts/0").st_gid == 5)
    #expect(machine.call(.fchmodat, currentDirectory, "/dev/pts/0", 0o600) == .done)
    #expect(machine.call(.fchownat, currentDirectory, "/dev/pts/0", 1000, 7, 0) == .done)
    let status = try machine.status("/dev/pts/0")
    #expect(status.st_mode == FileType.characterDevice | 0o600)
    #expect([status.st_uid, status.st_gid] == [1000, 7])
    #expect(node.permissions == 0o620 && node.uid == 0)
    // Another terminal of the same number.
    node.changed.tv_sec += 1
    #expect(try machine.status("/dev/pts/0").st_uid == 0)
    #expect(try machine.status("/dev/pts/0").st_mode == FileType.characterDevice | 0o620)
  }

  @Test func namesOfDevAreOrdinaryOnes() throws {
    let machine = try Machine()
    #expect(machine.call(.mknodat, currentDirectory, "/dev/log", FileType.fifo | 0o600, 0) == .done)
    #expect(try machine.names("/dev").contains("log"))
    #expect(machine.store.at("dev/log")?.kind == FileType.fifo)
    #expect(machine.call(.unlinkat, currentDirectory, "/dev/log", 0) == .done)
    #expect(!machine.exists("/dev/log"))
    #expect(machine.call(.renameat, currentDirectory, "/dev/null", currentDirectory, "/dev/x") == .error(.notPermitted))
  }
}

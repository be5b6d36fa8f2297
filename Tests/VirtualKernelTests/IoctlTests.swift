import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct IoctlTests {
  @Test(arguments: [0x5412, 0x541c, 0x541d] as [UInt64])
  func inputOfATerminalIsRefused(_ request: UInt64) throws {
    let machine = try machine(FileType.characterDevice)
    #expect(machine.call(.ioctl, 5, request, 0) == .error(.notPermitted))
    #expect(machine.call(.ioctl, 5, request | 1 << 32, 0) == .error(.notPermitted))
    #expect(machine.call(.ioctl, 6, request, 0) == .error(.badFileDescriptor))
    #expect(!Registry.ioctlRequests.contains(UInt32(request)))
  }

  /// FS_IOC_SETFLAGS, FS_IOC_GETFLAGS, FIDEDUPERANGE, FS_IOC_FIEMAP, TIOCSETD.
  @Test(arguments: [0x4008_6602, 0x8008_6601, 0xc018_9436, 0xc020_660b, 0x5423] as [UInt64])
  func whatCouldChangeALowerFileIsUnknown(_ request: UInt64) throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    #expect(machine.call(.ioctl, file, request, 0) == .error(.inappropriateIOCTLForDevice))
    #expect(machine.call(.ioctl, 99, request, 0) == .error(.badFileDescriptor))
    #expect(!Registry.ioctlRequests.contains(UInt32(request)))
  }

  @Test("the foreground of a terminal is not taken from the user's other job", arguments: [false, true])
  func foreground(_ isBehind: Bool) throws {
    let machine = try machine(FileType.characterDevice)
    machine.information.isBehindAnotherJob = isBehind
    let answer = machine.call(.ioctl, 5, 0x5410, [2, 0, 0, 0] as [UInt8])
    #expect(answer == (isBehind ? .error(.notPermitted) : .continued))
  }

  private static let flags = 0x8913  // SIOCGIFFLAGS
  private static let list = 0x8912  // SIOCGIFCONF

  private func machine(_ kind: UInt32 = FileType.socket, named name: String = "socket:[1]") throws -> Machine {
    let machine = try Machine()
    let node = Node(machine.skeleton.root.volume, mode: kind | 0o755)
    let open = OpenFile(node, flags: O_RDWR, name: name)
    machine.process.files.files[5] = open
    return machine
  }

  private func request(_ name: String) -> [UInt8] {
    Array(name.utf8) + [UInt8](repeating: 0, count: 40 - name.utf8.count)
  }

  @Test func interfacesOfTheGuestAreTold() throws {
    let machine = try machine()
    #expect(machine.call(.ioctl, 5, Self.flags, request("lo")) == .done)
    #expect(machine.call(.ioctl, 5, Self.flags, request("eth0")) == .error(.init(rawValue: ENODEV)))
  }

  @Test(
    "a socket of another network tells nothing", arguments: [flags, list])
  func otherNetwork(_ number: Int) throws {
    let machine = try machine(named: "host")
    #expect(machine.call(.ioctl, 5, number, request("lo")) == .error(.init(rawValue: ENODEV)))
  }

  @Test("what is no socket has no interfaces", arguments: [flags, list])
  func noSocket(_ number: Int) throws {
    let machine = try machine(FileType.fifo)
    #expect(machine.call(.ioctl, 5, number, request("lo")) == .error(.init(rawValue: ENOTTY)))
    #expect(machine.call(.ioctl, 6, number, request("lo")) == .error(.badFileDescriptor))
  }
}

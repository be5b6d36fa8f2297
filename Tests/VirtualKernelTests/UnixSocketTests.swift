import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct UnixSocketTests {
  private func address(_ path: String) -> [UInt8] { [UInt8(AF_UNIX), 0] + Array(path.utf8) + [0] }

  private func socket(_ machine: Machine, domain: Int32 = AF_UNIX, mode: UInt32 = 0o777) -> Int32 {
    let descriptor = machine.inherit("", mode: FileType.socket | mode, name: "socket:[1]")
    machine.process.files.files[descriptor]!.node.device = UInt64(domain)
    return descriptor
  }

  private func bind(_ machine: Machine, _ path: String, _ descriptor: Int32? = nil) -> Reply {
    let address = address(path)
    return machine.call(.bind, descriptor ?? socket(machine), address, address.count)
  }

  private func connect(_ machine: Machine, _ path: String) -> Reply {
    let address = address(path)
    return machine.call(.connect, socket(machine), address, address.count)
  }

  @Test("the descriptor is looked at before the path")
  func descriptorFirst() throws {
    let machine = try Machine()
    let address = address("/missing/socket")
    for call in [SyscallNumber.bind, .connect] {
      #expect(machine.call(call, 99, address, address.count) == .error(.badFileDescriptor))
      #expect(machine.call(call, socket(machine, domain: AF_INET), address, address.count) == .continued)
      let file = try machine.open("/etc/passwd")
      #expect(machine.call(call, file, address, address.count) == .error(.init(rawValue: ENOTSOCK)))
    }
  }

  @Test func socketIsThereWhenTheCallReturns() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .done)
    #expect(machine.skeleton.root.at("tmp/socket")?.kind == FileType.socket)
    #expect(machine.store.at("tmp/socket")?.kind == FileType.socket)
    let times = try machine.status("/tmp").st_mtim
    #expect(try machine.status("/tmp/socket").st_mode == FileType.socket | 0o755)
    #expect(connect(machine, "/tmp/socket") == .continued)
    #expect(try machine.names("/tmp") == ["socket"])
    #expect(try machine.status("/tmp").st_mtim.tv_nsec == times.tv_nsec)
  }

  @Test func modeIsThatOfTheSocket() throws {
    let machine = try Machine()
    #expect(bind(machine, "/etc/socket", socket(machine, mode: 0o620)) == .done)
    #expect(try machine.names("/etc") == ["passwd", "shadow", "socket"])
    #expect(try machine.status("/etc/socket").st_mode == FileType.socket | 0o600)
    #expect(machine.run.at("etc/socket")?.kind == FileType.socket)
  }

  @Test func bindThatFailedLeavesNothing() throws {
    let machine = try Machine()
    machine.world.fail(.skeletonBindSocket, with: .invalidArgument)
    #expect(bind(machine, "/tmp/socket") == .error(.invalidArgument))
    #expect(try machine.names("/tmp") == [])
    #expect(machine.store.at("tmp/socket") == nil)
    try machine.write("x", to: "/tmp/socket")
    #expect(try machine.text("/tmp/socket") == "x")
    #expect(bind(machine, "/tmp/socket") == .error(.addressInUse))
  }

  @Test func whatALostRaceHasLeftIsNotInTheWay() throws {
    let machine = try Machine()
    machine.skeleton.root.directory("tmp").node("socket", FileType.socket | 0o755)
    #expect(!machine.exists("/tmp/socket"))
    #expect(bind(machine, "/tmp/socket") == .done)
  }

  @Test func removedSocketIsGoneFromTheSkeleton() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .done)
    #expect(bind(machine, "/tmp/socket") == .error(.addressInUse))
    #expect(machine.call(.unlinkat, currentDirectory, "/tmp/socket", 0) == .done)
    #expect(machine.skeleton.root.at("tmp/socket") == nil)
    #expect(machine.store.at("tmp/socket") == nil)
    #expect(bind(machine, "/tmp/socket") == .done)
  }

  @Test func renamedSocketCanBeReached() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .done)
    #expect(machine.call(.renameat, currentDirectory, "/tmp/socket", currentDirectory, "/tmp/other") == .done)
    #expect(connect(machine, "/tmp/other") == .continued)
    #expect(machine.skeleton.root.at("tmp/other") != nil)
    #expect(connect(machine, "/tmp/socket") == .error(.noSuchFileOrDirectory))
  }

  @Test func relativePath() throws {
    let machine = try Machine()
    try machine.changeDirectory("/tmp")
    #expect(bind(machine, "socket") == .done)
    #expect(connect(machine, "socket") == .continued)
    #expect(machine.exists("/tmp/socket"))
  }

  @Test func whatIsNoLocalSocketIsAskedFirst() throws {
    let machine = try Machine()
    let internet = socket(machine, domain: AF_INET)
    #expect(bind(machine, "/missing/x", internet) == .continued)
    #expect(bind(machine, "/missing/x", 99) == .error(.badFileDescriptor))
    #expect(bind(machine, "/missing/x", try machine.open("/dev/null")) == .error(.init(rawValue: ENOTSOCK)))
    #expect(!machine.exists("/missing"))
  }

  @Test func otherAddressesAreTheKernels() throws {
    let machine = try Machine()
    let socket = socket(machine)
    for bytes in [[1, 0], [1, 0, 0, 0x61], [2, 0, 0x1f, 0x90, 127, 0, 0, 1], [], [1]] as [[UInt8]] {
      #expect(machine.call(.bind, socket, bytes + [0], bytes.count) == .continued)
      #expect(machine.call(.connect, socket, bytes + [0], bytes.count) == .continued)
    }
    #expect(machine.skeleton.root.entries.isEmpty)
  }

  private static let failures: [(String, Errno, Errno)] = [
    ("/missing/x", .noSuchFileOrDirectory, .noSuchFileOrDirectory), ("/etc/passwd/x", .notDirectory, .notDirectory),
    ("/etc/passwd", .addressInUse, .connectionRefused), ("/etc", .addressInUse, .connectionRefused),
    ("/", .addressInUse, .connectionRefused), ("/usr/new", .permissionDenied, .noSuchFileOrDirectory),
    ("/loop/x", .tooManySymbolicLinkLevels, .tooManySymbolicLinkLevels),
    ("/run/x", .permissionDenied, .noSuchFileOrDirectory), ("/proc/x", .noSuchFileOrDirectory, .noSuchFileOrDirectory),
    ("/dev/x", .permissionDenied, .noSuchFileOrDirectory), ("/dev/pts/x", .permissionDenied, .noSuchFileOrDirectory),
    ("/old", .addressInUse, .connectionRefused),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ bindError: Errno, _ connectError: Errno) throws {
    let machine = try Machine(uid: 1000) { lower in
      standardTree(lower)
      lower.node("old", FileType.socket | 0o777)
      lower.at("etc/passwd")!.mode |= 0o2
      lower.at("etc")!.mode |= 0o2
    }
    #expect(bind(machine, path) == .error(bindError))
    if path != "/" { #expect(connect(machine, path) == .error(connectError)) }
  }

  @Test func addressThatCannotBeReadIsNeverLetThrough() throws {
    let machine = try Machine()
    let short = machine.memory.place([1, 0, 0x2f])
    let socket = socket(machine)
    #expect(machine.call(.bind, socket, short, 20) == .error(.badAddress))
    #expect(machine.call(.connect, socket, 8, 20) == .error(.badAddress))
  }

  @Test func pathOfTheWholeAddressNeedsNoNUL() throws {
    let machine = try Machine()
    let path = "/tmp/" + String(repeating: "s", count: 103)
    let address = [UInt8(AF_UNIX), 0] + Array(path.utf8)
    #expect(address.count == 110)
    #expect(machine.call(.bind, socket(machine), address, 110) == .done)
    #expect(try machine.names("/tmp") == [String(repeating: "s", count: 103)])
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

extension Machine {
  /// A descriptor becomes a socket without a name.
  func makeSocket(_ descriptor: Int32, _ family: Int32 = AF_UNIX) {
    let node = Node(skeleton.root.volume, mode: FileType.socket | 0o777)
    node.bytes = [UInt8(family), 0]
    guard let process = try? world.process(of: thread) else { return }
    process.files.files[descriptor] = OpenFile(node, flags: O_RDWR, name: "socket:[1]")
  }
}

struct UnixSocketTests {
  private func address(_ path: String) -> [UInt8] { [UInt8(AF_UNIX), 0] + Array(path.utf8) + [0] }

  private func bind(_ machine: Machine, _ path: String) -> Reply {
    machine.makeSocket(5)
    let address = address(path)
    return machine.call(.bind, 5, address, address.count)
  }

  private func connect(_ machine: Machine, _ path: String) -> Reply {
    machine.makeSocket(5)
    let address = address(path)
    return machine.call(.connect, 5, address, address.count)
  }

  /// The kernel runs the caller's own bind(2).
  private func bindNatively(_ machine: Machine, _ path: String) throws {
    let name = path.split(separator: "/").last!
    let parent = try machine.skeleton.walk(from: machine.process.workingDirectory!, String(path.dropLast(name.count)))
    let socket = Node(machine.skeleton.root.volume, mode: FileType.socket | 0o755)
    parent.insert(name.utf8, socket)
  }

  @Test("the descriptor is looked at before the path")
  func descriptorFirst() throws {
    let machine = try Machine()
    let address = address("/missing/socket")
    for call in [SyscallNumber.bind, .connect] {
      #expect(machine.call(call, 5, address, address.count) == .error(.badFileDescriptor))
      machine.makeSocket(5, AF_INET)
      #expect(machine.call(call, 5, address, address.count) == .continued)
      let file = try machine.open("/etc/passwd")
      #expect(machine.call(call, file, address, address.count) == .error(.init(rawValue: ENOTSOCK)))
      machine.process.files.files[5] = nil
    }
  }

  @Test func socketAppearsOnceTheGuestHasMadeIt() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .continued)
    #expect(!machine.exists("/tmp/socket"))
    try bindNatively(machine, "/tmp/socket")
    #expect(try machine.status("/tmp/socket").st_mode & FileType.mask == FileType.socket)
    #expect(machine.store.at("tmp/socket")?.kind == FileType.socket)
    #expect(connect(machine, "/tmp/socket") == .continued)
    #expect(try machine.names("/tmp") == ["socket"])
  }

  @Test func socketIsListedWithoutALookUp() throws {
    let machine = try Machine()
    #expect(bind(machine, "/etc/socket") == .continued)
    try bindNatively(machine, "/etc/socket")
    #expect(try machine.names("/etc") == ["passwd", "shadow", "socket"])
  }

  @Test func bindThatFailedLeavesNothing() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .continued)
    #expect(try machine.names("/tmp") == [])
    try machine.write("x", to: "/tmp/socket")
    #expect(try machine.text("/tmp/socket") == "x")
    #expect(bind(machine, "/tmp/socket") == .error(.addressInUse))
  }

  @Test func removedSocketIsGoneFromTheSkeleton() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .continued)
    try bindNatively(machine, "/tmp/socket")
    #expect(bind(machine, "/tmp/socket") == .error(.addressInUse))
    #expect(machine.call(.unlinkat, currentDirectory, "/tmp/socket", 0) == .done)
    #expect(machine.skeleton.root.at("tmp/socket") == nil)
    #expect(machine.store.at("tmp/socket") == nil)
    #expect(bind(machine, "/tmp/socket") == .continued)
  }

  @Test func renamedSocketCanBeReached() throws {
    let machine = try Machine()
    #expect(bind(machine, "/tmp/socket") == .continued)
    try bindNatively(machine, "/tmp/socket")
    #expect(machine.call(.renameat, currentDirectory, "/tmp/socket", currentDirectory, "/tmp/other") == .done)
    #expect(connect(machine, "/tmp/other") == .continued)
    #expect(machine.skeleton.root.at("tmp/other") != nil)
    #expect(connect(machine, "/tmp/socket") == .error(.noSuchFileOrDirectory))
  }

  @Test func relativePathAndMovedDirectory() throws {
    let machine = try Machine()
    try machine.changeDirectory("/tmp")
    #expect(bind(machine, "socket") == .continued)
    try bindNatively(machine, "socket")
    #expect(connect(machine, "socket") == .continued)
    #expect(machine.exists("/tmp/socket"))
  }

  @Test func otherAddressesAreTheKernels() throws {
    let machine = try Machine()
    machine.makeSocket(5)
    for bytes in [[1, 0], [1, 0, 0, 0x61], [2, 0, 0x1f, 0x90, 127, 0, 0, 1], [], [1]] as [[UInt8]] {
      #expect(machine.call(.bind, 5, bytes + [0], bytes.count) == .continued)
      #expect(machine.call(.connect, 5, bytes + [0], bytes.count) == .continued)
    }
    #expect(machine.skeleton.root.entries.isEmpty)
  }

  private static let failures: [(String, Errno, Errno)] = [
    ("/missing/x", .noSuchFileOrDirectory, .noSuchFileOrDirectory), ("/etc/passwd/x", .notDirectory, .notDirectory),
    ("/etc/passwd", .addressInUse, .connectionRefused), ("/etc", .addressInUse, .connectionRefused),
    ("/", .addressInUse, .connectionRefused), ("/usr/new", .permissionDenied, .noSuchFileOrDirectory),
    ("/loop/x", .tooManySymbolicLinkLevels, .tooManySymbolicLinkLevels),
    ("/run", .permissionDenied, .noSuchFileOrDirectory),
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
    machine.makeSocket(5)
    let short = machine.memory.place([1, 0, 0x2f])
    #expect(machine.call(.bind, 5, short, 20) == .error(.badAddress))
    #expect(machine.call(.connect, 5, 8, 20) == .error(.badAddress))
  }

  @Test func pathOfTheWholeAddressNeedsNoNUL() throws {
    let machine = try Machine()
    let path = "/tmp/" + String(repeating: "s", count: 103)
    let address = [UInt8(AF_UNIX), 0] + Array(path.utf8)
    #expect(address.count == 110)
    machine.makeSocket(5)
    #expect(machine.call(.bind, 5, address, 110) == .continued)
    try bindNatively(machine, path)
    #expect(try machine.names("/tmp") == [String(repeating: "s", count: 103)])
  }
}

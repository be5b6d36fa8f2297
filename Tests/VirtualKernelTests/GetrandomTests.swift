import Glibc
import Reproducibility
import SystemPackage
import Testing

@testable import VirtualKernel

struct GetrandomTests {
  private func makeMachine(_ seed: UInt64 = 1) throws -> Machine { try Machine(seed: RunSeed(seed)) }

  private func random(_ machine: Machine, _ count: Int, flags: UInt64 = 0) throws -> [UInt8] {
    let address = machine.memory.place([UInt8](repeating: 0, count: count))
    #expect(machine.call(.getrandom, address, UInt64(count), flags) == .value(Int64(count)))
    var bytes = [UInt8](repeating: 0, count: count)
    _ = try bytes.withUnsafeMutableBytes { try machine.memory.read(machine.thread, at: address, into: $0) }
    return bytes
  }

  @Test(arguments: [0, 1, 2, 4] as [UInt64])
  func theSeedDecides(_ flags: UInt64) throws {
    let first = try random(makeMachine(), 48, flags: flags)
    #expect(try random(makeMachine(), 48, flags: flags) == first)
    #expect(try random(makeMachine(2), 48, flags: flags) != first)
    let machine = try makeMachine()
    #expect(try random(machine, 8) + random(machine, 40) == first)
    #expect(try random(machine, 48) != first)
  }

  @Test func childrenHaveTheirOwn() throws {
    let machine = try makeMachine()
    let own = try random(machine, 16)
    let parent = machine.thread
    var seen = [own]
    for number in 3...5 as ClosedRange<Int32> {
      machine.thread = parent
      machine.thread = machine.fork(number)
      seen.append(try random(machine, 16))
    }
    #expect(Set(seen).count == 4)
  }

  @Test func aProgramHasItsOwnFromItsFirstCallOn() throws {
    func run(_ path: String) throws -> ([UInt8], [UInt8]) {
      let machine = try Machine(seed: RunSeed(1)) { $0.file("bin/true", "\u{7f}ELF", mode: 0o755) }
      let before = try random(machine, 16)
      machine.information.procFiles["2/cmdline"] = path
      #expect(machine.call(.execve, path, 0, 0) == .continued)
      return (before, try random(machine, 16))
    }
    let (before, after) = try run("/bin/true")
    #expect(before != after)
    #expect(try run("/bin/true") == (before, after))
  }

  @Test func muchIsMadeBesides() throws {
    let count = 100_000
    let bytes = try random(makeMachine(), count)
    #expect(try random(makeMachine(), count) == bytes)
    #expect(bytes.suffix(16) != bytes.prefix(16))
    let machine = try makeMachine()
    _ = try random(machine, count)
    #expect(machine.blockedCount == 1)
  }

  @Test func whatLinuxRefuses() throws {
    let machine = try makeMachine()
    let address = machine.memory.place([UInt8](repeating: 0, count: 16))
    for flags in [6, 7, 8, 0x8000_0000] as [UInt64] {
      #expect(machine.call(.getrandom, address, 16, flags) == .error(.invalidArgument))
    }
    #expect(machine.call(.getrandom, 16, 16, 0) == .error(.badAddress))
    #expect(machine.call(.getrandom, 16, 100_000, 0) == .error(.badAddress))
    #expect(machine.call(.getrandom, 16, 0, 0) == .value(0))
  }

  @Test(arguments: ["random", "urandom"])
  func devicesGiveStreams(_ name: String) throws {
    func open() throws -> (Machine, [Int32]) {
      let machine = try makeMachine()
      return (machine, try (0..<2).map { _ in try machine.open("/dev/\(name)", O_RDONLY) })
    }
    let (machine, descriptors) = try open()
    let contents = descriptors.map { machine.process.files.files[$0]!.node.bytes }
    #expect(contents[0] != contents[1])
    let (other, others) = try open()
    #expect(others.map { other.process.files.files[$0]!.node.bytes } == contents)
    let device = try machine.status("/dev/\(name)")
    for descriptor in descriptors {
      let status = try machine.status(of: descriptor)
      #expect(status.st_mode == device.st_mode && status.st_rdev == device.st_rdev && status.st_ino == device.st_ino)
      #expect(try machine.target("/proc/self/fd/\(descriptor)") == "/dev/\(name)")
    }
    // Who only writes has the kernel's.
    let writing = try machine.open("/dev/\(name)", O_WRONLY)
    #expect(machine.process.files.files[writing]?.node.device == UInt64(device.st_rdev))
  }

  @Test func withoutASeedTheKernelAnswers() throws {
    #expect(Registry.entry(SyscallNumber.getrandom.rawValue)?.under(CallRules()).disposition == .native)
    #expect(
      Registry.entry(SyscallNumber.getrandom.rawValue)?.under(CallRules(.strict, .seeded)).disposition
        == .emulate)
  }
}

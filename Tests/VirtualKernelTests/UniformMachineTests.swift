import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Testing

@testable import VirtualKernel

/// What is asked of the machine in a run on which every machine is the same.
struct UniformMachineTests {
  private func make(_ processors: Int = 1, uid: UInt32 = 0) throws -> Machine {
    try Machine(uid: uid, uniform: UniformMachine(processors: processors))
  }

  @Test func namesOfTheKernel() throws {
    let machine = try make()
    let buffer = machine.memory.allocate(390)
    func names() -> [String] {
      (0..<6).map { field in
        let bytes = machine.memory.bytes(at: buffer + UInt64(65 * field), count: 65)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
    }
    #expect(machine.call(.uname, buffer) == .done)
    #expect(names()[..<3] == ["Linux", "uwrx", UniformMachine.usualRelease] && names()[5] == "(none)")
    let usual = names()[4]
    machine.information.procFiles["2/personality"] = "00000008\n"
    #expect(machine.call(.uname, buffer) == .done)
    #expect(names()[4] != usual)
    #expect(machine.call(.uname, 8) == .error(.badAddress))
  }

  @Test func memoryAndLoad() throws {
    let machine = try make()
    let buffer = machine.memory.allocate(112)
    #expect(machine.call(.sysinfo, buffer) == .done)
    let words = (0..<14).map { machine.memory.load(UInt64.self, at: buffer + UInt64(8 * $0)) }
    #expect(words[1...3].allSatisfy { $0 == 0 } && words[4] == UniformMachine.memory && words[13] == 1)
    #expect(machine.call(.sysinfo, 8) == .error(.badAddress))
  }

  private func mask(_ machine: Machine, _ pid: Int32 = 0) throws -> UInt64 {
    let buffer = machine.memory.allocate(16)
    #expect(machine.call(.sched_getaffinity, pid, 16, buffer) == .value(8))
    return machine.memory.load(UInt64.self, at: buffer)
  }

  @Test func processors() throws {
    #expect(try mask(make()) == 1)
    #expect(try mask(make(64)) == .max)
    let machine = try make(4)
    let place = machine.memory.place(value: UInt64(0xf6))
    #expect(try mask(machine) == 15)
    #expect(machine.call(.sched_setaffinity, 0, 8, place) == .done)
    #expect(try mask(machine) == 6)
    #expect(try mask(machine, 2) == 6)
    let parent = machine.thread
    machine.thread = machine.fork(3)
    #expect(try mask(machine) == 6)
    machine.thread = parent
    #expect(machine.information.processors.isEmpty)
    #expect(
      machine.call(.sched_setaffinity, 0, 8, machine.memory.place(value: UInt64(0xf0))) == .error(.invalidArgument))
    #expect(machine.call(.sched_setaffinity, 0, 8, 8) == .error(.badAddress))
    #expect(machine.call(.sched_setaffinity, 99, 8, place) == .error(.noSuchProcess))
    #expect(machine.call(.sched_setaffinity, 1, 8, place) == .error(.notPermitted))
    #expect(machine.call(.sched_getaffinity, 0, 4, place) == .error(.invalidArgument))
    #expect(machine.call(.sched_getaffinity, 99, 8, place) == .error(.noSuchProcess))
    #expect(machine.call(.sched_getaffinity, 0, 8, 8) == .error(.badAddress))
    let numbers = machine.memory.place(value: UInt64.max)
    #expect(machine.call(.getcpu, numbers, numbers + 4) == .done)
    #expect(machine.memory.load(UInt64.self, at: numbers) == 0)
    #expect(machine.call(.getcpu, 0, 0) == .done)
    #expect(machine.call(.rseq, numbers, 32, 0, 0) == .error(.noFunction))
  }

  @Test("the processors of one that waits to be reaped, and of one that is gone") func processorsOfTheDead() throws {
    let machine = try make()
    machine.call(.getuid)
    let parent = machine.thread
    let child = machine.fork(3)
    machine.thread = child
    machine.call(.getuid)
    machine.thread = parent
    let place = machine.memory.place(value: UInt64(1))
    machine.kernel.didEnd(AbsTgid(rawValue: 1003))
    machine.information.unreaped = [AbsTgid(rawValue: 1003)]
    #expect(machine.call(.sched_getaffinity, 3, 8, place) == .value(8))
    #expect(machine.call(.sched_setaffinity, 3, 8, place) == .done)
    #expect(machine.call(.sched_setaffinity, 3, 8, 8) == .error(.badAddress))
    // Reaped, and nobody has reported the death yet.
    let other = machine.fork(4)
    machine.thread = other
    machine.call(.getuid)
    machine.thread = parent
    machine.world.processes[AbsTgid(rawValue: 1004)]?.isAlive = false
    #expect(machine.call(.sched_getaffinity, 4, 8, place) == .error(.noSuchProcess))
    #expect(machine.call(.sched_setaffinity, 4, 8, place) == .error(.noSuchProcess))
  }

  private static let openFiles = Int32(RLIMIT_NOFILE.rawValue)

  private func limit(_ machine: Machine, _ resource: Int32 = openFiles) throws -> ResourceLimit {
    let buffer = machine.memory.allocate(16)
    try machine.require(machine.call(.prlimit64, 0, resource, 0, buffer))
    let other = machine.memory.allocate(16)
    try machine.require(machine.call(.getrlimit, resource, other))
    let found = machine.memory.load(ResourceLimit.self, at: buffer)
    #expect(machine.memory.load(ResourceLimit.self, at: other) == found)
    return found
  }

  @Test(arguments: [(1024, 4096), (100, 100), (20000, 1 << 20)] as [(UInt64, UInt64)])
  func limitsAreThoseOfEveryMachine(_ soft: UInt64, _ hard: UInt64) throws {
    let machine = try make()
    machine.information.limits[Self.openFiles] = ResourceLimit(soft: soft, hard: hard)
    let fixed = ResourceLimit(soft: 1024, hard: 524_288)
    #expect(try limit(machine) == fixed)
    func set(_ soft: UInt64, _ hard: UInt64) -> Reply {
      machine.call(.setrlimit, Self.openFiles, machine.memory.place(value: ResourceLimit(soft: soft, hard: hard)))
    }
    // What was seen can be set again, and the highest that was seen.
    #expect(set(1024, 524_288) == .done)
    #expect(machine.information.limits[Self.openFiles] == ResourceLimit(soft: soft, hard: hard))
    #expect(set(524_288, 524_288) == .done)
    #expect(machine.information.limits[Self.openFiles] == ResourceLimit(soft: hard, hard: hard))
    #expect(set(1024, 524_289) == .error(.notPermitted))
    #expect(set(2, 1) == .error(.invalidArgument))
    #expect(set(50, 60) == .done)
    #expect(try limit(machine) == ResourceLimit(soft: 50, hard: 60))
    #expect(machine.information.limits[Self.openFiles] == ResourceLimit(soft: 50, hard: 60))
    #expect(set(50, 61) == .error(.notPermitted))
  }

  @Test func limitsThatTheRunWasGivenAreSeen() throws {
    var uniform = UniformMachine()
    uniform.givenLimits = [Self.openFiles]
    let machine = try Machine(uniform: uniform)
    machine.information.limits[Self.openFiles] = ResourceLimit(soft: 77, hard: 78)
    #expect(try limit(machine) == ResourceLimit(soft: 77, hard: 78))
    #expect(machine.call(.getrlimit, 16, 8) == .error(.invalidArgument))
    #expect(machine.call(.getrlimit, Self.openFiles, 8) == .error(.badAddress))
    #expect(machine.call(.prlimit64, 1, Self.openFiles, 0, 0) == .error(.notPermitted))
    #expect(machine.call(.prlimit64, 99, Self.openFiles, 0, 0) == .error(.noSuchProcess))
    let core = Int32(RLIMIT_CORE.rawValue)
    machine.information.limits[core] = ResourceLimit(soft: 1, hard: 1)
    #expect(machine.call(.setrlimit, core, machine.memory.place(value: ResourceLimit(soft: 0, hard: 0))) == .done)
    #expect(machine.information.limits[core] == ResourceLimit(soft: 1, hard: 1))
    let text = try machine.text("/proc/self/limits")
    #expect(text.split(separator: "\n").count == 17)
    #expect(text.contains("Max open files            77                   78                   files     \n"))
    #expect(text.contains("Max nice priority         0                    0                    \n"))
  }

  @Test func filesOfProc() throws {
    let machine = try make(2)
    for name in ["cpuinfo", "stat", "loadavg", "interrupts", "diskstats", "version"] {
      machine.information.procFiles[name] = "of the host"
    }
    machine.information.procFiles["2/status"] = """
      Name:\ttool
      Cpus_allowed:\tffff
      Cpus_allowed_list:\t0-15
      Speculation_Store_Bypass:\tvulnerable
      voluntary_ctxt_switches:\t99

      """
    #expect(try machine.text("/proc/cpuinfo").components("processor") == 2)
    #expect(try machine.text("/proc/stat").hasPrefix("cpu  0"))
    #expect(try machine.text("/proc/loadavg") == "0.00 0.00 0.00 1/2 2\n")
    #expect(try machine.text("/proc/version").contains(UniformMachine.usualRelease))
    #expect(
      !machine.exists("/proc/interrupts") && !machine.exists("/proc/diskstats") && !machine.exists("/proc/self/sched"))
    #expect(
      try machine.text("/proc/self/status")
        == "Name:\ttool\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\nvoluntary_ctxt_switches:\t0\n")
    let names = try machine.names("/proc")
    #expect(names.contains("cpuinfo") && !names.contains("interrupts"))
  }

  @Test func fileSystems() throws {
    let machine = try make()
    func tell(_ path: String) throws -> statfs {
      let buffer = machine.memory.allocate(MemoryLayout<statfs>.size)
      try machine.require(machine.call(.statfs, path, buffer))
      return machine.memory.load(statfs.self, at: buffer)
    }
    let (root, tmp) = (try tell("/"), try tell("/tmp"))
    #expect(
      root.f_blocks == tmp.f_blocks && root.f_bfree == 1 << 23 && root.f_type == 0xef53 && tmp.f_type == 0x0102_1994)
    #expect(try tell("/proc").f_blocks == 0)
    let buffer = machine.memory.allocate(MemoryLayout<statfs>.size)
    #expect(machine.call(.fstatfs, machine.inherit("x"), buffer) == .done)
    #expect(machine.memory.load(statfs.self, at: buffer).f_blocks == root.f_blocks)
  }

  @Test func sizesOfFilesAndDirectories() throws {
    let machine = try make()
    try machine.write(String(repeating: "x", count: 4097), to: "/work/new")
    #expect(machine.call(.mkdirat, currentDirectory, "/work/sub", 0o755) == .done)
    for (path, blocks) in [("/work/new", 16), ("/work/mine", 8), ("/work", 8), ("/work/sub", 8)] {
      #expect(try machine.status(path).st_blocks == blocks, "\(path)")
    }
    #expect(try machine.linkStatus("/bin").st_blocks == 0)
    for path in ["/", "/work", "/work/sub", "/tmp"] { #expect(try machine.status(path).st_size == 4096, "\(path)") }
    #expect(try machine.status("/work").st_nlink == 1 && machine.status("/usr").st_nlink == 1)
    #expect(try machine.status("/work/sub").st_nlink == 2)
  }

  @Test func theUsersFilesAreTheGuests() throws {
    var source = Machine.Source("/project") { $0.file("mine", uid: 1234) }
    source.isGuests = true
    let machine = try Machine(uid: 7, sources: [source], uniform: UniformMachine())
    #expect(try machine.status("/project/mine").st_uid == 7)
    #expect(try machine.status("/project").st_gid == 7)
  }

  @Test(arguments: [("pipe", FileType.fifo), ("socket", FileType.socket)])
  func filesWithoutNames(_ kind: String, _ type: UInt32) throws {
    let machine = try make()
    let file = machine.inherit("", mode: type | 0o600, name: "\(kind):[123456]")
    let number = UInt64(try machine.status(of: file).st_ino)
    #expect(number != 123456 && number < 1 << 31)
    #expect(try UInt64(machine.status("/proc/self/fd/\(file)").st_ino) == number)
    #expect(try machine.target("/proc/self/fd/\(file)") == "\(kind):[\(number)]")
  }

  @Test func namespaces() throws {
    let machine = try make()
    machine.information.procLinks["2/ns/pid"] = "pid:[4026532999]"
    machine.information.procLinks["2/ns/pid_for_children"] = "pid:[4026532999]"
    #expect(try machine.target("/proc/self/ns/pid") == "pid:[4026531836]")
    #expect(try machine.target("/proc/self/ns/pid_for_children") == "pid:[4026531836]")
  }

  private func listing(_ names: [String]) throws -> [String] {
    let machine = try make()
    for name in names { try machine.write("", to: "/empty/\(name)") }
    return try machine.entries(of: machine.open("/empty")).map(\.name)
  }

  @Test func listingsDoNotDependOnWhoWasFirst() throws {
    let names = (0..<40).map { "f\($0)" }
    let first = try listing(names)
    #expect(first == [".", ".."] + names.sorted())
    for _ in 0..<3 { #expect(try listing(names.shuffled()) == first) }
  }

  @Test func listingsGoOnWhereTheyWere() throws {
    let machine = try make()
    for index in 10..<60 { try machine.write("", to: "/empty/m\(index)") }
    let descriptor = try machine.open("/empty")
    var seen: [String] = []
    var round = 0
    while true {
      let some = try machine.entries(of: descriptor, size: 80)
      if some.isEmpty { break }
      seen += some.map(\.name)
      for entry in some where entry.name.hasPrefix("m") {
        #expect(machine.call(.unlinkat, currentDirectory, "/empty/\(entry.name)", 0) == .done)
      }
      try machine.write("", to: "/empty/a\(round)")
      // Others that list meanwhile see what has come.
      let other = try machine.open("/empty")
      #expect(try machine.entries(of: other).contains { $0.name == "a\(round)" })
      machine.close(other)
      round += 1
    }
    #expect(seen.filter { $0.hasPrefix("m") } == (10..<60).map { "m\($0)" })
    #expect(Set(seen).count == seen.count)
  }

  @Test func withoutItTheKernelAnswers() throws {
    for call in [SyscallNumber.uname, .sysinfo, .getcpu, .rseq, .getrlimit] {
      #expect(Registry.entry(call.rawValue)?.under(CallRules()).disposition == .native)
      #expect(Registry.entry(call.rawValue)?.under(CallRules(.strict, .uniform)).disposition == .emulate)
    }
    let machine = try Machine()
    machine.information.procFiles["interrupts"] = "of the host"
    #expect(try machine.text("/proc/interrupts") == "of the host")
  }
}

extension String {
  fileprivate func components(_ word: String) -> Int { split(separator: "\n").count { $0.hasPrefix(word) } }
}

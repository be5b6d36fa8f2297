import Glibc
import SystemPackage
import Testing
import Tracing

@testable import VirtualKernel

/// What the trace tells of a program is what the kernel has started.
struct ExecutionTests {
  private static func tree(_ lower: Node) {
    lower.file("first", "\u{7f}ELF", mode: 0o755)
    lower.file("second", "\u{7f}ELF", mode: 0o755)
    lower.file("one", "#!/first\n", mode: 0o755)
    lower.file("two", "#!/first\n", mode: 0o755)
  }

  /// What a program finds at the top of its stack.
  private func place(_ machine: Machine, _ strings: [String], _ path: String) {
    let bytes: [UInt8] = strings.flatMap { Array($0.utf8) + [0] }
    let all = bytes + Array(path.utf8) + ([0] as [UInt8])
    machine.information.fileName = machine.memory.place(all) + UInt64(bytes.count)
  }

  private func arguments(_ machine: Machine, _ strings: [String]) -> UInt64 {
    let pointers = strings.map { machine.memory.place(Array($0.utf8) + [0]) } + [0]
    return machine.memory.place(pointers.withUnsafeBytes { Array($0) })
  }

  private func programs(_ machine: Machine) -> [String] {
    machine.events.entries.filter { $0.kind == .exec }.map(\.path)
  }

  private func told(_ machine: Machine) -> (text: String, flags: UInt8)? {
    machine.events.records(.arguments).last.map { (String(decoding: $0.bytes, as: UTF8.self), $0.event.flags) }
  }

  @Test func aProgramIsToldWhenItShowsItself() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/first", arguments(machine, ["a", "b"]), arguments(machine, ["E=1"])) == .continued)
    #expect(programs(machine).isEmpty)
    machine.process.executable = machine.skeleton.root.at("first")
    place(machine, ["a", "b", "E=1"], "/first")
    machine.call(.getuid)
    #expect(programs(machine) == ["/first"])
    #expect(told(machine)! == ("a\0b\0", 0))
  }

  @Test func aRefusedProgramIsNotTold() throws {
    let machine = try Machine(Self.tree)
    machine.call(.setresuid, 1000, 1000, 0)
    machine.refusesPrograms = true
    #expect(machine.call(.execve, "/first", 0, 0) == .continued)
    // The saved id is as it was.
    #expect(machine.call(.setresuid, UInt64(UInt32.max), 0, UInt64(UInt32.max)) == .value(0))
    #expect(programs(machine).isEmpty)
    #expect(machine.call(.execve, "/second", 0, 0) == .continued)
    machine.end(machine.process.id)
    #expect(programs(machine) == ["/second"], "nobody knows better")
    #expect(told(machine)?.flags == Event.isCut)
  }

  @Test func anotherThreadsCallTellsNothing() throws {
    let machine = try Machine(Self.tree)
    machine.refusesPrograms = true
    let other = machine.startThread(7)
    #expect(machine.call(.execve, "/first", 0, 0) == .continued)
    machine.thread = other
    machine.call(.getuid)
    machine.process.image += 1
    machine.thread = machine.process.id.leader
    machine.call(.getuid)
    #expect(programs(machine) == ["/first"])
  }

  @Test func theProgramThatRunsIsToldAndNotTheOneThatWasRead() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/second", 0, 0) == .continued)
    #expect(machine.call(.execve, "/first", 0, 0) == .continued)
    machine.process.executable = machine.skeleton.root.at("second")
    place(machine, [], "/second")
    machine.information.procFiles = ["2/cmdline": "other\0", "2/environ": ""]
    machine.call(.getuid)
    #expect(programs(machine).last == "/second")
    #expect(told(machine)! == ("other\0", Event.isCut))
  }

  @Test func scriptsOfOneInterpreterAreToldApart() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/one", arguments(machine, ["one", "x"]), 0) == .continued)
    machine.process.executable = machine.skeleton.root.at("first")
    place(machine, ["/first", "/one", "x"], "/one")
    machine.call(.getuid)
    #expect(programs(machine) == ["/one"])
    #expect(told(machine)! == ("one\0x\0", 0))
    #expect(machine.call(.execve, "/one", 0, 0) == .continued)
    place(machine, [], "/two")
    machine.call(.getuid)
    #expect(programs(machine) == ["/one", "/two"])
  }

  @Test func otherArgumentsThanWereReadAreMarked() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/first", arguments(machine, ["harmless"]), 0) == .continued)
    machine.process.executable = machine.skeleton.root.at("first")
    place(machine, ["harmful!"], "/first")
    machine.information.procFiles = ["2/cmdline": "harmful!\0", "2/environ": ""]
    machine.call(.getuid)
    #expect(told(machine)! == ("harmful!\0", Event.isCut))
  }

  @Test func aMemoryFileIsAProgramWithoutAPath() throws {
    let machine = try Machine(Self.tree)
    let memory = machine.inherit("\u{7f}ELF", mode: FileType.regular | 0o755, name: "/memfd:x (deleted)")
    #expect(machine.call(.execveat, memory, "", arguments(machine, ["m"]), 0, AT_EMPTY_PATH_) == .continued)
    machine.call(.getuid)
    #expect(programs(machine).isEmpty)
    #expect(told(machine)?.text == "m\0")
  }

  /// What becomes of dentries in between is no reason to forget what was looked at.
  @Test func theDeathOfAnotherProcessChangesNothing() throws {
    let machine = try Machine(Self.tree)
    let other = machine.fork(3)
    let own = machine.thread
    machine.thread = other
    #expect(machine.exists("/proc/3/status"))
    machine.thread = own
    #expect(machine.call(.execve, "/one", arguments(machine, ["one"]), 0) == .continued)
    machine.end(AbsTgid(rawValue: 1003))
    machine.call(.getuid)
    #expect(programs(machine) == ["/one"])
    #expect(machine.events.records(.arguments).last?.event.node == Event.rootNode)
    #expect(machine.events.entries.filter { $0.kind == .read }.map(\.path) == ["/first"])
  }

  @Test func aChildIsOfItsParentsNewProgram() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/first", 0, 0) == .continued)
    machine.thread = machine.fork(3)
    machine.call(.getuid)
    let kinds = machine.events.records.map(\.kind).filter { $0 == .exec || $0 == .spawn }
    #expect(kinds == [.spawn, .exec, .spawn])
  }
}

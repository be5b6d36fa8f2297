import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct UmaskTests {
  @Test func isNotedAndLeftToTheKernel() throws {
    let machine = try Machine()
    #expect(machine.call(.umask, 0o1077) == .continued)
    try machine.close(machine.open("/tmp/a", O_CREAT | O_WRONLY, 0o666))
    #expect(try machine.status("/tmp/a").st_mode & 0o777 == 0o600)
  }

  @Test func ofTheParentIsInherited() throws {
    let machine = try Machine()
    machine.process.umask = 0o027
    try machine.close(machine.open("/tmp/a", O_CREAT | O_WRONLY, 0o666))
    #expect(try machine.status("/tmp/a").st_mode & 0o777 == 0o640)
    machine.thread = machine.fork(3)
    try machine.close(machine.open("/tmp/b", O_CREAT | O_WRONLY, 0o666))
    #expect(try machine.status("/tmp/b").st_mode & 0o777 == 0o640)
  }

  @Test func ofTwoProcessesAreTheirOwn() throws {
    let machine = try Machine()
    let parent = machine.thread
    let child = machine.fork(3)
    machine.thread = child
    #expect(machine.call(.umask, 0) == .continued)
    machine.thread = parent
    try machine.close(machine.open("/tmp/a", O_CREAT | O_WRONLY, 0o666))
    #expect(try machine.status("/tmp/a").st_mode & 0o777 == 0o644)
  }
}

struct BirthTests {
  @Test(arguments: [SyscallNumber.set_tid_address, .set_robust_list])
  func processIsFoundAndTheCallIsTheKernels(_ number: SyscallNumber) throws {
    let machine = try Machine()
    #expect(machine.kernel.processes.groups.isEmpty)
    #expect(machine.call(number, 0x1000, 24) == .continued)
    #expect(machine.kernel.processes.groups.count == 1)
    #expect(machine.kernel.processes.group(NsTgid(rawValue: 2))?.id == AbsTgid(rawValue: 1002))
  }

  @Test func callerThatHasDiedMeanwhileIsNotContinued() throws {
    let machine = try Machine()
    machine.process.isAlive = false
    #expect(machine.world.processes.values.allSatisfy { !$0.isAlive })
    let notification = Notification(
      id: 9, thread: machine.thread, number: SyscallNumber.set_tid_address.rawValue, arguments: (0, 0, 0, 0, 0, 0))
    #expect(throws: Errno.noSuchProcess) { try machine.kernel.decide(notification) }
  }
}

struct CloneTests {
  private static let namespaces: [UInt64] = [
    0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
  ]

  @Test(arguments: namespaces)
  func newNamespacesAreRefused(_ flag: UInt64) throws {
    let machine = try Machine()
    #expect(machine.call(.clone, flag | 17, 0) == .error(.notPermitted))
    #expect(machine.call(.unshare, flag) == .error(.notPermitted))
    #expect(machine.call(.unshare, flag | 0x200) == .error(.notPermitted))
  }

  @Test func filterTrapsWhatTheHandlerRefuses() throws {
    let entry = try #require(Registry.entry(SyscallNumber.clone.rawValue))
    func isNative(_ flags: UInt64) -> Bool {
      entry.nativeWhen.contains { $0.allSatisfy { ($0.mask & flags == $0.value) == ($0.comparison == .equal) } }
    }
    for flag in Self.namespaces { #expect(!isNative(flag | 17)) }
    #expect(isNative(17))
    #expect(isNative(0x3d0f00), "a thread, as glibc makes it")
    #expect(!isNative(0x200 | 17), "a process that shares the current directory")
  }

  @Test func processThatSharesItsCurrentDirectoryIsNotRemembered() throws {
    let machine = try Machine()
    _ = try machine.status("etc")
    #expect(machine.call(.clone, 0x200 | 17, 0) == .continued)
    let parent = machine.thread
    machine.thread = machine.fork(3)
    _ = try machine.status("etc")
    #expect(machine.call(.chdir, "/usr") == .continued)
    #expect(machine.call(.umask, 0o077) == .continued)
    // The other process has moved with it.
    for process in machine.world.processes.values {
      process.workingDirectory = machine.skeleton.root.at("usr")
      process.umask = 0o077
    }
    machine.thread = parent
    #expect(try machine.names(".") == ["bin", "lib"])
    try machine.close(machine.open("/tmp/a", O_CREAT | O_WRONLY, 0o666))
    #expect(try machine.status("/tmp/a").st_mode & 0o777 == 0o600)
  }
}

struct UnshareTests {
  @Test func timeNamespaceIsRefused() throws {
    let machine = try Machine()
    #expect(machine.call(.unshare, 0x80) == .error(.notPermitted))
    #expect(machine.call(.unshare, 0x400) == .continued)
  }

  @Test func threadOfItsOwnCurrentDirectory() throws {
    let machine = try Machine()
    _ = try machine.status("etc")
    #expect(machine.call(.unshare, 0x200) == .continued)
    machine.process.workingDirectory = machine.skeleton.root
    #expect(machine.call(.chdir, "/usr") == .continued)
    machine.process.workingDirectory = machine.skeleton.root.at("usr")
    #expect(try machine.names(".") == ["bin", "lib"])
    machine.process.workingDirectory = machine.skeleton.root
    #expect(try machine.names(".").contains("etc"))
  }
}

struct SigactionTests {
  private struct Action: BitwiseCopyable {
    var handler: UInt64
    var flags: UInt64
    var restorer: UInt64 = 0
    var mask: UInt64 = 0
  }

  @Test func childHandlersRestartTheCallsThatTheyInterrupt() throws {
    let machine = try Machine()
    let action = machine.memory.place(value: Action(handler: 0x4000, flags: 0x0400_0000))
    #expect(machine.call(.rt_sigaction, SIGCHLD, action, 0, 8) == .continued)
    #expect(machine.memory.load(Action.self, at: action).flags == 0x1400_0000)
    #expect(machine.memory.load(Action.self, at: action).handler == 0x4000)
  }

  @Test func otherActionsAreLeftAsTheyAre() throws {
    let machine = try Machine()
    for (signal, handler) in [(SIGCHLD, UInt64(0)), (SIGCHLD, 1), (SIGINT, 0x4000)] {
      let action = machine.memory.place(value: Action(handler: handler, flags: 0))
      #expect(machine.call(.rt_sigaction, signal, action, 0, 8) == .continued)
      #expect(machine.memory.load(Action.self, at: action).flags == 0)
    }
    #expect(machine.call(.rt_sigaction, SIGCHLD, 0, 0, 8) == .continued)
  }

  @Test func memoryThatCannotBeChangedKeepsTheCallersFlags() throws {
    let machine = try Machine()
    let action = machine.memory.place(value: Action(handler: 0x4000, flags: 0), isWritable: false)
    #expect(machine.call(.rt_sigaction, SIGCHLD, action, 0, 8) == .continued)
    #expect(machine.memory.load(Action.self, at: action).flags == 0)
  }
}

struct PrctlTests {
  @Test func optionsThatNeedAPrivilege() throws {
    let machine = try Machine()
    for option in [35, 57, 58] { #expect(machine.call(.prctl, option) == .error(.notPermitted)) }
    for option in [62, 67, 0, -1] { #expect(machine.call(.prctl, option) == .error(.invalidArgument)) }
  }

  @Test func nativeOptionsAreNamedOnce() {
    #expect(Set(Registry.processOptions).count == Registry.processOptions.count)
    #expect(Set(Registry.ioctlRequests).count == Registry.ioctlRequests.count)
    for option in [35, 57, 58, 62, 67] as [UInt32] { #expect(!Registry.processOptions.contains(option)) }
  }
}

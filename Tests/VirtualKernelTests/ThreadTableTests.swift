import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ThreadTableTests {
  private func call(_ machine: Machine, as thread: AbsTid) -> Reply {
    machine.thread = thread
    return machine.call(.set_robust_list, 0x1000, 24)
  }

  @Test func threadIsFoundAtItsFirstCallAndKernelIsNotAskedAgain() throws {
    let machine = try Machine()
    #expect(machine.call(.set_tid_address, 0) == .continued)
    let asked = machine.information.statusCalls
    #expect(machine.call(.chdir, "/etc") == .continued)
    #expect(machine.information.statusCalls == asked)
    let thread = try #require(machine.kernel.processes.thread(NsTid(rawValue: 2)))
    #expect(thread.id == AbsTid(rawValue: 1002))
    #expect(thread.isLeader)
    #expect(thread.group.nsID == NsTgid(rawValue: 2))
    #expect(thread.group.parent == AbsTgid(rawValue: 1001))
  }

  @Test func threadsOfOneProcessShareTheGroup() throws {
    let machine = try Machine()
    let leader = machine.thread
    let second = machine.startThread(3)
    #expect(call(machine, as: second) == .continued)
    #expect(call(machine, as: leader) == .continued)
    let processes = machine.kernel.processes
    #expect(processes.groups.count == 1)
    #expect(processes.threadCount == 2)
    #expect(processes.thread(NsTid(rawValue: 3))?.group === processes.thread(NsTid(rawValue: 2))?.group)
    #expect(processes.thread(NsTid(rawValue: 3))?.isLeader == false)
    #expect(machine.information.watched.count == 1)
  }

  @Test func forkIsAGroupOfItsOwn() throws {
    let machine = try Machine()
    #expect(machine.call(.set_tid_address, 0) == .continued)
    let child = machine.fork(3)
    #expect(call(machine, as: child) == .continued)
    let processes = machine.kernel.processes
    #expect(processes.groups.count == 2)
    #expect(processes.group(NsTgid(rawValue: 3))?.parent == AbsTgid(rawValue: 1002))
  }

  @Test func nothingIsKeptForTheDead() throws {
    let machine = try Machine()
    #expect(machine.call(.set_tid_address, 0) == .continued)
    let inodes = machine.kernel.files.nodes.counts.inodes
    for id in 3..<40 as Range<Int32> {
      let parent = machine.thread
      let child = machine.fork(id)
      machine.thread = child
      #expect(call(machine, as: machine.startThread(id + 100)) == .continued)
      machine.thread = child
      #expect(try machine.names("/proc/self/fd").count <= 1)
      #expect(try machine.target("/proc/self/cwd") == "/")
      machine.thread = parent
      machine.end(AbsTgid(rawValue: 1000 + id))
    }
    let processes = machine.kernel.processes
    #expect(processes.groups.count == 1)
    #expect(processes.threadCount == 1)
    #expect(processes.namespace.groupIDs.count == 1)
    #expect(machine.information.watched.count == 1)
    #expect(try machine.names("/proc").filter { Int($0) != nil } == ["1", "2"])
    // /proc/1 is made by the listing above.
    machine.call(.newfstatat, currentDirectory, "/proc/self", machine.memory.allocate(256), 0)
    #expect(machine.kernel.files.nodes.counts.inodes < inodes + 200)
  }

  @Test func endOfAnUnknownProcessIsNothing() throws {
    let machine = try Machine()
    machine.kernel.didEnd(AbsTgid(rawValue: 77))
    #expect(machine.call(.set_tid_address, 0) == .continued)
    machine.end(AbsTgid(rawValue: 1002))
    machine.kernel.didEnd(AbsTgid(rawValue: 1002))
    #expect(machine.kernel.processes.threadCount == 0)
  }

  @Test func reusedThreadIdIsNotTakenForTheOldThread() throws {
    let machine = try Machine()
    let leader = machine.thread
    let worker = machine.startThread(3)
    #expect(call(machine, as: worker) == .continued)
    // The worker ends, and a new process gets its id.
    machine.world.processes[AbsTgid(rawValue: 1002)]!.threads[worker] = nil
    machine.thread = leader
    let child = machine.fork(3)
    #expect(child == worker)
    #expect(call(machine, as: child) == .continued)
    let processes = machine.kernel.processes
    let found = try processes.thread(child)
    #expect(found.group.id == AbsTgid(rawValue: 1003))
    #expect(found.isLeader)
    #expect(
      processes.group(NsTgid(rawValue: 2))?.threads == [] || processes.group(NsTgid(rawValue: 2))?.threads == [leader])
  }

  @Test func reusedProcessIdIsNotTakenForTheOldProcess() throws {
    let machine = try Machine()
    let parent = machine.thread
    var child = machine.fork(3)
    machine.thread = child
    #expect(machine.call(.umask, 0) == .continued)
    machine.thread = parent
    machine.end(AbsTgid(rawValue: 1003))
    child = machine.fork(3)
    machine.thread = child
    try machine.close(machine.open("/tmp/a", O_CREAT | O_WRONLY, 0o666))
    #expect(try machine.status("/tmp/a").st_mode & 0o777 == 0o644)
  }

  @Test func execFromAThreadThatIsNotTheLeaderTakesTheLeadersId() throws {
    let machine = try Machine()
    let leader = machine.thread
    let worker = machine.startThread(3)
    #expect(call(machine, as: leader) == .continued)
    #expect(call(machine, as: worker) == .continued)
    // execve(2): all other threads end, and the caller goes on under the leader's id.
    machine.world.processes[AbsTgid(rawValue: 1002)]!.threads[worker] = nil
    machine.world.processes[AbsTgid(rawValue: 1002)]!.workingDirectory = machine.skeleton.root
    #expect(call(machine, as: leader) == .continued)
    #expect(throws: Errno.noSuchProcess) { try machine.kernel.processes.thread(worker) }
    #expect(machine.kernel.processes.threadCount == 1)
  }

  @Test func sharedDescriptorsAreOneTable() throws {
    let machine = try Machine()
    let parent = machine.thread
    let child = machine.fork(3, sharingFiles: true)
    let descriptor = try machine.open("/etc/passwd")
    machine.thread = child
    #expect(try machine.status(of: descriptor).st_ino == machine.status("/etc/passwd").st_ino)
    machine.close(descriptor)
    machine.thread = parent
    #expect(machine.error { _ = try machine.status(of: descriptor) } == .badFileDescriptor)
  }

  @Test func descriptorThatWasClosedAndOpenedUnseenIsTheNewFile() throws {
    let machine = try Machine()
    let first = try machine.open("/usr/bin/tool")
    let second = try machine.open("/usr/bin/alias")
    #expect(try machine.target("/proc/self/fd/\(first)") == "/usr/bin/tool")
    #expect(try machine.target("/proc/self/fd/\(second)") == "/usr/bin/alias")
    // dup2(2) is native.
    machine.process.files.files[first] = machine.process.files.files[try machine.open("/etc/passwd")]
    #expect(try machine.target("/proc/self/fd/\(first)") == "/etc/passwd")
    #expect(try machine.status(of: first).st_ino == machine.status("/etc/passwd").st_ino)
  }

  @Test func deadThreadsOfALivingProcessAreSweptNowAndThen() throws {
    let machine = try Machine()
    let process = machine.process
    for id in 10..<2000 as Range<Int32> {
      let leader = machine.thread
      let worker = machine.startThread(id)
      #expect(call(machine, as: worker) == .continued)
      process.threads[worker] = nil
      machine.thread = leader
    }
    #expect(machine.kernel.processes.threadCount <= 130)
    #expect(machine.kernel.processes.groups.values.allSatisfy { $0.threads.count <= 130 })
  }

  @Test func manyLivingThreadsAreKept() throws {
    let machine = try Machine()
    let leader = machine.thread
    for id in 10..<300 as Range<Int32> {
      machine.thread = leader
      #expect(call(machine, as: machine.startThread(id)) == .continued)
    }
    #expect(machine.kernel.processes.threadCount >= 290)
    #expect(machine.kernel.processes.thread(NsTid(rawValue: 10)) != nil)
  }
}

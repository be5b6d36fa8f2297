import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ProcTests {
  @Test func selfIsTheCaller() throws {
    let machine = try Machine()
    #expect(try machine.target("/proc/self") == "2")
    #expect(try machine.target("/proc/thread-self") == "2/task/2")
    let parent = machine.thread
    machine.thread = machine.fork(3)
    #expect(try machine.target("/proc/self") == "3")
    machine.thread = machine.startThread(4)
    #expect(try machine.target("/proc/self") == "3")
    #expect(try machine.target("/proc/thread-self") == "3/task/4")
    #expect(try machine.status("/proc/self/").st_ino == machine.status("/proc/3").st_ino)
    machine.thread = parent
    #expect(try machine.target("/proc/self") == "2")
  }

  @Test func listsTheGuestsProcessesOnly() throws {
    let machine = try Machine()
    machine.thread = machine.fork(30)
    #expect(machine.call(.set_tid_address, 0) == .continued)
    machine.thread = AbsTid(rawValue: 1002)
    #expect(try machine.names("/proc").compactMap { Int($0) }.sorted() == [1, 2, 30])
    for name in ["3", "1002", "02", "+2", "999999999999", "2x"] { #expect(!machine.exists("/proc/\(name)")) }
    #expect(try machine.status("/proc/2").st_mode == FileType.directory | 0o555)
  }

  @Test func filesAreTheKernelsOwn() throws {
    let machine = try Machine()
    machine.information.procFiles["2/stat"] = "2 (tool) R"
    machine.information.procFiles["meminfo"] = "MemTotal: 1"
    #expect(try machine.text("/proc/self/stat") == "2 (tool) R")
    #expect(try machine.text("/proc/2/stat") == "2 (tool) R")
    #expect(try machine.text("/proc/meminfo") == "MemTotal: 1")
    let descriptor = try machine.open("/proc/self/stat")
    #expect(machine.process.files.files[descriptor]?.isWritable == false)
    #expect(machine.process.files.files[descriptor]?.name == "/inside/proc/2/stat")
    let own = try machine.status(of: descriptor)
    let byPath = try machine.status("/proc/self/stat")
    #expect(
      own.st_size == 0 && own.st_ino == byPath.st_ino && own.st_dev == byPath.st_dev && own.st_mode == byPath.st_mode)
    #expect(try machine.target("/proc/self/fd/\(descriptor)") == "/proc/2/stat")
    let again = try machine.open("/proc/self/fd/\(descriptor)")
    #expect(machine.process.files.files[again]?.name == "/inside/proc/2/stat")
    #expect(machine.call(.fchmod, descriptor, 0o600) == .error(.notPermitted))
    #expect(machine.blockedCount == 0)
  }

  /// What is written by the virtual kernel is a memory file, and is to be told as the file of /proc that it stands for.
  @Test func copiesAreToldAsFilesOfProc() throws {
    let machine = try Machine()
    machine.information.procFiles["2/status"] = "Name:\ttool\n"
    for name in ["status", "cgroup", "mounts"] {
      let descriptor = try machine.open("/proc/self/\(name)")
      #expect(try machine.status(of: descriptor).st_ino == machine.status("/proc/2/\(name)").st_ino)
      #expect(try machine.target("/proc/self/fd/\(descriptor)") == "/proc/2/\(name)")
    }
  }

  @Test func settingsAreThoseOfTheGuestsNamespaces() throws {
    let machine = try Machine()
    machine.information.procFiles["sys/kernel/sem"] = "1 2 3 4\n"
    machine.information.procFiles["sysvipc/shm"] = "key\n"
    machine.information.procFiles["2/net/dev"] = "lo\n"
    machine.information.procFiles["meminfo"] = "MemTotal: 1"
    for (path, text) in [("sys/kernel/sem", "1 2 3 4\n"), ("sysvipc/shm", "key\n"), ("2/net/dev", "lo\n")] {
      #expect(try machine.text("/proc/\(path)") == text)
      #expect(machine.information.insideOpens.last == path)
    }
    _ = try machine.text("/proc/meminfo")
    #expect(machine.information.insideOpens.count == 3)
    #expect(machine.call(.openat, currentDirectory, "/proc/sys/kernel/sem", O_WRONLY) == .error(.permissionDenied))
    for path in ["kernel/modprobe", "dev", "fs/binfmt_misc", "net/ipv4/conf/eth0"] {
      #expect(!machine.exists("/proc/sys/\(path)"))
    }
    #expect(machine.exists("/proc/sys/net/ipv4/conf/lo"))
  }

  @Test func anotherUsersProcessIsNotLookedInto() throws {
    let machine = try Machine()
    for name in ["environ", "maps", "stat", "mem", "auxv"] { machine.information.procFiles["2/\(name)"] = "text" }
    for id in [2, 3] { machine.information.procLinks["\(id)/ns/pid"] = "pid:[1]" }
    _ = try machine.status("/proc/self")
    machine.thread = machine.fork(3)
    #expect(machine.call(.setgroups, 0, 0) == .value(0))
    #expect(machine.call(.setgid, 33) == .value(0))
    #expect(machine.call(.setuid, 33) == .value(0))
    for name in ["environ", "maps", "mem", "auxv", "fd", "ns/pid", "smaps", "pagemap"] {
      #expect(
        machine.call(.openat, currentDirectory, "/proc/2/\(name)", O_RDONLY) == .error(.permissionDenied), "\(name)")
    }
    for name in ["exe", "cwd", "root", "ns/pid"] {
      #expect(machine.error { _ = try machine.target("/proc/2/\(name)") } == .permissionDenied, "\(name)")
    }
    #expect(try machine.text("/proc/2/stat") == "text")
    #expect(try machine.target("/proc/3/root") == "/")
    for name in ["environ", "maps", "fd/0", "exe"] {
      #expect(machine.call(.openat, currentDirectory, "/proc/1/\(name)", O_RDONLY) == .error(.permissionDenied))
    }
  }

  @Test func directoryOfAProcessIsAPidfd() throws {
    let machine = try Machine()
    let parent = machine.thread
    machine.thread = machine.fork(3)
    #expect(machine.call(.set_tid_address, 0) == .continued)
    machine.thread = parent
    let directory = try machine.open("/proc/3", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.pidfd_send_signal, directory, SIGTERM, 0, 0) == .value(0))
    let sent = machine.information.processSignals
    #expect(sent.count == 1 && sent[0].process == AbsTgid(rawValue: 1003) && sent[0].signal == SIGTERM)
    #expect(machine.call(.pidfd_send_signal, directory, 65, 0, 0) == .error(.invalidArgument))
    #expect(machine.call(.pidfd_send_signal, directory, SIGTERM, 0, 8) == .error(.invalidArgument))
    // Any other descriptor, and none, is the kernel's to judge.
    let tasks = try machine.open("/proc/3/task", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.pidfd_send_signal, tasks, SIGTERM, 0, 0) == .continued)
    #expect(machine.call(.pidfd_send_signal, 99, SIGTERM, 0, 0) == .continued)
    // What comes from outside of its pid namespace would end guest init.
    let first = try machine.open("/proc/1", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.pidfd_send_signal, first, SIGKILL, 0, 0) == .value(0))
    machine.end(AbsTgid(rawValue: 1003))
    #expect(machine.call(.pidfd_send_signal, directory, SIGTERM, 0, 0) == .error(.noSuchProcess))
    #expect(machine.information.processSignals.count == 1)
  }

  @Test func nobodyIsSparedWhereMemoryRunsOut() throws {
    let machine = try Machine()
    machine.information.procFiles["2/oom_score_adj"] = "1000\n"
    machine.information.procFiles["2/comm"] = "tool\n"
    for flags in [O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC] {
      let descriptor = try machine.open("/proc/self/oom_score_adj", flags)
      #expect(machine.process.files.files[descriptor]?.name?.hasPrefix("/memfd:") == true)
    }
    #expect(try machine.process.files.files[machine.open("/proc/self/comm", O_WRONLY)]?.name == "/inside/proc/2/comm")
  }

  @Test func statusDoesNotTellOfTheFilter() throws {
    let machine = try Machine()
    machine.information.procFiles["2/status"] =
      "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\nThreads:\t1\n"
    #expect(
      try machine.text("/proc/self/status")
        == "Name:\tx\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\nThreads:\t1\n")
  }

  @Test func nothingOfTheHostIsThere() throws {
    let machine = try Machine()
    machine.information.procFiles["1/status"] = "Name:\tuwrx-init\nUid:\t501\t501\t501\t501\nGroups:\t4 27 \n"
    #expect(try machine.text("/proc/1/status") == "Name:\tuwrx-init\nUid:\t0\t0\t0\t0\nGroups:\t \n")
    for path in [
      "/proc/kcore", "/proc/sysrq-trigger", "/proc/kmsg", "/proc/keys", "/proc/locks", "/proc/self/stack",
    ] {
      #expect(machine.call(.openat, currentDirectory, path, O_RDONLY) == .error(.permissionDenied))
    }
    for path in ["/proc/acpi", "/proc/bus", "/proc/fs", "/proc/irq"] { #expect(!machine.exists(path)) }
    #expect(machine.error { _ = try machine.names("/proc/self/map_files") } == .permissionDenied)
    let mounts =
      try machine.text("/proc/mounts") + machine.text("/proc/self/mountinfo") + machine.text("/proc/self/mountstats")
    #expect(!mounts.contains("/host"))
    #expect(try machine.text("/proc/self/cgroup") == "0::/\n")
    #expect(machine.call(.openat, currentDirectory, "/proc/self/mounts", O_WRONLY) == .error(.permissionDenied))
    #expect(machine.call(.unlinkat, currentDirectory, "/proc/self/stat", 0) == .error(.notPermitted))
    #expect(
      machine.call(.renameat, currentDirectory, "/proc/version", currentDirectory, "/proc/x")
        == .error(.noSuchFileOrDirectory))
  }

  @Test func filesThatAProcessMayWriteAreHandedThrough() throws {
    let machine = try Machine()
    machine.information.procFiles["2/comm"] = "tool\n"
    let descriptor = try machine.open("/proc/self/comm", O_WRONLY)
    #expect(machine.process.files.files[descriptor]?.name == "/inside/proc/2/comm")
  }

  @Test func descriptorLinks() throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    let directory = try machine.open("/usr/lib", O_RDONLY | O_DIRECTORY)
    let pipe = machine.inherit("", mode: FileType.fifo | 0o600, name: "pipe:[77]")
    let secret = machine.inherit("host")
    let memory = machine.inherit("x", name: "/memfd:cache (deleted)")
    machine.process.files.files[memory]!.node.links = 0
    #expect(try machine.target("/proc/self/fd/\(file)") == "/etc/passwd")
    #expect(try machine.target("/proc/self/fd/\(directory)") == "/usr/lib")
    #expect(try machine.target("/dev/fd/\(pipe)") == "pipe:[77]")
    #expect(try machine.target("/proc/self/fd/\(memory)") == "/memfd:cache (deleted)")
    #expect(try machine.target("/proc/self/fd/\(secret)") == "/dev/inherited/\(secret)")
    #expect(
      try machine.names("/proc/self/fd").sorted()
        == [file, directory, pipe, secret, memory, 8].map(String.init).sorted())
    #expect(machine.error { _ = try machine.target("/proc/self/fd/99") } == .noSuchFileOrDirectory)
    #expect(try machine.status("/proc/self/fd/\(file)").st_ino == machine.status("/etc/passwd").st_ino)
    #expect(try machine.text("/proc/self/fd/\(directory)/deep/file") == "deep")
    machine.close(pipe)
    #expect(!machine.exists("/proc/self/fd/\(pipe)"))
  }

  @Test func removedAndRenamedFilesOfDescriptors() throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    #expect(machine.call(.renameat, currentDirectory, "/etc/passwd", currentDirectory, "/etc/moved") == .done)
    #expect(try machine.target("/proc/self/fd/\(file)") == "/etc/moved")
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/moved", 0) == .done)
    #expect(try machine.target("/proc/self/fd/\(file)") == "/etc/moved (deleted)")
    #expect(try machine.text("/proc/self/fd/\(file)") == "root:x:0:0\n")
  }

  @Test func inheritedFileIsReopenedWithTheAccessThatItHas() throws {
    let machine = try Machine()
    let readOnly = machine.inherit("host", flags: O_RDONLY)
    #expect(machine.call(.openat, currentDirectory, "/proc/self/fd/\(readOnly)", O_WRONLY) == .error(.permissionDenied))
    #expect(try machine.text("/dev/fd/\(readOnly)") == "host")
    #expect(machine.call(.openat, currentDirectory, "/dev/fd/\(readOnly)/x", O_RDONLY) == .error(.notDirectory))
    #expect(machine.call(.openat, currentDirectory, "/dev/fd/\(readOnly)", O_RDONLY | O_TRUNC) != .error(.ioError))
    #expect(try machine.text("/dev/fd/\(readOnly)") == "host")
    let writable = machine.inherit("host", flags: O_WRONLY)
    #expect(machine.call(.openat, currentDirectory, "/dev/fd/\(writable)", O_RDONLY) == .error(.permissionDenied))
    try machine.close(machine.open("/dev/fd/\(writable)", O_WRONLY | O_TRUNC))
    #expect(try machine.status(of: writable).st_size == 0)
  }

  @Test func deletedFileOrDeviceOfTheHostIsNotOpenedWithMore() throws {
    let machine = try Machine()
    let deleted = machine.inherit("host", flags: O_RDONLY)
    machine.process.files.files[deleted]!.node.links = 0
    #expect(machine.call(.openat, currentDirectory, "/proc/self/fd/\(deleted)", O_RDWR) == .error(.permissionDenied))
    #expect(try machine.text("/proc/self/fd/\(deleted)") == "host")
    let disk = machine.inherit("host", mode: 0o060660, flags: O_RDONLY)
    #expect(machine.call(.openat, currentDirectory, "/proc/self/fd/\(disk)", O_WRONLY) == .error(.permissionDenied))
    let terminal = machine.inherit("", mode: FileType.characterDevice | 0o620, name: "/dev/pts/3", flags: O_RDONLY)
    machine.process.files.files[terminal]!.node.device = 136 << 8 | 3
    #expect(machine.call(.openat, currentDirectory, "/dev/fd/\(terminal)", O_RDWR) == .descriptor(6))
  }

  @Test func lowerFileIsNotWritableThroughItsDescriptorsLink() throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    let again = try machine.open("/proc/self/fd/\(file)", O_RDWR)
    machine.write("changed", to: again)
    #expect(machine.run.at("etc/passwd")?.text == "changed0:0\n")
    let removed = try machine.open("/etc/shadow")
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/shadow", 0) == .done)
    if case .descriptor(let number) = machine.call(.openat, currentDirectory, "/proc/self/fd/\(removed)", O_RDWR) {
      #expect(machine.process.files.files[number]?.node.volume.isReadOnly == false)
    }
  }

  @Test func currentDirectoryRootAndProgram() throws {
    let machine = try Machine()
    try machine.changeDirectory("/usr/lib")
    #expect(try machine.target("/proc/self/cwd") == "/usr/lib")
    #expect(try machine.text("/proc/self/cwd/deep/file") == "deep")
    #expect(try machine.target("/proc/self/root") == "/")
    #expect(try machine.text("/proc/self/root/etc/passwd") == "root:x:0:0\n")
    #expect(machine.error { _ = try machine.target("/proc/self/exe") } == .noSuchFileOrDirectory)
    #expect(machine.call(.execve, "/bin/alias", 0, 0) == .continued)
    machine.process.executable = machine.skeleton.root.at("usr/bin/alias")
    #expect(try machine.target("/proc/self/exe") == "/usr/bin/alias")
    #expect(try machine.status("/proc/self/exe").st_ino == machine.status("/usr/bin/tool").st_ino)
  }

  /// What a process can make large is made on the blocking pool.
  @Test(arguments: [("maps", 1), ("environ", 0), ("status", 0), ("stat", 0)])
  func largeContentsAreMadeWithoutTheLock(_ name: String, _ isBlocked: Int) throws {
    let machine = try Machine()
    machine.information.procFiles["2/\(name)"] = "text\n"
    #expect(try machine.text("/proc/self/\(name)") == "text\n")
    #expect(machine.blockedCount >= isBlocked && (isBlocked > 0 || machine.blockedCount == 0))
  }

  @Test func tasksOfAProcess() throws {
    let machine = try Machine()
    machine.information.procFiles["2/task/3/stat"] = "3 (worker)"
    let leader = machine.thread
    machine.thread = machine.startThread(3)
    #expect(machine.call(.set_robust_list, 0, 0) == .continued)
    machine.thread = leader
    #expect(machine.exists("/proc/2/task/3"))
    #expect(try machine.status("/proc/2/task").st_nlink == 4)
    #expect(try machine.names("/proc/3/task").sorted() == ["2", "3"])
    #expect(try machine.text("/proc/2/task/3/stat") == "3 (worker)")
    #expect(!machine.exists("/proc/2/task/4"))
    let held = try machine.open("/proc/2/task/3", O_RDONLY | O_DIRECTORY)
    machine.process.threads[AbsTid(rawValue: 1003)] = nil
    #expect(!machine.exists("/proc/2/task/3") && !machine.exists("/proc/3"))
    #expect(try machine.names("/proc/2/task") == ["2"])
    #expect(machine.error { _ = try machine.status("stat", at: held) } == .noSuchFileOrDirectory)
  }

  @Test func namespacesAreFiles() throws {
    let machine = try Machine()
    machine.information.procLinks["2/ns/pid"] = "pid:[4026531836]"
    #expect(try machine.target("/proc/self/ns/pid") == "pid:[4026531836]")
    let file = try machine.open("/proc/self/ns/pid")
    #expect(try machine.target("/proc/self/fd/\(file)") == "pid:[4026531836]")
    #expect(machine.call(.openat, currentDirectory, "/proc/self/ns/pid", O_RDWR) == .error(.notPermitted))
    #expect(!machine.exists("/proc/self/ns/nothing") && !machine.exists("/proc/pid"))
  }

  @Test func deadProcessIsGone() throws {
    let machine = try Machine()
    let parent = machine.thread
    machine.thread = machine.fork(3)
    #expect(machine.call(.set_tid_address, 0) == .continued)
    machine.thread = parent
    let directory = try machine.open("/proc/3", O_RDONLY | O_DIRECTORY)
    #expect(machine.exists("/proc/3/stat"))
    machine.end(AbsTgid(rawValue: 1003))
    #expect(!machine.exists("/proc/3"))
    #expect(machine.error { _ = try machine.status("stat", at: directory) } == .noSuchProcess)
    #expect(machine.call(.fchdir, directory) == .error(.noSuchProcess))
    #expect(machine.error { _ = try machine.entries(of: directory) } == .noSuchFileOrDirectory)
    #expect(machine.error { _ = try machine.status(of: directory) } == nil)
  }
}

struct ProcMapsTests {
  private func map(_ node: Node, _ path: String) -> String {
    let device = "\(String(node.volume.device >> 8, radix: 16)):\(String(node.volume.device & 0xff, radix: 16))"
    return "7f0000000000-7f0000001000 r-xp 00000000 \(device) \(node.number)    \(path)\n"
  }

  @Test func pathsAreThoseOfTheVirtualTree() throws {
    let machine = try Machine()
    _ = try machine.status("/usr/bin/tool")
    let lower = machine.kernel.files.lowerLayers.layers[0].rootNode(machine.world)
    try machine.write("x", to: "/tmp/library")
    machine.information.procFiles["2/maps"] =
      map(lower.at("usr/bin/tool")!, "/host/lower0/usr/bin/tool")
      + map(machine.store.at("tmp/library")!, "/host/store/tmp/library")
      + "7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n7f2000000000-7f2000001000 rw-p 00000000 00:00 0    [heap]\n"
    let lines = try machine.text("/proc/self/maps").split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].hasSuffix(" /usr/bin/tool") || lines[0].hasSuffix(" /usr/bin/alias"))
    #expect(lines[0].contains("00:21 \(try machine.status("/usr/bin/tool").st_ino) "))
    #expect(lines[0].firstIndex(of: "/").map { lines[0].distance(from: lines[0].startIndex, to: $0) } == 73)
    #expect(lines[1].hasSuffix(" /tmp/library"))
    #expect(lines[3].hasSuffix(" [heap]"))
  }

  @Test func fileThatIsNoneOfTheTreesLosesItsPath() throws {
    let machine = try Machine()
    let foreign = Node(Volume(device: 0x1234, isReadOnly: true), mode: FileType.regular)
    for file in ["maps", "smaps"] {
      machine.information.procFiles["2/\(file)"] =
        map(foreign, "/host/secret/path with spaces") + map(foreign, "/memfd:cache (deleted)") + "Size:    4 kB\n"
        + map(foreign, "/host/secret (deleted)")
      let text = try machine.text("/proc/self/\(file)")
      #expect(!text.contains("host") && !text.contains("secret"))
      #expect(text.contains("/memfd:cache (deleted)"))
      #expect(text.contains("Size:    4 kB\n"))
    }
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// Whatever fails ends in an errno, never in CONTINUE, and leaves a tree in which the call can be made again.
struct FaultTests {
  struct Scenario: Sendable, CustomStringConvertible {
    let description: String
    var prepare: @Sendable (Machine) -> Void = { _ in }
    let call: @Sendable (Machine) -> Reply
    /// What must be so after the call has succeeded.
    var check: @Sendable (Machine) throws -> Bool = { _ in true }
  }

  private static func tree(_ lower: Node) {
    standardTree(lower)
    lower.file("etc/large", CopyUpTests.large)
    lower.file("script", "#!/bin/sh\n", mode: 0o755)
    lower.file("usr/bin/sh", mode: 0o755).bytes = Elf.bytes(interpreter: nil)
    lower.node("fifo", FileType.fifo | 0o644)
  }

  /// Makes /version, of which the process that calls afterwards has not made the first version.
  private static func otherWrites(_ machine: Machine, _ text: String) {
    try! machine.write(text, to: "/version")
    machine.thread = machine.fork(1003)
  }

  static let scenarios = [
    Scenario(description: "open a lower file") { $0.call(.openat, currentDirectory, "/etc/passwd", O_RDONLY) },
    Scenario(description: "open for writing") {
      $0.call(.openat, currentDirectory, "/etc/passwd", O_RDWR)
    } check: {
      try $0.text("/etc/passwd") == "root:x:0:0\n"
    },
    Scenario(description: "open a large file for writing") {
      $0.call(.openat, currentDirectory, "/etc/large", O_RDWR)
    } check: {
      try $0.text("/etc/large") == CopyUpTests.large
    },
    Scenario(description: "open what another process has written") { machine in
      otherWrites(machine, "small")
    } call: {
      $0.call(.openat, currentDirectory, "/version", O_RDWR)
    } check: {
      try $0.text("/version") == "small" && $0.trace.at("archive/1")?.text == "small"
    },
    Scenario(description: "open a large one") { machine in
      otherWrites(machine, CopyUpTests.large)
    } call: {
      $0.call(.openat, currentDirectory, "/version", O_RDWR)
    } check: {
      try $0.text("/version") == CopyUpTests.large && $0.trace.at("archive/1")?.text == CopyUpTests.large
    },
    Scenario(description: "truncate what another process has written") { machine in
      otherWrites(machine, "small")
    } call: {
      $0.call(.openat, currentDirectory, "/version", O_WRONLY | O_TRUNC)
    } check: {
      try $0.text("/version") == "" && $0.trace.at("archive/1")?.text == "small"
    },
    Scenario(description: "rename over what another process has written") { machine in
      otherWrites(machine, "small")
      try! machine.write("new", to: "/new")
    } call: {
      $0.call(.rename, "/new", "/version")
    } check: {
      try $0.text("/version") == "new" && $0.trace.at("archive/1")?.text == "small"
    },
    Scenario(description: "open with O_TRUNC") {
      $0.call(.openat, currentDirectory, "/etc/passwd", O_WRONLY | O_TRUNC)
    } check: {
      try $0.text("/etc/passwd") == ""
    },
    Scenario(description: "create") {
      $0.call(.openat, currentDirectory, "/usr/lib/new", O_CREAT | O_EXCL | O_WRONLY, 0o644)
    } check: {
      try $0.names("/usr/lib") == ["deep", "new"]
    },
    Scenario(description: "open without a name") {
      $0.call(.openat, currentDirectory, "/usr", O_TMPFILE_ | O_RDWR, 0o600)
    },
    Scenario(description: "open a directory") { $0.call(.openat, currentDirectory, "/usr/lib", O_DIRECTORY) },
    Scenario(description: "open a device") { $0.call(.openat, currentDirectory, "/dev/null", O_RDWR) },
    Scenario(description: "open a file of proc") { $0.call(.openat, currentDirectory, "/proc/self/cgroup", O_RDONLY) },
    Scenario(description: "open a FIFO") { $0.call(.openat, currentDirectory, "/fifo", O_RDWR) },
    Scenario(description: "open by path") { $0.call(.openat, currentDirectory, "/usr/bin/tool", O_PATH_) },
    Scenario(description: "stat") { machine in
      machine.call(.newfstatat, currentDirectory, "/bin/tool", machine.memory.allocate(256), 0)
    },
    Scenario(description: "readlink") { machine in
      machine.call(.readlinkat, currentDirectory, "/absolute", machine.memory.allocate(256), 256)
    },
    Scenario(description: "mkdir") {
      $0.call(.mkdirat, currentDirectory, "/usr/lib/new", 0o755)
    } check: {
      try $0.names("/usr/lib") == ["deep", "new"]
    },
    Scenario(description: "symlink") {
      $0.call(.symlinkat, "x", currentDirectory, "/usr/lib/new")
    } check: {
      try $0.target("/usr/lib/new") == "x"
    },
    Scenario(description: "mknod") {
      $0.call(.mknodat, currentDirectory, "/usr/lib/new", FileType.fifo | 0o644)
    } check: {
      try $0.names("/usr/lib") == ["deep", "new"]
    },
    Scenario(description: "unlink a lower file") {
      $0.call(.unlinkat, currentDirectory, "/etc/passwd", 0)
    } check: {
      try $0.names("/etc") == ["large", "shadow"] && $0.run.at("etc/passwd")?.isWhiteout == true
    },
    Scenario(description: "remove a lower directory") {
      $0.call(.unlinkat, currentDirectory, "/empty", AT_REMOVEDIR)
    } check: {
      !$0.exists("/empty") && $0.run.at("empty")?.isWhiteout == true
    },
    Scenario(description: "link") {
      $0.call(.linkat, currentDirectory, "/etc/passwd", currentDirectory, "/usr/new", 0)
    } check: {
      try $0.text("/usr/new") == "root:x:0:0\n" && $0.status("/etc/passwd").st_nlink == 2
    },
    Scenario(description: "rename a file") {
      $0.call(.renameat, currentDirectory, "/etc/passwd", currentDirectory, "/usr/lib/new")
    } check: {
      try $0.text("/usr/lib/new") == "root:x:0:0\n" && !$0.exists("/etc/passwd")
        && $0.run.at("etc/passwd")?.isWhiteout == true
    },
    Scenario(description: "rename over a file") {
      $0.call(.renameat, currentDirectory, "/etc/passwd", currentDirectory, "/etc/shadow")
    } check: {
      try $0.text("/etc/shadow") == "root:x:0:0\n" && $0.names("/etc") == ["large", "shadow"]
    },
    Scenario(description: "rename a directory") {
      $0.call(.renameat, currentDirectory, "/usr/lib", currentDirectory, "/etc/lib")
    } check: {
      try $0.text("/etc/lib/deep/file") == "deep" && !$0.exists("/usr/lib") && $0.run.at("usr/lib")?.isWhiteout == true
        && $0.run.at("etc/lib")?.attributes.count == 1
    },
    Scenario(description: "rename over a directory") {
      $0.call(.renameat, currentDirectory, "/usr/lib", currentDirectory, "/empty")
    } check: {
      try $0.text("/empty/deep/file") == "deep" && !$0.exists("/usr/lib")
    },
    Scenario(description: "exchange") {
      $0.call(.renameat2, currentDirectory, "/etc/passwd", currentDirectory, "/usr/lib", 2)
    } check: {
      try $0.text("/usr/lib") == "root:x:0:0\n" && $0.text("/etc/passwd/deep/file") == "deep"
    },
    Scenario(
      description: "make a directory in place of one that was removed",
      prepare: { $0.call(.unlinkat, currentDirectory, "/empty", AT_REMOVEDIR) },
      call: { $0.call(.mkdirat, currentDirectory, "/empty", 0o755) },
      check: { $0.run.at("empty")?.attributes.count == 1 }),
    Scenario(
      description: "remove a file that was copied up", prepare: { $0.call(.truncate, "/etc/passwd", 1) },
      call: { $0.call(.unlinkat, currentDirectory, "/etc/passwd", 0) },
      check: { !$0.exists("/etc/passwd") && $0.run.at("etc/passwd")?.isWhiteout == true }),
    Scenario(
      description: "remove a directory that holds a whiteout",
      prepare: { $0.call(.unlinkat, currentDirectory, "/closed/inside", 0) },
      call: { $0.call(.unlinkat, currentDirectory, "/closed", AT_REMOVEDIR) },
      check: { $0.run.at("closed")?.isWhiteout == true }),
    Scenario(
      description: "create a file in place of one that was removed",
      prepare: { $0.call(.unlinkat, currentDirectory, "/etc/passwd", 0) },
      call: { $0.call(.openat, currentDirectory, "/etc/passwd", O_CREAT | O_WRONLY, 0o644) },
      check: { try $0.text("/etc/passwd") == "" }),
    Scenario(
      description: "rename where the host leaves no whiteout", prepare: { $0.host.leavesWhiteouts = false },
      call: { $0.call(.renameat, currentDirectory, "/etc/passwd", currentDirectory, "/etc/new") },
      check: { try $0.text("/etc/new") == "root:x:0:0\n" && $0.run.at("etc/passwd")?.isWhiteout == true }),
    Scenario(
      description: "remove one of two names",
      prepare: {
        _ = try? $0.status("/usr/bin/alias")
        $0.call(.truncate, "/usr/bin/tool", 1)
      },
      call: { $0.call(.unlinkat, currentDirectory, "/usr/bin/tool", 0) },
      check: { try $0.text("/usr/bin/alias").count == 1 && $0.run.at("usr/bin/tool")?.isWhiteout == true }),
    Scenario(description: "chmod") {
      $0.call(.fchmodat, currentDirectory, "/etc/passwd", 0o600)
    } check: {
      try $0.status("/etc/passwd").st_mode & 0o777 == 0o600 && $0.run.at("etc/passwd")?.permissions == 0o600
    },
    Scenario(description: "chown") {
      $0.call(.fchownat, currentDirectory, "/etc", 5, 5, 0)
    } check: {
      try $0.status("/etc").st_uid == 5
    },
    Scenario(description: "utimensat") { $0.call(.utimensat, currentDirectory, "/absolute", 0, AT_SYMLINK_NOFOLLOW) },
    Scenario(description: "truncate") {
      $0.call(.truncate, "/etc/passwd", 4)
    } check: {
      try $0.text("/etc/passwd") == "root"
    },
    Scenario(description: "setxattr") {
      $0.call(.setxattr, "/etc/passwd", "user.a", "x", 1, 0)
    } check: {
      $0.run.at("etc/passwd")?.attributes[Array("user.a".utf8)] == [UInt8(ascii: "x")]
    },
    Scenario(description: "chdir") { $0.call(.chdir, "/bin") },
    Scenario(description: "execve") {
      $0.call(.execve, "/script", 0, 0)
    } check: {
      $0.skeleton.root.at("script") != nil && $0.skeleton.root.at("usr/bin/sh") != nil
    },
    Scenario(description: "bind") {
      $0.makeSocket(5)
      return $0.call(.bind, 5, [1, 0] + Array("/tmp/socket".utf8), 13)
    },
    Scenario(description: "statfs") { machine in machine.call(.statfs, "/etc/passwd", machine.memory.allocate(256)) },
  ]

  /// Files of the host whose loss is no failure: a file system need not have attributes, and what is left in the skeleton
  /// does no harm.
  private static let ignored: Set<World.Operation> = [.listAttributes, .getAttribute, .setAttribute, .skeletonRemove]

  @Test(arguments: scenarios)
  func failureOfAnyCallOfTheHostIsAnErrnoAndCanBeTriedAgain(_ scenario: Scenario) throws {
    let intact = try prepared(scenario)
    let expected = scenario.call(intact)
    let count = intact.world.log.count
    for index in 0..<count {
      let machine = try prepared(scenario)
      machine.world.failingCall = (index, .ioError)
      let reply = scenario.call(machine)
      let failed = machine.world.log[index]
      let context: Testing.Comment = "\(failed), call \(index) of \(count)"
      machine.world.failingCall = nil
      if case .error = reply {
        #expect(scenario.call(machine) == expected, context)
      } else {
        #expect(Self.ignored.contains(failed), context)
      }
      #expect(try scenario.check(machine), context)
    }
  }

  @Test(arguments: scenarios)
  func killedCallerChangesNothing(_ scenario: Scenario) throws {
    let machine = try prepared(scenario)
    let before = machine.contents
    machine.memory.isCallerWaiting = false
    #expect(scenario.call(machine) == .error(.interrupted))
    #expect(machine.contents == before)
    machine.memory.isCallerWaiting = true
    #expect(machine.error { try machine.require(scenario.call(machine)) } == nil)
    #expect(try scenario.check(machine))
  }

  @Test(arguments: scenarios)
  func memoryThatCannotBeReadIsAnErrno(_ scenario: Scenario) throws {
    for error in [Errno.badAddress, .noSuchProcess, .ioError] {
      let machine = try prepared(scenario)
      let before = machine.contents
      machine.memory.readError = error
      guard case .error = scenario.call(machine) else {
        Issue.record("\(scenario) went on without its arguments")
        continue
      }
      #expect(machine.contents == before)
    }
  }

  private func prepared(_ scenario: Scenario) throws -> Machine {
    let machine = try Machine(Self.tree)
    scenario.prepare(machine)
    machine.world.log = []
    return machine
  }

  @Test func deadCallerIsAnErrno() throws {
    for scenario in Self.scenarios {
      let machine = try Machine(Self.tree)
      machine.process.isAlive = false
      #expect(scenario.call(machine) == .error(.noSuchProcess))
    }
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct ExecveTests {
  private static func tree(_ lower: Node) {
    standardTree(lower)
    lower.file("usr/bin/sh", mode: 0o755).bytes = Elf.bytes(interpreter: "/lib64/ld.so")
    lower.file("usr/lib64/ld.so", mode: 0o755).bytes = Elf.bytes(interpreter: nil)
    lower.link("lib64", to: "usr/lib64")
    lower.file("script", "#!/bin/sh -e\necho\n", mode: 0o755)
    lower.file("data", "#!/bin/sh\n", mode: 0o644)
    lower.file("lost", "#!/missing\n", mode: 0o755)
    lower.file("denied", "#!/etc/passwd\n", mode: 0o755)
    lower.file("itself", "#!/itself\n", mode: 0o755)
    lower.file("mine", "#!/bin/sh\n", mode: 0o744)
  }

  private func bound(_ machine: Machine) -> Set<String> {
    var found: Set<String> = []
    func visit(_ node: Node, _ path: String) {
      for (name, child) in node.entries {
        let path = path + "/" + String(decoding: name, as: UTF8.self)
        if child.volume !== machine.skeleton.root.volume { found.insert(path) }
        visit(child, path)
      }
    }
    visit(machine.skeleton.root, "")
    return found
  }

  @Test func bindsTheProgramAndItsLoader() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/bin/sh", 0, 0) == .continued)
    #expect(bound(machine) == ["/usr/bin/sh", "/usr/lib64/ld.so"])
    // The kernel walks the guest's own paths.
    #expect(try machine.skeleton.walk(from: machine.skeleton.root, "/bin/sh").text == machine.text("/usr/bin/sh"))
    #expect(
      try machine.skeleton.walk(from: machine.skeleton.root, "/lib64/ld.so").text == machine.text("/usr/lib64/ld.so"))
  }

  @Test func bindsAScriptAndItsChain() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/script", 0, 0) == .continued)
    #expect(bound(machine) == ["/script", "/usr/bin/sh", "/usr/lib64/ld.so"])
    machine.world.log = []
    #expect(machine.call(.execve, "/script", 0, 0) == .continued)
    #expect(machine.world.log.isEmpty, "a second run of a lower file asks nothing of the host")
  }

  @Test func interpretersAreReadAfterTheProgramIsRun() throws {
    let machine = try Machine(Self.tree)
    machine.world.fail(.skeletonBind, with: .ioError)
    #expect(machine.call(.execve, "/script", 0, 0) == .error(.ioError))
    #expect(!machine.events.entries.contains { $0.kind == .read })
    #expect(machine.call(.execve, "/script", 0, 0) == .continued)
    machine.call(.getuid)
    let kinds = machine.events.records.map(\.kind).filter { [.exec, .arguments, .read].contains($0) }
    #expect(kinds == [.exec, .arguments, .read, .read])
    let paths = machine.events.entries.filter { $0.kind == .exec || $0.kind == .read }.map(\.path)
    #expect(paths == ["/script", "/usr/bin/sh", "/usr/lib64/ld.so"])
  }

  @Test func bindsTheRunsOwnVersion() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/script", 0, 0) == .continued)
    try machine.write("#!/bin/tool\n", to: "/script")
    #expect(machine.skeleton.root.at("script") == nil)
    #expect(machine.call(.execve, "/script", 0, 0) == .continued)
    #expect(machine.skeleton.root.at("script") === machine.run.at("script"))
    #expect(bound(machine).contains("/usr/bin/tool"))
  }

  @Test func programInTmp() throws {
    let machine = try Machine(Self.tree)
    try machine.write("#!/bin/sh\n", to: "/tmp/a")
    #expect(machine.call(.execve, "/tmp/a", 0, 0) == .error(.permissionDenied))
    #expect(machine.call(.fchmodat, currentDirectory, "/tmp/a", 0o755) == .done)
    #expect(machine.call(.execve, "/tmp/a", 0, 0) == .continued)
    #expect(machine.skeleton.root.at("tmp/a") === machine.store.at("tmp/a"))
  }

  private static let failures: [(String, Errno)] = [
    ("", .noSuchFileOrDirectory), ("/missing", .noSuchFileOrDirectory), ("/data", .permissionDenied),
    ("/usr", .permissionDenied),
    ("/lost", .noSuchFileOrDirectory), ("/denied", .permissionDenied), ("/script/", .notDirectory),
    ("/loop", .tooManySymbolicLinkLevels),
    ("/dev/null", .permissionDenied), ("/proc/version", .permissionDenied),
  ]

  @Test(arguments: failures)
  func failsAsLinuxDoes(_ path: String, _ errno: Errno) throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, path, 0, 0) == .error(errno))
  }

  @Test func endlessChainIsTheKernelsToRefuse() throws {
    let machine = try Machine(Self.tree)
    #expect(machine.call(.execve, "/itself", 0, 0) == .continued)
  }

  @Test func ordinaryUserNeedsExecutePermission() throws {
    let machine = try Machine(uid: 1000, Self.tree)
    #expect(machine.call(.execve, "/mine", 0, 0) == .error(.permissionDenied))
    #expect(machine.call(.execve, "/script", 0, 0) == .continued)
  }

  @Test func relativeToDirectoriesAndDescriptors() throws {
    let machine = try Machine(Self.tree)
    let usr = try machine.open("/usr", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.execveat, usr, "bin/sh", 0, 0, 0) == .continued)
    #expect(bound(machine) == ["/usr/bin/sh", "/usr/lib64/ld.so"])
    let script = try machine.open("/script")
    #expect(machine.call(.execveat, script, "", 0, 0, AT_EMPTY_PATH_) == .continued)
    #expect(machine.call(.execveat, script, "", 0, 0, 0) == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.execveat, usr, "", 0, 0, AT_EMPTY_PATH_) == .error(.permissionDenied))
    #expect(machine.call(.execveat, 99, "", 0, 0, AT_EMPTY_PATH_) == .error(.badFileDescriptor))
    #expect(
      machine.call(.execveat, currentDirectory, "/bin", 0, 0, AT_SYMLINK_NOFOLLOW) == .error(.tooManySymbolicLinkLevels)
    )
    #expect(machine.call(.execveat, currentDirectory, "/script", 0, 0, 0x10000) == .continued)
    #expect(machine.call(.execveat, currentDirectory, "/script", 0, 0, 1) == .error(.invalidArgument))
    #expect(machine.call(.execve, 8, 0, 0) == .error(.badAddress))
  }

  @Test func memoryFileGetsItsInterpreterBound() throws {
    let machine = try Machine(Self.tree)
    let memory = machine.inherit("#!/bin/sh\n", mode: FileType.regular | 0o755, name: "/memfd:x (deleted)")
    #expect(machine.call(.execveat, memory, "", 0, 0, AT_EMPTY_PATH_) == .continued)
    #expect(bound(machine) == ["/usr/bin/sh", "/usr/lib64/ld.so"])
  }

  @Test func failedBindIsAnErrno() throws {
    let machine = try Machine(Self.tree)
    machine.world.fail(.skeletonBind, with: .ioError)
    #expect(machine.call(.execve, "/bin/sh", 0, 0) == .error(.ioError))
    #expect(machine.call(.execve, "/bin/sh", 0, 0) == .continued)
    #expect(bound(machine) == ["/usr/bin/sh", "/usr/lib64/ld.so"])
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct LayerTests {
  @Test func firstMatchWinsAndDirectoriesAreMerged() throws {
    let machine = try Machine(sources: [
      .init("/usr/local") { $0.file("bin/tool", "local") },
      .init {
        $0.file("usr/local/bin/tool", "system"); $0.file("usr/local/bin/other", "other")
      },
    ])
    #expect(try machine.text("/usr/local/bin/tool") == "local")
    #expect(try machine.text("/usr/local/bin/other") == "other")
    #expect(try machine.names("/usr/local/bin") == ["other", "tool"])
  }

  @Test func mergedDirectoryHasOneLinkAsInOverlayfs() throws {
    let machine = try Machine(sources: [.init { $0.file("d/a/x") }, .init { $0.file("d/b/y") }])
    #expect(try machine.status("/d").st_nlink == 1)
    #expect(try machine.status("/").st_nlink == 1)
    #expect(try machine.status("/d/a").st_nlink == 2)
    let descriptor = try machine.open("/d/a", O_RDONLY | O_DIRECTORY)
    #expect(machine.call(.unlinkat, currentDirectory, "/d/a/x", 0) == .done)
    #expect(machine.call(.unlinkat, currentDirectory, "/d/a", AT_REMOVEDIR) == .done)
    #expect(try machine.status(of: descriptor).st_nlink == 0)
  }

  @Test func directoriesAboveADestinationAreMade() throws {
    let machine = try Machine(sources: [.init("/a/b/c") { $0.file("file", "x") }])
    #expect(try machine.names("/a") == ["b"])
    #expect(try machine.names("/") == ["a", "dev", "proc", "run", "sys", "tmp"])
    #expect(try machine.status("/a/b").st_mode == FileType.directory | 0o755)
    #expect(try machine.text("/a/b/c/file") == "x")
    try machine.write("y", to: "/a/b/new")
    #expect(machine.run.at("a/b/new")?.text == "y")
    #expect(try machine.names("/a/b") == ["c", "new"])
  }

  @Test func singleFileAsASource() throws {
    let machine = try Machine(sources: [
      .init("/etc/resolv.conf!") { $0.file("file", "nameserver") }, .init("/", standardTree),
    ])
    #expect(try machine.text("/etc/resolv.conf") == "nameserver")
    #expect(try machine.names("/etc") == ["passwd", "resolv.conf", "shadow"])
    try machine.write("x", to: "/etc/resolv.conf")
    #expect(machine.run.at("etc/resolv.conf")?.text == "x")
    #expect(machine.call(.unlinkat, currentDirectory, "/etc/resolv.conf", 0) == .done)
    #expect(!machine.exists("/etc/resolv.conf"))
  }

  @Test func programOfASingleFileSourceIsBound() throws {
    let machine = try Machine(sources: [.init("/opt/tool!") { $0.file("file", "x", mode: 0o755) }])
    #expect(machine.call(.execve, "/opt/tool", 0, 0) == .continued)
    #expect(machine.skeleton.root.at("opt/tool")?.text == "x")
  }

  @Test func sourceInTmpIsWrittenToTheRunsLayerAndTmpAroundItIsPrivate() throws {
    let machine = try Machine(sources: [.init("/tmp/project") { $0.file("src/main.c", "int main") }])
    #expect(try machine.names("/tmp") == ["project"])
    try machine.write("x", to: "/tmp/project/src/main.o")
    try machine.write("y", to: "/tmp/scratch")
    #expect(machine.run.at("tmp/project/src/main.o")?.text == "x")
    #expect(machine.store.at("tmp/scratch")?.text == "y")
    #expect(machine.run.at("tmp/scratch") == nil)
    #expect(machine.call(.unlinkat, currentDirectory, "/tmp/project/src/main.c", 0) == .done)
    #expect(machine.run.at("tmp/project/src/main.c")?.isWhiteout == true)
    #expect(
      machine.call(.renameat, currentDirectory, "/tmp/project/src/main.o", currentDirectory, "/tmp/o")
        == .error(.crossDevice))
  }

  @Test func placeOfASourceInTmpIsLikeAMountPoint() throws {
    let machine = try Machine(sources: [.init("/tmp/project") { $0.directory("empty") }])
    try machine.write("x", to: "/tmp/project/file")
    #expect(
      machine.call(.renameat, currentDirectory, "/tmp/project", currentDirectory, "/tmp/other") == .error(.resourceBusy)
    )
    #expect(machine.call(.mkdirat, currentDirectory, "/tmp/new", 0o755) == .done)
    #expect(
      machine.call(.renameat, currentDirectory, "/tmp/new", currentDirectory, "/tmp/project") == .error(.resourceBusy))
    #expect(machine.call(.unlinkat, currentDirectory, "/tmp/project", AT_REMOVEDIR) != .done)
    #expect(try machine.text("/tmp/project/file") == "x")
  }

  @Test func directoryOfTwoLayersIsRenamedWithBoth() throws {
    let machine = try Machine(sources: [.init { $0.file("d/a", "1") }, .init { $0.file("d/b", "2") }])
    #expect(machine.call(.renameat, currentDirectory, "/d", currentDirectory, "/e") == .done)
    #expect(try machine.names("/e") == ["a", "b"])
    try machine.write("3", to: "/e/b")
    #expect(machine.run.at("e/b")?.text == "3")
    #expect(try machine.text("/e/a") == "1")
  }

  @Test func linksAndEmptyDirectoriesOfTheConfiguration() throws {
    let machine = try Machine(
      uid: 1000, sources: [.init("/", standardTree)], emptyDirectories: ["/home/user", "/tmp/mine", "/etc/sub"],
      links: [("/lib", "usr/lib"), ("/etc/passwd", "elsewhere")])
    #expect(try machine.status("/home/user").st_uid == 1000)
    try machine.write("x", to: "/home/user/file")
    #expect(machine.run.at("home/user/file")?.text == "x")
    try machine.write("y", to: "/tmp/mine/file")
    #expect(machine.store.at("tmp/mine/file")?.text == "y")
    #expect(try machine.text("/lib/deep/file") == "deep")
    #expect(try machine.text("/etc/passwd") == "root:x:0:0\n")
    #expect(try machine.names("/etc") == ["passwd", "shadow", "sub"])
  }

  @Test func aReadOnlySourceRefusesEveryChange() throws {
    var source = Machine.Source("/opt/ro") {
      $0.file("file", "x"); $0.file("sub/deep", "y"); $0.directory("empty")
    }
    source.isReadOnly = true
    let machine = try Machine(sources: [source, Machine.Source("/opt/rw") { $0.file("file", "z") }])
    for reply in [
      machine.call(.open, "/opt/ro/file", O_WRONLY), machine.call(.open, "/opt/ro/new", O_WRONLY | O_CREAT, 0o644),
      machine.call(.mkdir, "/opt/ro/sub/d", 0o755), machine.call(.unlink, "/opt/ro/file"),
      machine.call(.rmdir, "/opt/ro/empty"), machine.call(.rename, "/opt/ro/file", "/opt/ro/other"),
      machine.call(.rename, "/opt/rw/file", "/opt/ro/other"), machine.call(.chmod, "/opt/ro/file", 0o600),
      machine.call(.chmod, "/opt/ro", 0o700), machine.call(.truncate, "/opt/ro/file", 0),
      machine.call(.symlink, "x", "/opt/ro/link"), machine.call(.link, "/opt/rw/file", "/opt/ro/link"),
      machine.call(.access, "/opt/ro/file", W_OK), machine.call(.utime, "/opt/ro/file", 0),
      machine.call(.setxattr, "/opt/ro/file", "user.a", [1] as [UInt8], 1, 0),
    ] {
      #expect(reply == .error(.readOnlyFileSystem))
    }
    #expect(try machine.text("/opt/ro/file") == "x")
    #expect(machine.call(.mkdir, "/opt/ro/sub", 0o755) == .error(.fileExists))
    // What is around it is the run's own.
    #expect(machine.call(.mkdir, "/opt/new", 0o755) == .value(0))
    try machine.write("mine", to: "/opt/rw/file")
    #expect(machine.call(.rename, "/opt/ro", "/opt/moved") == .error(.readOnlyFileSystem))
  }

  @Test func sourceThatChangesBelowLosesTheName() throws {
    let machine = try Machine()
    let entries = try machine.names("/etc")
    #expect(entries == ["passwd", "shadow"])
    // Somebody else on the host removes the file; the run's own layer is what it was.
    machine.kernel.files.lowerLayers.layers[0].root.withNode(machine.world) { $0.at("etc")?.removeEntry("shadow".utf8) }
    #expect(machine.error { _ = try machine.status("/etc/shadow") } == .noSuchFileOrDirectory)
    #expect(try machine.names("/etc") == ["passwd"])
  }

  @Test func lowerFIFOsAndSocketsAreTheGuestsOwn() throws {
    let machine = try Machine { lower in
      lower.node("fifo", FileType.fifo | 0o644)
      lower.node("socket", FileType.socket | 0o644)
    }
    #expect(try machine.status("/fifo").st_mode == FileType.fifo | 0o644)
    #expect(machine.call(.fchmodat, currentDirectory, "/fifo", 0o600) == .done)
    #expect(machine.run.at("fifo")?.kind == FileType.fifo)
    #expect(machine.call(.openat, currentDirectory, "/socket", O_RDWR) == .error(.noDevice))
    #expect(machine.call(.unlinkat, currentDirectory, "/socket", 0) == .done)
  }
}

extension FileDescriptor {
  fileprivate func withNode(_ world: World, _ body: (Node) -> Void) { body(world.file(self).node) }
}

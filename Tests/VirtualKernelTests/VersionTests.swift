import Glibc
import SystemPackage
import Testing
import Tracing

@testable import VirtualKernel

struct VersionTests {
  /// What the layer holds after the run: the places of regular files and whiteouts below the run's directory.
  private func places(_ machine: Machine) throws -> [String: String] {
    _ = try machine.kernel.finish()
    var found: [String: String] = [:]
    func visit(_ node: Node, _ path: String) {
      for (name, child) in node.entries {
        let path = path + "/" + String(decoding: name, as: UTF8.self)
        if child.isDirectory { visit(child, path) } else { found[String(path.dropFirst())] = child.text }
      }
    }
    visit(machine.trace, "")
    return found
  }

  private func read(_ machine: Machine, _ path: String) throws {
    _ = try machine.text(path)
  }

  @Test func aWriterReplacesItsOwnVersion() throws {
    let machine = try Machine()
    try machine.write("one", to: "/f")
    try machine.write("two", to: "/f")
    #expect(try places(machine) == ["files/f": "two"])
  }

  @Test func anotherWriterMakesAnotherVersion() throws {
    let machine = try Machine()
    try machine.write("one", to: "/f")
    let other = machine.fork(1003)
    machine.thread = other
    try machine.write("two", to: "/f")
    #expect(try places(machine) == ["files/f": "one", "files-3/f": "two"])
  }

  @Test func holesAreNotReadToFindIdenticalContents() throws {
    let machine = try Machine()
    let other = machine.fork(1003)
    let first = machine.thread
    for (path, last) in [("/a", "x"), ("/b", "x"), ("/c", "y")] {
      machine.thread = first
      try machine.write(String(repeating: "\0", count: 4 << 20) + last, to: path)
      machine.thread = other
      try machine.write("new", to: path)
    }
    let reads = machine.world.log.filter { $0 == .read }.count
    #expect(try places(machine).count == 6)
    // Each version once, and the identical pair against each other from both sides.
    #expect(machine.world.log.filter { $0 == .read }.count - reads <= 12)
    #expect(machine.trace.at("files/a") === machine.trace.at("files/b"))
    #expect(machine.trace.at("files/a") !== machine.trace.at("files/c"))
  }

  @Test func manyVersionsOfOneWriterTakeTheirPlacesInOrder() throws {
    let machine = try Machine()
    let first = machine.thread
    let other = machine.fork(1003)
    for turn in 0..<300 {
      machine.thread = first
      try machine.write("\(turn)", to: "/f")
      machine.thread = other
      try read(machine, "/f")
    }
    let looks = machine.world.log.filter { $0 == .status }.count
    let found = try places(machine)
    #expect(found.count == 300)
    #expect(found["files/f"] == "0" && found["files-2/f"] == "1" && found["files-2+299/f"] == "299")
    #expect(machine.world.log.filter { $0 == .status }.count - looks < 300 * 20)
  }

  @Test func aVersionThatWasReadIsKept() throws {
    let machine = try Machine()
    let first = machine.thread
    let other = machine.fork(1003)
    try machine.write("one", to: "/f")
    machine.thread = other
    try read(machine, "/f")
    machine.thread = first
    try machine.write("two", to: "/f")
    try machine.write("three", to: "/f")
    #expect(try machine.text("/f") == "three")
    #expect(try places(machine) == ["files/f": "one", "files-2/f": "three"])
  }

  @Test func aRemovedVersionIsKeptIfItWasRead() throws {
    let machine = try Machine()
    let first = machine.thread
    let other = machine.fork(1003)
    try machine.write("one", to: "/read")
    try machine.write("two", to: "/unread")
    machine.thread = other
    try read(machine, "/read")
    machine.thread = first
    #expect(machine.call(.unlink, "/read") == .value(0))
    #expect(machine.call(.unlink, "/unread") == .value(0))
    #expect(try places(machine) == ["files/read": "one"])
  }

  @Test func whoHasTheFileOpenSeesWhatAnotherWrites() throws {
    let machine = try Machine()
    try machine.write("one", to: "/f")
    let reader = try machine.open("/f", O_RDONLY)
    let other = machine.fork(1003)
    machine.thread = other
    try machine.write("two", to: "/f")
    #expect(machine.world.processes[AbsTgid(rawValue: 1002)]?.files.files[reader]?.node.text == "two")
    #expect(try places(machine) == ["files/f": "one", "files-3/f": "two"])
  }

  @Test func theReplacedVersionOfARenameIsKept() throws {
    let machine = try Machine()
    try machine.write("one", to: "/f")
    let other = machine.fork(1003)
    machine.thread = other
    try machine.write("two", to: "/g")
    #expect(machine.call(.rename, "/g", "/f") == .value(0))
    #expect(try places(machine) == ["files/f": "one", "files-3/f": "two"])
  }

  @Test func processesThatWriteAtTheSameTimeShareAVersion() throws {
    let machine = try Machine()
    try machine.write("one", to: "/f")
    let first = try machine.open("/f", O_RDWR)
    machine.thread = machine.fork(1003)
    _ = try machine.open("/f", O_RDWR)
    #expect(machine.text(of: first) == "one")
    #expect(try places(machine) == ["files/f": "one"])
  }

  @Test func aLowerFileIsNoVersionOfTheRun() throws {
    let machine = try Machine()
    let first = machine.thread
    let other = machine.fork(1003)
    machine.thread = other
    try read(machine, "/etc/passwd")
    machine.thread = first
    try machine.write("mine", to: "/etc/passwd")
    #expect(try places(machine) == ["files/etc/passwd": "mine"])
  }

  @Test func eventsNameFilesByThePathTheyHad() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdir, "/d", 0o755) == .value(0))
    try machine.write("x", to: "/d/f")
    #expect(machine.call(.rename, "/d", "/e") == .value(0))
    try machine.write("y", to: "/e/f")
    #expect(machine.call(.stat, "/d/f", machine.memory.allocate(200)) == .error(.noSuchFileOrDirectory))
    let kinds: [EventKind] = [
      .makeDirectory, .missing, .create, .write, .renameFrom, .renameTo,
    ]
    let seen = machine.events.entries.filter { kinds.contains($0.kind) }.map { "\($0.kind) \($0.path)" }
    #expect(
      seen == [
        "missing /d", "makeDirectory /d", "missing /d/f", "create /d/f", "missing /e", "renameFrom /d", "renameTo /e",
        "write /e/f", "missing /d",
      ])
  }
}

struct RecentEventsTests {
  @Test func aQuestionIsRecordedAgainOnlyAfterAChange() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(200)
    func asked() -> [String] {
      machine.events.entries.filter { $0.kind == .stat || $0.kind == .missing }.map { "\($0.kind) \($0.path)" }
    }
    for _ in 0..<3 {
      _ = machine.call(.stat, "/etc/passwd", buffer)
      _ = machine.call(.stat, "/none", buffer)
    }
    #expect(asked() == ["stat /etc/passwd", "missing /none"])
    #expect(machine.call(.mkdir, "/none", 0o755) == .value(0))
    #expect(machine.call(.rmdir, "/none") == .value(0))
    machine.events.entries = []
    _ = machine.call(.stat, "/none", buffer)
    _ = machine.call(.stat, "/etc/passwd", buffer)
    #expect(asked() == ["missing /none", "stat /etc/passwd"])
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct GetdentsTests {
  @Test func listsDotsAndThenTheNamesInOrder() throws {
    let machine = try Machine()
    let entries = try machine.entries(of: machine.open("/etc"))
    #expect(entries.map(\.name) == [".", "..", "passwd", "shadow"])
    #expect(entries.map(\.cookie) == [1, 2, 3, 4])
    #expect(entries.map(\.type) == [4, 4, 8, 8])
    #expect(
      try entries.map(\.number)
        == ["/etc", "/", "/etc/passwd", "/etc/shadow"].map { UInt64(try machine.status($0).st_ino) })
  }

  @Test func mergesLayersAndTheRun() throws {
    let machine = try Machine(sources: [
      .init {
        $0.file("d/a", "first"); $0.directory("d/sub").file("x")
      },
      .init {
        $0.file("d/a", "second"); $0.file("d/b"); $0.directory("d/sub").file("y"); $0.file("e/z")
      },
    ])
    try machine.write("", to: "/d/c")
    #expect(machine.call(.unlinkat, currentDirectory, "/d/b", 0) == .done)
    #expect(try machine.names("/d") == ["a", "c", "sub"])
    #expect(try machine.names("/d/sub") == ["x", "y"])
    #expect(try machine.names("/e") == ["z"])
    #expect(try machine.text("/d/a") == "first")
  }

  @Test func fileOfAHigherLayerHidesADirectory() throws {
    let machine = try Machine(sources: [
      .init {
        $0.file("x", "file"); $0.directory("y")
      },
      .init {
        $0.file("x/inside"); $0.file("y", "file")
      },
    ])
    #expect(try machine.text("/x") == "file")
    #expect(machine.error { _ = try machine.status("/x/inside") } == .notDirectory)
    #expect(try machine.names("/y") == [])
  }

  @Test func smallBufferGoesOnWhereItStopped() throws {
    let machine = try Machine { lower in for index in 100..<200 { lower.file("d/\(index)") } }
    let descriptor = try machine.open("/d")
    var names: [String] = []
    while true {
      let some = try machine.entries(of: descriptor, size: 64)
      if some.isEmpty { break }
      #expect(some.count <= 2)
      names += some.map(\.name)
    }
    #expect(names == [".", ".."] + (100..<200).map(String.init))
    #expect(try machine.entries(of: descriptor).isEmpty)
  }

  @Test func cookiesStayTrueWhileEntriesComeAndGo() throws {
    let machine = try Machine { lower in for index in 10..<50 { lower.file("d/\(index)") } }
    let descriptor = try machine.open("/d")
    var seen: [String] = []
    var round = 0
    while true {
      let some = try machine.entries(of: descriptor, size: 96)
      if some.isEmpty { break }
      seen += some.map(\.name)
      // What was listed goes, and new names come.
      for entry in some where entry.name.utf8.count == 2 && entry.name != ".." {
        #expect(machine.call(.unlinkat, currentDirectory, "/d/\(entry.name)", 0) == .done)
      }
      if round < 5 { try machine.write("", to: "/d/new\(round)") }
      round += 1
    }
    let old = (10..<50).map(String.init)
    #expect(seen.filter { old.contains($0) } == old)
    #expect(Set(seen).count == seen.count)
    #expect(try machine.names("/d") == (0..<5).map { "new\($0)" })
  }

  @Test func positionBelongsToTheOpenFile() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc")
    let copy = machine.process.files.insert(machine.process.files.files[descriptor]!)
    #expect(try machine.entries(of: descriptor, size: 48).map(\.name) == [".", ".."])
    #expect(try machine.entries(of: copy).map(\.name) == ["passwd", "shadow"])
    #expect(try machine.entries(of: descriptor).isEmpty)
    // lseek(2) is native: rewinddir(3) and seekdir(3).
    machine.process.files.files[descriptor]!.position = 0
    #expect(try machine.entries(of: copy).count == 4)
    machine.process.files.files[descriptor]!.position = 3
    #expect(try machine.entries(of: copy).map(\.name) == ["shadow"])
    machine.process.files.files[descriptor]!.position = 1 << 40
    #expect(try machine.entries(of: copy).isEmpty)
  }

  @Test func failedWriteDoesNotMoveThePosition() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc")
    #expect(machine.call(.getdents64, descriptor, 8, 1000) == .error(.badAddress))
    #expect(try machine.entries(of: descriptor).count == 4)
  }

  @Test func bufferThatIsTooSmallForTheNextEntry() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc")
    let buffer = machine.memory.allocate(64)
    #expect(machine.call(.getdents64, descriptor, buffer, 8) == .error(.invalidArgument))
    #expect(machine.call(.getdents64, descriptor, buffer, 24) == .value(24))
  }

  @Test func errors() throws {
    let machine = try Machine()
    let buffer = machine.memory.allocate(64)
    #expect(machine.call(.getdents64, 99, buffer, 64) == .error(.badFileDescriptor))
    #expect(machine.call(.getdents64, try machine.open("/etc/passwd"), buffer, 64) == .error(.notDirectory))
    #expect(machine.call(.getdents64, try machine.open("/etc", O_PATH_), buffer, 64) == .error(.badFileDescriptor))
    machine.world.fail(.list, with: .ioError)
    let descriptor = try machine.open("/usr")
    #expect(machine.call(.getdents64, descriptor, buffer, 64) == .error(.ioError))
    #expect(try machine.entries(of: descriptor).map(\.name) == [".", "..", "bin", "lib"])
  }

  @Test func listingAfterLookUpsAndBeforeThemIsTheSame() throws {
    let machine = try Machine()
    _ = try machine.status("/usr/lib/deep/file")
    #expect(!machine.exists("/usr/missing"))
    #expect(try machine.entries(of: machine.open("/usr")).map(\.name) == [".", "..", "bin", "lib"])
    #expect(!machine.exists("/usr/other"))
    _ = try machine.names("/usr/lib")
    #expect(try machine.text("/usr/lib/deep/file") == "deep")
  }

  @Test func fileSystemsThatDoNotTellTypes() throws {
    let machine = try Machine()
    machine.host.tellsTypes = false
    #expect(try machine.entries(of: machine.open("/usr")).map(\.type) == [4, 4, 4, 4])
    #expect(try machine.entries(of: machine.open("/")).first { $0.name == "bin" }?.type == 10)
  }

  @Test func secretsOfALayerAreLeftOut() throws {
    let machine = try Machine(sources: [.init("/", hidesPrivate: true, standardTree)])
    #expect(try machine.names("/etc") == ["passwd"])
    #expect(!machine.exists("/etc/shadow"))
    #expect(!machine.exists("/closed"))
    #expect(try machine.target("/absolute") == "/etc/passwd")
    try machine.write("mine", to: "/etc/shadow")
    #expect(try machine.names("/etc") == ["passwd", "shadow"])
  }

  @Test func runsOfUwrxDoNotSeeThemselves() throws {
    let machine = try Machine(sources: [
      .runs { lower in
        lower.file("project/build/20/1/files/x")
        lower.file("project/build/notes")
        return lower.directory("project/build")
      }
    ])
    #expect(try machine.names("/project/build") == ["notes"])
    #expect(!machine.exists("/project/build/20"))
  }

  #if arch(x86_64)
    @Test func olderFormHasTheTypeAtTheEnd() throws {
      let machine = try Machine()
      let buffer = machine.memory.allocate(256)
      #expect(machine.call(.getdents, try machine.open("/etc"), buffer, 256) == .value(24 + 24 + 32 + 32))
      let bytes = machine.memory.bytes(at: buffer, count: 112)
      #expect(bytes[18] == UInt8(ascii: ".") && bytes[23] == 4)
      #expect(String(decoding: bytes[66..<72], as: UTF8.self) == "passwd")
      #expect(bytes[79] == 8)
    }
  #endif
}

import Glibc
import Skipping
import SystemPackage
import Testing
import Tracing

@testable import VirtualKernel

/// What a compiler asks and makes is kept, and comes of it again where the answers are the same.
struct UnitTests {
  private static let currentDirectory = UInt64(bitPattern: Int64(AT_FDCWD))

  private static func tree(_ lower: Node) {
    lower.file("usr/bin/gcc", "\u{7f}ELF", mode: 0o755)
    lower.file("a.c", "int a;")
    lower.file("old", "before")
    lower.link("to", to: "a.c")
    lower.directory("made by others")
  }

  /// A machine that has just started the compiler, which has made no call yet.
  private func start(_ records: MemoryRecords, variables: String = "A=1\0", _ edit: @escaping (Node) -> Void = { _ in })
    throws
    -> Machine
  {
    let machine = try Machine(
      sources: [
        Machine.Source("/") { lower in
          Self.tree(lower)
          edit(lower)
        }
      ], skipping: records)
    machine.information.procFiles["2/cmdline"] = "gcc\0-c\0a.c\0"
    machine.information.procFiles["2/environ"] = variables
    machine.information.procFiles["2/limits"] = ""
    #expect(machine.call(.execve, "/usr/bin/gcc", 0, 0) == .continued)
    machine.process.executable = machine.skeleton.root.at("usr/bin/gcc")
    return machine
  }

  private func open(_ machine: Machine, _ path: String, _ flags: Int32, write text: String? = nil) {
    guard case .descriptor(let number) = machine.call(.openat, Self.currentDirectory, path, flags, 0o644) else {
      Issue.record("\(path) cannot be opened")
      return
    }
    if let text { machine.process.files.files[number]?.node.bytes = Array(text.utf8) }
    machine.process.files.files[number] = nil
  }

  /// What the compiler does.
  private func compile(_ machine: Machine) {
    #expect(machine.call(.access, "/a.h", R_OK) == .error(.noSuchFileOrDirectory))
    open(machine, "/to", O_RDONLY)
    open(machine, "/temporary", O_CREAT | O_WRONLY, write: "not for long")
    open(machine, "/a.o", O_CREAT | O_WRONLY, write: "object")
    #expect(machine.call(.unlink, "/temporary") == .value(0))
    open(machine, "/old", O_CREAT | O_WRONLY | O_TRUNC, write: "after")
    #expect(machine.call(.mkdir, "/directory", 0o755) == .value(0))
    #expect(machine.call(.symlink, "../a.o", "/directory/link") == .value(0))
    #expect(machine.call(.link, "/a.o", "/directory/name") == .value(0))
  }

  private func unrecorded(_ machine: Machine) -> [String] {
    machine.events.records(.unrecorded).map { record in
      record.bytes.withUnsafeBufferPointer { String(decoding: UnrecordedProcess($0)?.text ?? [], as: UTF8.self) }
    }
  }

  @Test func whatItHasMadeIsPutInPlaceAndItEnds() throws {
    let records = MemoryRecords()
    let first = try start(records)
    compile(first)
    #expect(first.call(.exit_group, 3) == .continued)
    #expect(unrecorded(first) == [])
    let record = try #require(records.records.first?.record)
    #expect(record.status == 3)
    #expect(record.questions.map { String(decoding: $0.path, as: UTF8.self) }.contains("/a.h"))
    #expect(
      record.outputs.map { String(decoding: $0.path, as: UTF8.self) }
        == ["/directory", "/a.o", "/old", "/directory/link", "/directory/name"])

    let second = try start(records)
    second.call(.getuid)
    // mov $3, %edi and what follows.
    #expect(second.memory.patches.map(\.patch.bytes.first) == [0xbf])
    #expect(second.memory.patches.first?.patch.bytes[1] == 3)
    #expect(second.events.records(.skipped).count == 1)
    #expect(second.run.at("a.o")?.text == "object")
    #expect(second.run.at("old")?.text == "after")
    #expect(second.run.at("directory/name") === second.run.at("a.o"))
    #expect(second.call(.readlink, "/directory/link", second.memory.allocate(16), 16) == .value(6))
    #expect(second.run.at("temporary") == nil)
    #expect(second.call(.exit_group, 3) == .continued)
    #expect(records.records.count == 1)
  }

  /// What is other than it was, and the sentence that tells it.
  struct Difference: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var variables = "A=1\0"
    let edit: @Sendable (Node) -> Void
  }

  private static let differences = [
    Difference(testDescription: "has other contents") { $0.at("a.c")?.bytes = Array("int b;".utf8) },
    Difference(testDescription: "has another size, mode or owner") { $0.at("a.c")?.mode = 0o100600 },
    Difference(testDescription: "is there now") { $0.file("a.h", "") },
    Difference(testDescription: "leads elsewhere") {
      $0.file("b.c", "int a;")
      $0.at("to")?.target = Array("b.c".utf8)
    },
    Difference(testDescription: "is there now") { $0.file("directory", "") },
    Difference(testDescription: "has another mode or owner") { $0.at("old")?.mode = 0o100755 },
    Difference(testDescription: "is there now") { $0.file("temporary", "of others") },
    Difference(testDescription: "the variable A is another", variables: "A=2\0") { _ in },
    Difference(testDescription: "the variable B is new", variables: "A=1\0B=\0") { _ in },
    Difference(testDescription: "the variable A is gone", variables: "") { _ in },
  ]

  @Test(arguments: differences) func whatHasAnotherAnswerRuns(_ difference: Difference) throws {
    let records = MemoryRecords()
    let first = try start(records)
    compile(first)
    first.call(.exit_group, 0)
    #expect(records.records.count == 1)
    let second = try start(records, variables: difference.variables, difference.edit)
    second.call(.getuid)
    #expect(second.memory.patches.isEmpty)
    #expect(second.events.records(.skipped).isEmpty)
    let told = second.events.records(.unskipped).map { record in
      record.bytes.withUnsafeBufferPointer { UnskippedProcess($0)?.reason }
    }
    #expect(told == [difference.testDescription])
    #expect(second.run.at("a.o") == nil)
  }

  private static let obstacles: [(String, @Sendable (Machine) -> Void)] = [
    ("it calls socket", { _ = $0.call(.socket, AF_INET, 1, 0) }),
    ("it opens /dev/urandom", { _ = $0.call(.openat, Self.currentDirectory, "/dev/urandom", O_RDONLY) }),
    ("it becomes another user", { _ = $0.call(.setresuid, 5, 5, 5) }),
    ("mkdir has failed: Not a directory", { _ = $0.call(.mkdir, "/a.c/x", 0o755) }),
  ]

  @Test(arguments: obstacles.map(\.0))
  func whatCannotBeToldIsNotKept(_ reason: String) throws {
    let records = MemoryRecords()
    let machine = try start(records)
    Self.obstacles.first { $0.0 == reason }?.1(machine)
    machine.call(.exit_group, 0)
    #expect(records.records.isEmpty)
    #expect(unrecorded(machine) == [reason])
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// A large file is copied by the blocking pool, while other calls are answered.
struct CopyUpTests {
  static let large = String(repeating: "0123456789abcdef", count: 20_000)

  private func makeMachine() throws -> Machine {
    try Machine { lower in
      standardTree(lower)
      let file = lower.file("etc/large", Self.large, mode: 0o640)
      file.attributes[Array("user.note".utf8)] = Array("kept".utf8)
      lower.hardLink("usr/large", to: file)
    }
  }

  @Test func handlerIsAskedAgainWhenTheCopyIsThere() throws {
    let machine = try makeMachine()
    let before = try machine.status("/etc/large")
    let descriptor = try machine.open("/etc/large", O_RDWR)
    #expect(machine.blockedCount == 1)
    machine.write("X", to: descriptor)
    #expect(machine.run.at("etc/large")?.text == "X" + Self.large.dropFirst())
    #expect(machine.run.at("etc/large")?.attributes.count == 1)
    let after = try machine.status("/etc/large")
    #expect(after.st_mode == before.st_mode)
    #expect(after.st_ino == before.st_ino)
    #expect(try machine.text("/usr/large") == machine.text("/etc/large"))
  }

  @Test func nothingStandsAtTheNameBeforeTheCopyIsWhole() throws {
    let machine = try makeMachine()
    machine.whileBlocked = { #expect(machine.run.at("etc/large") == nil) }
    _ = try machine.open("/etc/large", O_WRONLY)
    #expect(machine.run.at("etc/large") != nil)
  }

  @Test func smallFileAndTruncationDoNotBlock() throws {
    let machine = try makeMachine()
    _ = try machine.open("/etc/passwd", O_RDWR)
    _ = try machine.open("/etc/large", O_WRONLY | O_TRUNC)
    #expect(machine.blockedCount == 0)
    #expect(!machine.world.log.filter { $0 == .copyContents }.isEmpty)
  }

  struct Call: Sendable, CustomStringConvertible {
    let description: String
    let make: @Sendable (Machine) -> Reply
  }

  static let calls = [
    Call(description: "open") { $0.call(.openat, currentDirectory, "/etc/large", O_WRONLY) },
    Call(description: "chmod") { $0.call(.fchmodat, currentDirectory, "/etc/large", 0o600) },
    Call(description: "chown") { $0.call(.fchownat, currentDirectory, "/etc/large", 5, 5, 0) },
    Call(description: "utimensat") { $0.call(.utimensat, currentDirectory, "/etc/large", 0, 0) },
    Call(description: "truncate") { $0.call(.truncate, "/etc/large", 3) },
    Call(description: "setxattr") { $0.call(.setxattr, "/etc/large", "user.a", "x", 1, 0) },
    Call(description: "link") { $0.call(.linkat, currentDirectory, "/etc/large", currentDirectory, "/etc/new", 0) },
    Call(description: "rename") { $0.call(.renameat, currentDirectory, "/etc/large", currentDirectory, "/etc/new") },
    Call(description: "exchange") {
      $0.call(.renameat2, currentDirectory, "/etc/passwd", currentDirectory, "/etc/large", 2)
    },
  ]

  private func succeeded(_ reply: Reply) -> Bool {
    if case .error = reply { return false }
    return true
  }

  @Test(arguments: calls)
  func everyCallThatChangesAFileWaitsOnce(_ call: Call) throws {
    let machine = try makeMachine()
    #expect(succeeded(call.make(machine)))
    #expect(machine.blockedCount == 1)
  }

  @Test(arguments: calls)
  func fileThatWasCopiedUpMeanwhileIsTheOne(_ call: Call) throws {
    let machine = try makeMachine()
    machine.whileBlocked = {
      machine.whileBlocked = nil
      _ = try? machine.write("early", to: "/etc/large", O_WRONLY)
    }
    #expect(succeeded(call.make(machine)))
    let name = call.description == "rename" ? "/etc/new" : call.description == "exchange" ? "/etc/passwd" : "/etc/large"
    #expect(try machine.text(name).hasPrefix(call.description == "truncate" ? "ear" : "early"))
  }

  @Test(arguments: calls)
  func fileThatWasRemovedMeanwhileIsGone(_ call: Call) throws {
    let machine = try makeMachine()
    machine.whileBlocked = { machine.call(.unlinkat, currentDirectory, "/etc/large", 0) }
    #expect(call.make(machine) == .error(.noSuchFileOrDirectory))
    #expect(machine.run.at("etc/large")?.isWhiteout == true)
    #expect(try machine.names("/etc") == ["passwd", "shadow"])
    #expect(try machine.text("/usr/large") == Self.large)
  }

  @Test(arguments: calls)
  func fileThatWasRenamedMeanwhileIsGone(_ call: Call) throws {
    let machine = try makeMachine()
    machine.whileBlocked = { machine.call(.renameat, currentDirectory, "/etc/large", currentDirectory, "/etc/moved") }
    #expect(call.make(machine) == .error(.noSuchFileOrDirectory))
    #expect(machine.run.at("etc/large")?.isWhiteout == true)
    #expect(try machine.text("/etc/moved") == Self.large)
    #expect(try machine.names("/etc") == ["moved", "passwd", "shadow"])
  }

  @Test(arguments: calls)
  func fileThatWasReplacedMeanwhileIsTheNewOne(_ call: Call) throws {
    let machine = try makeMachine()
    machine.whileBlocked = {
      _ = try? machine.write("other", to: "/etc/other")
      machine.call(.renameat, currentDirectory, "/etc/other", currentDirectory, "/etc/large")
    }
    #expect(succeeded(call.make(machine)))
    #expect(try machine.text("/usr/large") == Self.large)
  }

  @Test(arguments: calls)
  func failedCopyIsAnErrnoAndCanBeTriedAgain(_ call: Call) throws {
    let machine = try makeMachine()
    machine.world.fail(.copyContents, with: .noSpace)
    #expect(call.make(machine) == .error(.noSpace))
    #expect(machine.run.at("etc/large") == nil)
    #expect(try machine.text("/etc/large") == Self.large)
    #expect(succeeded(call.make(machine)))
  }

  @Test(arguments: [World.Operation.setModeOfFile, .setTimesOfFile, .linkFile, .statusOfFile])
  func failedPublicationIsAnErrnoAndCanBeTriedAgain(_ operation: World.Operation) throws {
    let machine = try makeMachine()
    machine.world.fail(operation, with: .ioError)
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/large", 0o600) == .error(.ioError))
    #expect(try machine.text("/etc/large") == Self.large)
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/large", 0o600) == .done)
    #expect(machine.run.at("etc/large")?.text == Self.large)
  }

  @Test func theLiveEndOfAFIFOStays() throws {
    let machine = try Machine { lower in
      lower.node("etc/fifo", FileType.fifo | 0o644)
    }
    #expect(machine.call(.openat, currentDirectory, "/etc/fifo", O_RDONLY | O_NONBLOCK) == .continued)
    let node = machine.skeleton.root.at("etc/fifo")
    #expect(node != nil)
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/fifo", 0o600) == .done)
    #expect(machine.call(.openat, currentDirectory, "/etc/fifo", O_WRONLY | O_NONBLOCK) == .continued)
    #expect(machine.skeleton.root.at("etc/fifo") === node)
  }
}

import Glibc
import SystemPackage
import Testing
import Tracing

@testable import VirtualKernel

/// A version that was put aside stays as it was read, whatever way to its file a descriptor still is.
struct ArchivedFileTests {
  enum Loss: CaseIterable, Sendable { case removed, replaced }
  enum Change: CaseIterable, Sendable { case write, writeAtStart, truncateOpen, truncateCall, times, attribute }

  private struct Times: BitwiseCopyable {
    var access = timespec(tv_sec: 100, tv_nsec: 1)
    var modification = timespec(tv_sec: 200, tv_nsec: 2)
  }

  /// A file that one process wrote and another has open for reading, after which it loses its name.
  private func machine(_ loss: Loss, text: String = "one", flags: Int32 = O_RDONLY) throws -> (Machine, Int32) {
    let machine = try Machine()
    try machine.write(text, to: "/f")
    machine.thread = machine.fork(1003)
    let descriptor = try machine.open("/f", flags)
    switch loss {
    case .removed: #expect(machine.call(.unlink, "/f") == .done)
    case .replaced:
      try machine.write("new", to: "/g")
      #expect(machine.call(.rename, "/g", "/f") == .done)
    }
    return (machine, descriptor)
  }

  private func link(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }

  private func change(_ machine: Machine, _ descriptor: Int32, _ change: Change) throws {
    switch change {
    case .write:
      let own = try machine.open(link(descriptor), O_RDWR | O_APPEND)
      machine.write(" more", to: own)
    case .writeAtStart:
      let own = try machine.open(link(descriptor), O_WRONLY)
      machine.write("TWO", to: own)
    case .truncateOpen: _ = try machine.open(link(descriptor), O_WRONLY | O_TRUNC)
    case .truncateCall: #expect(machine.call(.truncate, link(descriptor), 1) == .done)
    case .times: #expect(machine.call(.utimensat, descriptor, 0, machine.memory.place(value: Times()), 0) == .done)
    case .attribute: #expect(machine.call(.fsetxattr, descriptor, "user.a", "x", 1, 0) == .done)
    }
  }

  @Test(arguments: Loss.allCases, Change.allCases)
  func isNotChangedThroughADescriptor(_ loss: Loss, _ how: Change) throws {
    let (machine, descriptor) = try machine(loss)
    let before = try #require(machine.trace.at("archive")?.entries.first?.node)
    let state = (before.text, before.attributes.count, before.status.st_mtim.tv_sec)
    try change(machine, descriptor, how)
    let after = try #require(machine.trace.at("archive")?.entries.first?.node)
    #expect(machine.trace.at("archive")?.entries.count == 1)
    #expect((after.text, after.attributes.count, after.status.st_mtim.tv_sec) == state)
    // Who asked for it sees it.
    let expected: [Change: String] = [.write: "one more", .writeAtStart: "TWO", .truncateOpen: "", .truncateCall: "o"]
    #expect(machine.text(of: descriptor) == expected[how] ?? "one")
    _ = try machine.kernel.finish()
    #expect(machine.trace.at("files/f")?.text == "one")
  }

  @Test func largeOneIsCopiedOffTheLock() throws {
    let text = String(repeating: "x", count: Int(inlineCopyLimit) + 1)
    let (machine, descriptor) = try machine(.removed, text: text)
    _ = try machine.open(link(descriptor), O_WRONLY | O_TRUNC)
    #expect(machine.blockedCount == 1)
    _ = try machine.kernel.finish()
    #expect(machine.trace.at("files/f")?.text == text)
  }

  @Test(arguments: Loss.allCases)
  func isNotChangedThroughADescriptorThatWasOpenForWriting(_ loss: Loss) throws {
    let machine = try Machine()
    let writer = try machine.open("/f", O_RDWR | O_CREAT)
    machine.write("one", to: writer)
    machine.thread = machine.fork(1003)
    #expect(try machine.text("/f") == "one")
    switch loss {
    case .removed: #expect(machine.call(.unlink, "/f") == .done)
    case .replaced:
      try machine.write("new", to: "/g")
      #expect(machine.call(.rename, "/g", "/f") == .done)
    }
    machine.write(" changed", to: writer)
    _ = try machine.kernel.finish()
    #expect(machine.trace.at("files/f")?.text == "one")
  }

  @Test func fileWithAnotherNameGetsAnotherVersion() throws {
    let machine = try Machine()
    try machine.write("one", to: "/f")
    #expect(machine.call(.link, "/f", "/g") == .done)
    machine.thread = machine.fork(1003)
    let descriptor = try machine.open("/f")
    #expect(machine.call(.unlink, "/f") == .done)
    let own = try machine.open(link(descriptor), O_WRONLY)
    machine.write("TWO", to: own)
    #expect(try machine.text("/g") == "TWO")
    #expect(machine.events.entries.filter { $0.kind == .write }.last?.path == "/g")
    _ = try machine.kernel.finish()
    #expect(machine.trace.at("files/g")?.text == "one")
  }

  @Test func whatIsWrittenIsAnotherVersion() throws {
    let (machine, descriptor) = try machine(.removed)
    let read = machine.events.entries.last { $0.kind == .read }?.version
    _ = try machine.open(link(descriptor), O_WRONLY)
    let written = machine.events.entries.last { $0.kind == .write }?.version
    #expect(read != nil && written != nil && read != written)
  }

  @Test func permissionsHoldForADescriptorsLink() throws {
    let machine = try Machine(uid: 1000)
    try machine.write("one", to: "/f")
    let descriptor = try machine.open("/f")
    #expect(machine.call(.chmod, "/f", 0o444) == .done)
    #expect(machine.call(.unlink, "/f") == .done)
    #expect(machine.error { _ = try machine.open(link(descriptor), O_RDWR) } == .permissionDenied)
  }

  @Test func linkedAgainItIsNot() throws {
    let (machine, descriptor) = try machine(.removed)
    let reply = machine.call(
      .linkat, currentDirectory, link(descriptor), currentDirectory, "/again", AT_SYMLINK_FOLLOW)
    #expect(reply == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.linkat, descriptor, "", currentDirectory, "/again", AT_EMPTY_PATH_) == reply)
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct InotifyTests {
  private let modify = 0x2

  private func inotify(_ machine: Machine) -> Int32 {
    machine.inherit("", mode: 0o600, name: "anon_inode:inotify", flags: O_RDONLY)
  }

  @Test func watchesTheRunsOwnFileBehindAPath() throws {
    let machine = try Machine()
    try machine.write("x", to: "/etc/new")
    #expect(machine.call(.inotify_add_watch, inotify(machine), "/etc/new", modify) == .value(1))
    #expect(machine.host.watches[0].node === machine.run.at("etc/new"))
  }

  /// Others may write to a lower file, which is not the guest's to know; its copy is watched before there is one.
  @Test func lowerFileHasAStandInThatBecomesItsCopy() throws {
    let machine = try Machine()
    #expect(machine.call(.inotify_add_watch, inotify(machine), "/etc/passwd", modify) == .value(1))
    let node = machine.host.watches[0].node
    #expect(node.links == 0 && node.text == "")
    #expect(machine.run.at("etc/passwd") == nil)
    #expect(machine.call(.chmod, "/etc/passwd", 0o600) == .value(0))
    #expect(machine.run.at("etc/passwd") === node)
    #expect(node.text == "root:x:0:0\n")
    #expect(machine.host.watches[0].mask & 0xfff == UInt32(modify))
  }

  @Test func whoWatchesWhatItReadsReadsTheCopy() throws {
    let machine = try Machine()
    guard case .descriptor(let number) = machine.call(.openat, currentDirectory, "/etc/passwd", O_RDONLY) else {
      return #expect(Bool(false))
    }
    #expect(machine.call(.inotify_add_watch, inotify(machine), "/etc/passwd", modify) == .value(1))
    let copy = try #require(machine.run.at("etc/passwd"))
    #expect(machine.process.files.files[number]?.node === copy)
    #expect(machine.host.watches[0].node === copy)
  }

  @Test func whatTheGuestCausesIsToldAndNothingElse() throws {
    let machine = try Machine()
    let descriptor = inotify(machine)
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", 0x304) == .value(1))
    func masks(_ body: () throws -> Void) rethrows -> [UInt32] {
      machine.host.watchMasks = []
      try body()
      return machine.host.watchMasks.map { $0 & 0xfff }
    }
    try #expect(masks { try machine.write("x", to: "/etc/new") } == [0x100, 0])
    // A copy is made, and then the guest's change of the mode is told.
    #expect(masks { _ = machine.call(.chmod, "/etc/passwd", 0o600) } == [0, 0, 4, 0])
    #expect(masks { _ = machine.call(.unlink, "/etc/new") } == [0x200, 0])
    #expect(machine.call(.inotify_rm_watch, descriptor, 1) == .value(0))
    #expect(masks { _ = machine.call(.unlink, "/etc/passwd") }.isEmpty)
    #expect(machine.call(.inotify_rm_watch, descriptor, 7) == .error(.invalidArgument))
    #expect(machine.call(.inotify_rm_watch, 99, 1) == .error(.badFileDescriptor))
  }

  @Test func masksOfOneWatch() throws {
    let machine = try Machine()
    let descriptor = inotify(machine)
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", modify) == .value(1))
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", 8 | 0x2000_0000) == .value(1))
    #expect(machine.host.watches[0].mask & 0xfff == 10)
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", 8 | 0x1000_0000) == .error(.fileExists))
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", 8 | 0x3000_0000) == .error(.invalidArgument))
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", 0x100_0000) == .value(1))
    #expect(machine.host.watches[0].mask & 0xfff == 0)
  }

  @Test("a link that no layer has is nothing that could be watched", arguments: ["/dev/fd", "/made"])
  func linkOfNoLayer(_ path: String) throws {
    let machine = try Machine(sources: [], links: [("/made", "/etc")])
    let dontFollow = 0x0200_0000
    let reply = machine.call(.inotify_add_watch, inotify(machine), path, modify | dontFollow)
    guard case .error = reply else {
      Issue.record("\(reply)")
      return
    }
    #expect(machine.host.watches.isEmpty)
    // Nor has it attributes that could be read.
    #expect(machine.call(.lgetxattr, path, "user.note", 0, 0) == .error(.noData))
  }

  @Test func watchesTheRunsOwnDirectoryWhereChangesGo() throws {
    let machine = try Machine()
    #expect(machine.call(.inotify_add_watch, inotify(machine), "/etc", 0x100) == .value(1))
    #expect(machine.host.watches[0].node === machine.run.at("etc"))
    // Names are told of while the guest makes them.
    #expect(machine.host.watches[0].mask & 0xfff == 0)
  }

  @Test func errors() throws {
    let machine = try Machine(uid: 1000)
    let descriptor = inotify(machine)
    #expect(machine.call(.inotify_add_watch, descriptor, "/missing", modify) == .error(.noSuchFileOrDirectory))
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc/shadow", modify) == .error(.permissionDenied))
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc", 0) == .error(.invalidArgument))
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc/passwd", modify | 0x100_0000) == .error(.notDirectory))
    #expect(machine.call(.inotify_add_watch, descriptor, "/loop", modify) == .error(.tooManySymbolicLinkLevels))
    #expect(machine.call(.inotify_add_watch, descriptor, "/loop", modify | 0x200_0000) == .value(1))
    #expect(machine.call(.inotify_add_watch, 99, "/etc", modify) == .error(.badFileDescriptor))
    #expect(machine.call(.inotify_add_watch, machine.inherit("x"), "/etc", modify) == .error(.invalidArgument))
    #expect(machine.call(.inotify_add_watch, descriptor, 8, modify) == .error(.badAddress))
  }
}

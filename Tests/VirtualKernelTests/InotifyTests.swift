import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct InotifyTests {
  private let modify = 0x2

  private func inotify(_ machine: Machine) -> Int32 {
    machine.inherit("", mode: 0o600, name: "anon_inode:inotify", flags: O_RDONLY)
  }

  @Test func watchesTheFileBehindAPath() throws {
    let machine = try Machine()
    let descriptor = inotify(machine)
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc/passwd", modify) == .value(1))
    #expect(machine.host.watches[0].node.text == "root:x:0:0\n")
    try machine.write("x", to: "/etc/new")
    #expect(machine.call(.inotify_add_watch, descriptor, "/etc/new", modify) == .value(2))
    #expect(machine.host.watches[1].node === machine.run.at("etc/new"))
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
    #expect(machine.host.watches[0].mask == 0x100)
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

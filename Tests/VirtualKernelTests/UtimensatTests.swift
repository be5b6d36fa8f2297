import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct UtimensatTests {
  private struct Times: BitwiseCopyable {
    var access: timespec
    var modification: timespec
    init(_ access: Int, _ modification: Int) {
      self.access = timespec(tv_sec: access, tv_nsec: 1)
      self.modification = timespec(tv_sec: modification, tv_nsec: 2)
    }
  }

  private func set(_ machine: Machine, _ path: String, _ times: Times, _ flags: Int32 = 0) -> Reply {
    machine.call(.utimensat, currentDirectory, path, machine.memory.place(value: times), flags)
  }

  @Test(arguments: ["/etc/passwd", "/etc", "/usr/lib/deep"])
  func setsTimesOfALowerFileAbove(_ path: String) throws {
    let machine = try Machine()
    #expect(set(machine, path, Times(100, 200)) == .done)
    let status = try machine.status(path)
    #expect(status.st_atim.tv_sec == 100 && status.st_atim.tv_nsec == 1)
    #expect(status.st_mtim.tv_sec == 200 && status.st_mtim.tv_nsec == 2)
    #expect(machine.run.at(path)?.modified.tv_sec == 200)
  }

  @Test func nowAndOmit() throws {
    let machine = try Machine()
    #expect(machine.call(.utimensat, currentDirectory, "/etc/passwd", 0, 0) == .done)
    #expect(try machine.status("/etc/passwd").st_mtim.tv_sec >= 1_700_000_000)
    var times = Times(100, 200)
    times.access.tv_nsec = UTIME_OMIT_
    #expect(set(machine, "/etc/passwd", times) == .done)
    #expect(try machine.status("/etc/passwd").st_atim.tv_sec >= 1_700_000_000)
    #expect(try machine.status("/etc/passwd").st_mtim.tv_sec == 200)
    times.modification.tv_nsec = UTIME_OMIT_
    #expect(set(machine, "/missing", times) == .done)
    times.modification.tv_nsec = 1_000_000_000
    #expect(set(machine, "/etc/passwd", times) == .error(.invalidArgument))
  }

  @Test func linkItself() throws {
    let machine = try Machine()
    #expect(set(machine, "/absolute", Times(100, 200), AT_SYMLINK_NOFOLLOW) == .done)
    #expect(try machine.linkStatus("/absolute").st_mtim.tv_sec == 200)
    #expect(try machine.status("/etc/passwd").st_mtim.tv_sec == 1_000_000_000)
    #expect(try machine.target("/absolute") == "/etc/passwd")
  }

  @Test func throughADescriptor() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc/passwd")
    let times = machine.memory.place(value: Times(100, 200))
    #expect(machine.call(.utimensat, descriptor, 0, times, 0) == .done)
    #expect(try machine.status(of: descriptor).st_mtim.tv_sec == 200)
    #expect(try machine.status("/etc/passwd").st_mtim.tv_sec == 200)
    #expect(machine.call(.utimensat, descriptor, 0, times, AT_SYMLINK_NOFOLLOW) == .error(.invalidArgument))
    #expect(machine.call(.utimensat, currentDirectory, 0, times, 0) == .error(.badAddress))
    #expect(machine.call(.utimensat, 99, 0, times, 0) == .error(.badFileDescriptor))
    #expect(machine.call(.utimensat, machine.inherit("host"), 0, times, 0) == .error(.notPermitted))
    #expect(machine.call(.utimensat, try machine.open("/etc", O_PATH_), 0, times, 0) == .error(.badFileDescriptor))
  }

  @Test func ordinaryUser() throws {
    let machine = try Machine(uid: 1000) { lower in
      standardTree(lower)
      lower.file("work/shared", "", mode: 0o666)
    }
    #expect(set(machine, "/work/mine", Times(1, 2)) == .done)
    #expect(set(machine, "/work/shared", Times(1, 2)) == .error(.notPermitted))
    #expect(machine.call(.utimensat, currentDirectory, "/work/shared", 0, 0) == .done)
    #expect(machine.call(.utimensat, currentDirectory, "/etc/passwd", 0, 0) == .error(.permissionDenied))
  }

  @Test func errors() throws {
    let machine = try Machine()
    #expect(set(machine, "/missing", Times(1, 2)) == .error(.noSuchFileOrDirectory))
    #expect(set(machine, "", Times(1, 2)) == .error(.noSuchFileOrDirectory))
    #expect(set(machine, "/etc", Times(1, 2), 1) == .error(.invalidArgument))
    #expect(machine.call(.utimensat, currentDirectory, "/etc", 8, 0) == .error(.badAddress))
    #expect(set(machine, "/dev/null", Times(1, 2)) == .done)
    #expect(set(machine, "/proc/version", Times(1, 2)) == .error(.notPermitted))
    #expect(machine.run.entries.isEmpty)
  }

  #if arch(x86_64)
    @Test func olderForms() throws {
      let machine = try Machine()
      #expect(machine.call(.utime, "/etc/passwd", machine.memory.place(value: (Int(5), Int(6)))) == .done)
      #expect(try machine.status("/etc/passwd").st_mtim.tv_sec == 6)
      let pair = (timeval(tv_sec: 7, tv_usec: 3), timeval(tv_sec: 8, tv_usec: 4))
      #expect(machine.call(.utimes, "/etc/passwd", machine.memory.place(value: pair)) == .done)
      #expect(try machine.status("/etc/passwd").st_mtim.tv_nsec == 4000)
      let bad = (timeval(tv_sec: 7, tv_usec: 3), timeval(tv_sec: 8, tv_usec: 1_000_000))
      #expect(machine.call(.utimes, "/etc/passwd", machine.memory.place(value: bad)) == .error(.invalidArgument))
      #expect(machine.call(.futimesat, currentDirectory, "/etc/passwd", 0) == .done)
      #expect(try machine.status("/etc/passwd").st_mtim.tv_sec >= 1_700_000_000)
    }
  #endif
}

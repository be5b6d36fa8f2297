import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// A file whose name is gone, or that never had one, is still what its descriptors say.
struct NamelessFileTests {
  private struct Times: BitwiseCopyable {
    var access = timespec(tv_sec: 100, tv_nsec: 1)
    var modification = timespec(tv_sec: 200, tv_nsec: 2)
  }

  private func setTimes(_ machine: Machine, _ descriptor: Int32) -> Reply {
    machine.call(.utimensat, descriptor, 0, machine.memory.place(value: Times()), 0)
  }

  private func remove(_ machine: Machine, _ path: String) -> Reply {
    machine.call(.unlinkat, currentDirectory, path, 0)
  }

  @Test func changesReachTheRemovedFileAndNotWhatHasItsNameNow() throws {
    let machine = try Machine()
    let old = try machine.open("/etc/new", O_RDWR | O_CREAT)
    #expect(remove(machine, "/etc/new") == .done)
    try machine.write("other", to: "/etc/new")
    let before = try machine.status("/etc/new")
    #expect(setTimes(machine, old) == .done)
    #expect(machine.call(.fsetxattr, old, "user.a", "x", 1, 0) == .done)
    #expect(machine.call(.fchmod, old, 0o600) == .done)
    #expect(try machine.status(of: old).st_mtim.tv_sec == 200)
    #expect(try machine.status(of: old).st_mode & 0o777 == 0o600)
    #expect(machine.call(.fgetxattr, old, "user.a", 0, 0) == .value(1))
    let after = try machine.status("/etc/new")
    #expect(after.st_mtim.tv_sec == before.st_mtim.tv_sec)
    #expect(after.st_mode == before.st_mode)
    #expect(machine.run.at("etc/new")?.attributes.isEmpty == true)
  }

  @Test func anotherFileBehindTheNumberIsNotChanged() throws {
    let machine = try Machine()
    let own = try machine.open("/etc/new", O_RDWR | O_CREAT)
    #expect(remove(machine, "/etc/new") == .done)
    let given = machine.inherit("host")
    let ownFile = machine.process.files.files[own]
    let first = machine.descriptors.duplicates
    // The first duplicate is the look at how it was opened.
    machine.descriptors.beforeDuplicate = { count in
      if (count - first) % 2 == 1 { machine.process.files.files[own] = machine.process.files.files[given] }
    }
    let before = try machine.status(of: given)
    for attempt in [
      { setTimes(machine, own) }, { machine.call(.fsetxattr, own, "user.a", "x", 1, 0) },
      { machine.call(.fremovexattr, own, "user.a") },
    ] {
      _ = attempt()
      machine.process.files.files[own] = ownFile
    }
    machine.descriptors.beforeDuplicate = nil
    let after = try machine.status(of: given)
    #expect(after.st_mtim.tv_sec == before.st_mtim.tv_sec)
    #expect(machine.process.files.files[given]?.node.attributes.isEmpty == true)
  }

  @Test func descriptorToALowerFileDoesNotChangeIt() throws {
    let machine = try Machine()
    let old = try machine.open("/etc/passwd")
    #expect(machine.call(.fchmodat, currentDirectory, "/etc/passwd", 0o600) == .done)
    #expect(remove(machine, "/etc/passwd") == .done)
    #expect(setTimes(machine, old) == .done)
    #expect(try machine.status(of: old).st_mtim.tv_sec == 200)
    #expect(try machine.status(of: old).st_mode & 0o777 == 0o600)
    #expect(machine.text(of: old) == "root:x:0:0\n")
  }

  @Test func lowerFileThatLostItsNameIsNotCopiedUp() throws {
    let machine = try Machine()
    let old = try machine.open("/etc/passwd")
    #expect(remove(machine, "/etc/passwd") == .done)
    #expect(machine.call(.fchmod, old, 0o600) == .done)
    #expect(setTimes(machine, old) == .done)
    #expect(try machine.status(of: old).st_mode & 0o777 == 0o600)
    #expect(!machine.exists("/etc/passwd"))
    #expect(machine.run.at("etc/passwd")?.isWhiteout == true)
  }

  @Test func timesOutliveTheNameOfACopy() throws {
    let machine = try Machine()
    let old = try machine.open("/etc/passwd")
    #expect(
      machine.call(.utimensat, currentDirectory, "/etc/passwd", machine.memory.place(value: Times()), 0) == .done)
    #expect(try machine.status(of: old).st_mtim.tv_sec == 200)
    #expect(remove(machine, "/etc/passwd") == .done)
    #expect(try machine.status(of: old).st_mtim.tv_sec == 200)
  }

  @Test func unnamedFileIsNotTakenForARemovedOneWhoseNumberItHas() throws {
    let machine = try Machine()
    #expect(machine.call(.symlinkat, "target", currentDirectory, "/etc/link") == .done)
    #expect(remove(machine, "/etc/link") == .done)
    for _ in 0..<3 {
      let descriptor = try machine.open("/etc", O_TMPFILE_ | O_RDWR, 0o640)
      let status = try machine.status(of: descriptor)
      #expect(status.st_mode == FileType.regular | 0o640)
      #expect(status.st_nlink == 0)
      machine.close(descriptor)
    }
  }

  @Test func modeOfAnUnnamedFileIsInTheLayerWhenItGetsAName() throws {
    let machine = try Machine()
    let descriptor = try machine.open("/etc", O_TMPFILE_ | O_RDWR, 0o640)
    #expect(machine.call(.fchmod, descriptor, 0o4755) == .done)
    #expect(machine.call(.linkat, descriptor, "", currentDirectory, "/etc/named", AT_EMPTY_PATH_) == .done)
    let status = try machine.status("/etc/named")
    #expect(status.st_mode & 0o7777 == 0o4755)
    #expect(status.st_nlink == 1)
    #expect(try machine.status(of: descriptor).st_ino == status.st_ino)
    #expect(machine.run.at("etc/named")?.mode == FileType.regular | 0o755)
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// What of the host's /sys the guest sees; Fixtures/system_tree.c compares with Linux.
struct SystemTreeTests {
  private func machine(uid: UInt32 = 0) throws -> Machine {
    var source = Machine.Source("/sys") { sys in
      sys.file("devices/system/cpu/online", "0-1\n")
      sys.file("devices/system/cpu/cpu12/topology/core_id", "6\n")
      sys.file("devices/system/cpu/cpux/topology/core_id", "6\n")
      sys.file("devices/system/cpu/microcode/reload", "")
      sys.file("devices/pci0000:00/secret", "")
      sys.file("block/sda/size", "1\n")
      sys.file("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n")
      sys.link("bus/cpu/devices/cpu12", to: "../../../devices/system/cpu/cpu12")
    }
    source.isSystem = true
    return try Machine(uid: uid, sources: [source])
  }

  @Test func whatIsInTheTableIsThere() throws {
    let machine = try machine()
    #expect(try machine.text("/sys/devices/system/cpu/online") == "0-1\n")
    #expect(try machine.text("/sys/bus/cpu/devices/cpu12/topology/core_id") == "6\n")
    #expect(try machine.text("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages") == "0\n")
    #expect(try machine.names("/sys/devices/system/cpu") == ["cpu12", "online"])
    #expect(try machine.names("/sys/block") == [])
    #expect(try machine.names("/sys") == ["block", "bus", "devices", "kernel"])
  }

  @Test(arguments: ["devices/system/cpu/cpux", "devices/system/cpu/microcode", "devices/pci0000:00", "block/sda"])
  func whatIsNotIsNot(_ path: String) throws {
    #expect(try !machine().exists("/sys/\(path)"))
  }

  @Test func nothingCanBeChanged() throws {
    let machine = try machine()
    let online = "/sys/devices/system/cpu/online"
    let readOnly = Reply.error(.readOnlyFileSystem)
    #expect(machine.call(.openat, currentDirectory, online, O_WRONLY) == readOnly)
    #expect(machine.call(.unlinkat, currentDirectory, online, 0) == readOnly)
    #expect(machine.call(.fchmodat, currentDirectory, online, 0o600) == readOnly)
    #expect(machine.call(.mkdirat, currentDirectory, "/sys/new", 0o755) == readOnly)
    #expect(machine.call(.unlinkat, currentDirectory, "/sys", AT_REMOVEDIR) == .error(.resourceBusy))
    #expect(machine.run.entries.isEmpty)
  }
}

import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

struct CopyFileRangeTests {
  /// A machine whose lower files are opened apart, with one of them open, and an own file.
  private func machine() throws -> (Machine, lower: Int32, own: Int32) {
    let machine = try Machine()
    machine.host.opensApart = true
    return (machine, try machine.open("/etc/passwd"), try machine.open("/work/copy", O_RDWR | O_CREAT))
  }

  private func place(_ offset: Int, in machine: Machine) -> UInt64 {
    withUnsafeBytes(of: offset) { machine.memory.place(Array($0)) }
  }

  @Test func fromPositionToPosition() throws {
    let (machine, lower, own) = try machine()
    let text = machine.text(of: lower)
    machine.process.files.files[lower]!.position = 2
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 0) == .value(3))
    #expect(machine.text(of: own) == text.dropFirst(2).prefix(3))
    #expect(machine.process.files.files[lower]!.position == 5)
    #expect(machine.process.files.files[own]!.position == 3)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 1 << 40, 0) == .value(Int64(text.utf8.count - 5)))
    #expect(machine.text(of: own) == text.dropFirst(2))
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 8, 0) == .value(0))
  }

  @Test func fromOffsetToOffset() throws {
    let (machine, lower, own) = try machine()
    let (from, to) = (place(1, in: machine), place(4, in: machine))
    #expect(machine.call(.copy_file_range, lower, from, own, to, 3, 0) == .value(3))
    #expect(machine.text(of: own) == "\0\0\0\0" + machine.text(of: lower).dropFirst().prefix(3))
    #expect(machine.memory.load(Int.self, at: from) == 4)
    #expect(machine.memory.load(Int.self, at: to) == 7)
    #expect(machine.process.files.files[lower]!.position == 0)
    #expect(machine.process.files.files[own]!.position == 0)
  }

  @Test func whatTheKernelCanDoOrRefuseItDoes() throws {
    let (machine, lower, own) = try machine()
    let other = try machine.open("/work/other", O_RDWR | O_CREAT)
    let appending = try machine.open("/work/other", O_WRONLY | O_APPEND)
    #expect(machine.call(.copy_file_range, own, 0, other, 0, 3, 0) == .continued)
    #expect(machine.call(.copy_file_range, lower, 0, appending, 0, 3, 0) == .continued)
    #expect(machine.call(.copy_file_range, lower, 0, lower, 0, 3, 0) == .continued)
    #expect(machine.call(.copy_file_range, lower, 0, 99, 0, 3, 0) == .continued)
    #expect(machine.call(.copy_file_range, 99, 0, own, 0, 3, 0) == .continued)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 1) == .continued)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 0, 0) == .continued)
    #expect(machine.text(of: own) == "" && machine.text(of: other) == "")
  }

  @Test func badOffsetsAreErrnos() throws {
    let (machine, lower, own) = try machine()
    #expect(machine.call(.copy_file_range, lower, 8, own, 0, 3, 0) == .error(.badAddress))
    #expect(machine.call(.copy_file_range, lower, place(-1, in: machine), own, 0, 3, 0) == .error(.invalidArgument))
    #expect(
      machine.call(.copy_file_range, lower, 0, own, place(.max, in: machine), 3, 0)
        == .error(.init(rawValue: EOVERFLOW)))
    #expect(machine.text(of: own) == "")
  }

  @Test func fileSizeLimitIsLeftToTheKernel() throws {
    let (machine, lower, own) = try machine()
    machine.information.limits[Int32(RLIMIT_FSIZE.rawValue)] = ResourceLimit(soft: 2, hard: 2)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 0) == .continued)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 2, 0) == .value(2))
  }

  @Test func failedCopyIsAnErrno() throws {
    let (machine, lower, own) = try machine()
    // Two looks at the files, the read, the write.
    machine.world.failingCall = (3, .noSpace)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 0) == .error(.noSpace))
    #expect(machine.process.files.files[lower]!.position == 0)
  }
}

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
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 0, 0) == .value(0))
    #expect(machine.text(of: own) == "" && machine.text(of: other) == "")
  }

  @Test func badOffsetsAreErrnos() throws {
    let (machine, lower, own) = try machine()
    #expect(machine.call(.copy_file_range, lower, 8, own, 0, 3, 0) == .error(.badAddress))
    #expect(machine.text(of: own) == "")
  }

  @Test("places and lengths at the edge of what numbers hold: the kernel is the oracle")
  func edges() throws {
    let (machine, lower, own) = try machine()
    let size = machine.text(of: lower).utf8.count
    let oracle = LinuxOracle()
    let (from, to) = (oracle.root + "/from", oracle.root + "/to")
    let source = Glibc.open(from, O_RDWR | O_CREAT, 0o644)
    let target = Glibc.open(to, O_RDWR | O_CREAT, 0o644)
    defer {
      Glibc.close(source)
      Glibc.close(target)
    }
    #expect(ftruncate(source, size) == 0)
    typealias Copy =
      @convention(c) (
        Int32, UnsafeMutablePointer<off_t>, Int32, UnsafeMutablePointer<off_t>, Int, UInt32
      ) -> Int
    let nativeCopy = unsafeBitCast(try #require(dlsym(nil, "copy_file_range")), to: Copy.self)
    let places = [0, 3, -1, -5, .max, .max - 1, .min, .min + 3, size, 1 << 44]
    let lengths: [UInt64] = [1, 4, 6, 1 << 31, 1 << 32, 1 << 62, 1 << 63 - 1, 1 << 63, .max - 5, .max - 4, .max]
    for start in places {
      // Where a file system's own limit is, is not asked.
      for end in places where end < 1 << 20 || end == .max {
        for length in lengths {
          var (first, second) = (start, end)
          let result = nativeCopy(source, &first, target, &second, Int(bitPattern: UInt(length)), 0)
          let native: Reply =
            result < 0 ? .error(Errno(rawValue: errno)) : .value(Int64(result))
          let answer = machine.call(
            .copy_file_range, UInt64(lower), place(start, in: machine), UInt64(own), place(end, in: machine), length, 0)
          #expect(answer == native, "from \(start) to \(end), \(length) bytes")
        }
      }
    }
  }

  @Test func fileSizeLimitCutsTheLength() throws {
    let (machine, lower, own) = try machine()
    machine.information.limits[Int32(RLIMIT_FSIZE.rawValue)] = ResourceLimit(soft: 2, hard: 2)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 0) == .value(2))
    #expect(machine.information.signals.isEmpty)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 0) == .error(.fileTooLarge))
    #expect(machine.information.signals.map(\.signal) == [SIGXFSZ])
  }

  @Test func failedCopyIsAnErrno() throws {
    let (machine, lower, own) = try machine()
    // Two looks at the files, the read, the write.
    machine.world.failingCall = (3, .noSpace)
    #expect(machine.call(.copy_file_range, lower, 0, own, 0, 3, 0) == .error(.noSpace))
    #expect(machine.process.files.files[lower]!.position == 0)
  }
}

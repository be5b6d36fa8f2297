import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Testing

@testable import VirtualKernel

#if arch(x86_64)
  /// Code that asks the processor is written over where it is mapped.
  struct InstructionAnswerTests {
    /// rdtsc; shl $32, %rdx; or %rdx, %rax; ret; and the same for rdrand.
    private static let time: [UInt8] = [0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3]
    private static let random: [UInt8] = [0x0f, 0xc7, 0xf0, 0x89, 0xc2, 0x90, 0xc3]

    /// One segment of code at 0x1000 of the file.
    private static func program(_ code: [UInt8], fileSize: UInt64? = nil, offset: UInt64 = 0x1000) -> [UInt8] {
      var bytes = Elf.bytes(interpreter: nil)
      func put(_ value: UInt64, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + 8, with: $0) }
      }
      bytes.replaceSubrange(68..<72, with: [5, 0, 0, 0])
      put(offset, at: 72)
      put(0x1000, at: 80)
      put(fileSize ?? UInt64(code.count), at: 96)
      put(fileSize ?? UInt64(code.count), at: 104)
      bytes += [UInt8](repeating: 0x90, count: 0x1000 - bytes.count)
      return bytes + code
    }

    private func makeMachine(isTimed: Bool = true, isSeeded: Bool = false) throws -> Machine {
      try Machine(
        seed: isSeeded ? RunSeed(1) : nil, clock: isTimed ? ClockRule(epoch: 1_600_000_000_000_000_000) : nil,
        answersInstructions: true)
    }

    private func open(_ contents: [UInt8], in machine: Machine) -> UInt64 {
      let node = Node(Volume(device: 96, isReadOnly: false), mode: FileType.regular | 0o755)
      node.bytes = contents
      return UInt64(machine.process.files.insert(OpenFile(node, flags: O_RDONLY)))
    }

    private static let fixed = UInt64(MAP_PRIVATE | MAP_FIXED)

    @discardableResult
    private func map(
      _ contents: [UInt8], seen: [UInt8], _ machine: Machine, length: UInt64 = 0x1000, flags: UInt64 = fixed
    ) -> UInt64 {
      let descriptor = open(contents, in: machine)
      let address = machine.memory.place(seen + [UInt8](repeating: 0, count: 64))
      #expect(
        machine.call(.mmap, address, length, UInt64(PROT_READ | PROT_EXEC), flags, descriptor, 0x1000) == .continued)
      #expect(machine.memory.patches.isEmpty)
      _ = machine.call(.access, "/", 0)
      return address
    }

    struct Case {
      let code: [UInt8]
      let isTimed: Bool
      let isSeeded: Bool
      let isAnswered: Bool
    }

    @Test(
      "What the run answers is asked there",
      arguments: [
        Case(code: time, isTimed: true, isSeeded: false, isAnswered: true),
        Case(code: time, isTimed: false, isSeeded: true, isAnswered: false),
        Case(code: random, isTimed: true, isSeeded: false, isAnswered: false),
        Case(code: random, isTimed: false, isSeeded: true, isAnswered: true),
        Case(code: [0x90, 0xc3], isTimed: true, isSeeded: true, isAnswered: false),
      ])
    func mapped(_ sample: Case) throws {
      let machine = try makeMachine(isTimed: sample.isTimed, isSeeded: sample.isSeeded)
      let address = map(Self.program(sample.code), seen: sample.code, machine)
      let patches = machine.memory.patches
      #expect(patches.isEmpty != sample.isAnswered)
      #expect(patches.allSatisfy { $0.address == address })
      // The jump comes last, when what it leads to is there.
      if let jump = patches.last { #expect(jump.patch.offset == 0 && jump.patch.bytes.first == 0xe9) }
      machine.memory.forgetPatches()
      _ = machine.call(.access, "/", 0)
      #expect(machine.memory.patches.isEmpty)
    }

    @Test func whatIsNotWhatTheFileSaysIsLeftAsItIs() throws {
      for (seen, length, flags) in [
        ([0x90], 0x1000, Self.fixed), (Self.time, 4, Self.fixed), (Self.time, 0x1000, UInt64(MAP_SHARED | MAP_FIXED)),
        (Self.time, 0x1000, UInt64(MAP_PRIVATE)),
      ] as [([UInt8], UInt64, UInt64)] {
        let machine = try makeMachine()
        map(Self.program(Self.time), seen: seen, machine, length: length, flags: flags)
        #expect(machine.memory.patches.isEmpty)
      }
    }

    @Test(
      "Lies of a file do no harm", arguments: [0, 1, 8, 1 << 20, 1 << 29, 1 << 40, .max] as [UInt64],
      [0, 1 << 40, .max] as [UInt64])
    func lies(_ size: UInt64, _ offset: UInt64) throws {
      let machine = try makeMachine()
      map(Self.program(Self.time, fileSize: size, offset: offset), seen: Self.time, machine, length: .max)
      var bytes = Self.program(Self.time)
      bytes.replaceSubrange(54..<58, with: [56, 0, 0xff, 0xff])
      map(bytes, seen: [], machine)
      map(Array(bytes.prefix(70)), seen: [], machine)
      map([], seen: [], machine)
    }

    @Test func aProgramIsWrittenOverWhenItBegins() throws {
      let machine = try makeMachine()
      let contents = Self.program(Self.time)
      let address = machine.memory.place(contents)
      let node = Node(Volume(device: 96, isReadOnly: false), mode: FileType.regular | 0o755)
      node.bytes = contents
      // The segment holds its own headers.
      var whole = contents
      for (place, value) in [(72, 0), (80, 0x40_0000), (96, contents.count), (104, contents.count)] {
        withUnsafeBytes(of: UInt64(value).littleEndian) { whole.replaceSubrange(place..<place + 8, with: $0) }
      }
      node.bytes = whole
      machine.information.executable = node
      machine.information.programHeaders = address + 64
      #expect(machine.call(.execve, "/bin/tool", 0, 0) == .continued)
      _ = machine.call(.access, "/", 0)
      let code = machine.memory.patches.filter { $0.address == address }
      #expect(code.last?.patch.offset == 0x1000)
    }

    @Test func aPlainRunDoesNotAsk() throws {
      #expect(try Machine(clock: ClockRule(epoch: 0)).kernel.answeredFiles == nil)
      #expect(try Machine(answersInstructions: true).kernel.answeredFiles == nil)
    }
  }
#endif

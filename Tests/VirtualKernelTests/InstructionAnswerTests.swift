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

    /// The reasons that the trace tells.
    private func left(_ machine: Machine) -> [String] {
      machine.events.records.filter { $0.kind == .unanswered }.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func othersAreAnsweredWhileAFileIsSearched() throws {
      let machine = try makeMachine()
      let (own, other) = (machine.thread, machine.fork(3))
      var reply: Reply?
      machine.whileBlocked = {
        machine.thread = other
        reply = machine.call(.access, "/", 0)
        machine.thread = own
      }
      let descriptor = open(Self.program(Self.time), in: machine)
      for _ in 0..<3 {
        machine.call(.mmap, 0x1000, 0x1000, UInt64(PROT_READ | PROT_EXEC), Self.fixed, descriptor, 0x1000)
      }
      #expect(reply == .value(0) && machine.blockedCount == 1)
    }

    @Test func aFileThatIsChangedWhileItIsSearchedIsSearchedNoMore() throws {
      let machine = try makeMachine()
      let node = Node(Volume(device: 96, isReadOnly: false), mode: FileType.regular | 0o755)
      node.bytes = Self.program(Self.time)
      let descriptor = UInt64(machine.process.files.insert(OpenFile(node, flags: O_RDONLY)))
      machine.whileBlocked = { node.bytes += [0] }
      machine.call(.mmap, 0x1000, 0x1000, UInt64(PROT_READ | PROT_EXEC), Self.fixed, descriptor, 0x1000)
      #expect(machine.blockedCount == 1)
      machine.call(.mmap, 0x1000, 0x1000, UInt64(PROT_READ | PROT_EXEC), Self.fixed, descriptor, 0x1000)
      #expect(machine.blockedCount == 2)
    }

    private func makeNode(_ volume: Volume) -> Node {
      let node = Node(volume, mode: FileType.regular | 0o755)
      node.bytes = Self.program(Self.time)
      return node
    }

    @Test func twoFilesThatChangeAllTheTimeAreSearchedOnceForACall() throws {
      let machine = try makeMachine()
      let files = try #require(machine.kernel.answeredFiles)
      let volume = Volume(device: 96, isReadOnly: false)
      let (one, other) = (makeNode(volume), makeNode(volume))
      var searches = 0
      for node in [one, other, one, other, other, one] {
        node.bytes += [0]
        guard files.code(of: node.status, for: 7) == nil else { continue }
        let file = machine.world.insert(OpenFile(node, flags: O_RDONLY))
        let search = CodeSearch(files, node.status, for: 7, file) { machine.world.close($0) }
        try search.perform()
        try search.publish(failed: false)
        searches += 1
      }
      #expect(searches == 2)
      // Another call looks again.
      one.bytes += [0]
      #expect(files.code(of: one.status, for: 8) == nil)
    }

    @Test func aFileThatIsAnotherEachTimeIsNamed() throws {
      let machine = try makeMachine()
      let volume = Volume(device: 96, isReadOnly: false)
      var nodes: [Node] = []
      func replace(_ times: Int) {
        // The number of one that nobody has any more may be given to the next.
        nodes.append(makeNode(volume))
        machine.information.executable = nodes.last
        if times > 0 { machine.whileBlocked = { replace(times - 1) } }
      }
      replace(50)
      machine.information.programHeaders = machine.memory.place(Self.program(Self.time)) + 64
      #expect(machine.call(.execve, "/bin/tool", 0, 0) == .continued)
      #expect(machine.call(.access, "/", 0) == .value(0))
      #expect(machine.blockedCount == 8)
      #expect(left(machine) == ["another file each time that it is searched"])
    }

    struct Left {
      let reason: String
      var code = time
      var seen: [UInt8]?
      var fileSize: UInt64?
      var length: UInt64 = 0x1000
      var flags = fixed
      var hasThreads = false
      var error: Errno?
    }

    private static let immovable: [UInt8] = [0x0f, 0x31, 0xe8, 0, 0, 0, 0, 0xc3]
    private static let page = time + [UInt8](repeating: 0x90, count: 4096 - time.count)

    @Test(
      "The trace tells what is left to the processor",
      arguments: [
        Left(reason: "an instruction that no jump can take the place of", code: immovable),
        Left(reason: "no room for answers behind the code", code: page),
        Left(reason: "more code or places than are searched", fileSize: 1 << 30),
        Left(reason: "mapped while there were other threads", hasThreads: true),
        Left(reason: "mapped shared, in part or where the kernel chose", flags: UInt64(MAP_PRIVATE)),
        Left(reason: "mapped shared, in part or where the kernel chose", flags: UInt64(MAP_SHARED | MAP_FIXED)),
        Left(reason: "mapped shared, in part or where the kernel chose", length: 4),
        Left(reason: "not what the file says", seen: [0x90]),
        Left(reason: "memory that cannot be written over", error: .ioError),
        Left(reason: "", error: .noSuchProcess),
        Left(reason: "", code: [0x0f, 0x31, 0xba, 1, 0, 0, 0, 0xc3]),
        Left(reason: "", code: [0xb8, 9, 0, 0, 0, 0x0f, 0x05, 0xc3], hasThreads: true),
        Left(reason: ""),
      ])
    func whatIsLeft(_ sample: Left) throws {
      let machine = try makeMachine()
      if sample.hasThreads { machine.startThread(9) }
      machine.memory.patchError = sample.error
      let descriptor = open(Self.program(sample.code, fileSize: sample.fileSize), in: machine)
      let address = machine.memory.place((sample.seen ?? sample.code) + [UInt8](repeating: 0, count: 64))
      for _ in 0..<3 {
        machine.call(
          .mmap, address, sample.length, UInt64(PROT_READ | PROT_EXEC), sample.flags, descriptor, 0x1000)
        _ = machine.call(.access, "/", 0)
      }
      // Once for a file in a process.
      #expect(left(machine) == (sample.reason.isEmpty ? [] : [sample.reason]))
    }

    @Test func aProgramThatHasAChildBeforeItsFirstCallIsLeft() throws {
      let machine = try makeMachine()
      let node = Node(Volume(device: 96, isReadOnly: false), mode: FileType.regular | 0o755)
      node.bytes = Self.program(Self.time)
      // The headers lie in the segment.
      for (place, value) in [(72, 0), (80, 0x40_0000), (96, node.bytes.count), (104, node.bytes.count)] {
        withUnsafeBytes(of: UInt64(value).littleEndian) { node.bytes.replaceSubrange(place..<place + 8, with: $0) }
      }
      machine.information.executable = node
      machine.information.programHeaders = machine.memory.place(node.bytes) + 64
      #expect(machine.call(.execve, "/bin/tool", 0, 0) == .continued)
      let own = machine.thread
      machine.thread = machine.fork(3)
      _ = machine.call(.access, "/", 0)
      machine.thread = own
      _ = machine.call(.access, "/", 0)
      #expect(left(machine) == ["begun before it could be written over"])
      #expect(machine.memory.patches.filter { $0.address != 0x7fff_0000 }.isEmpty)
    }

    @Test func codeThatAProcessMakesIsNamed() throws {
      let machine = try makeMachine()
      let code = UInt64(PROT_READ | PROT_WRITE | PROT_EXEC)
      for _ in 0..<3 {
        #expect(machine.call(.mmap, 0, 0x1000, code, UInt64(MAP_PRIVATE | MAP_ANONYMOUS), UInt64.max, 0) == .continued)
        #expect(machine.call(.mprotect, 0x1000, 0x1000, code) == .continued)
      }
      #expect(left(machine) == ["makes code while it runs"])
      // A file that is no program.
      let descriptor = open([1, 2, 3], in: machine)
      machine.call(.mmap, 0, 0x1000, code, UInt64(MAP_SHARED), descriptor, 0)
      #expect(left(machine).count == 2)
    }

    @Test func aPlainRunDoesNotAsk() throws {
      #expect(try Machine(clock: ClockRule(epoch: 0)).kernel.answeredFiles == nil)
      #expect(try Machine(answersInstructions: true).kernel.answeredFiles == nil)
    }
  }
#endif

import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Testing
import Tracing

@testable import VirtualKernel

/// What the handlers of recorded calls make of the guest's memory and descriptors.
struct RecordingTests {
  /// An array of strings as execve(2) takes it; a string that is nil is a pointer to nowhere.
  private func strings(_ machine: Machine, _ strings: [[UInt8]?], isEnded: Bool = true) -> UInt64 {
    let pointers = strings.map { $0.map { machine.memory.place($0 + [0]) } ?? 8 }
    return machine.memory.place(bytes(pointers + (isEnded ? [0] : [])))
  }

  private func bytes(_ pointers: [UInt64]) -> [UInt8] { pointers.withUnsafeBytes { Array($0) } }

  private func exec(_ machine: Machine, _ arguments: UInt64, _ environment: UInt64) -> Reply {
    let reply = machine.call(.execve, "/usr/bin/tool", arguments, environment)
    // The program shows itself.
    machine.call(.getuid)
    return reply
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func programIsToldWithItsArguments() throws {
    let machine = try Machine()
    try machine.changeDirectory("/etc")
    let arguments = strings(machine, ["tool", "", "a b"].map { Array($0.utf8) } + [[0xff]])
    let environment = strings(machine, [Array("A=1".utf8), Array("B=".utf8)])
    for _ in 0..<2 { #expect(exec(machine, arguments, environment) == .continued) }
    #expect(exec(machine, arguments, 0) == .continued)
    #expect(exec(machine, 0, environment) == .continued)
    let told = machine.events.records(.arguments)
    #expect(told.map(\.bytes).prefix(3).allSatisfy { $0 == Array("tool\0\0a b\0".utf8) + [0xff, 0] })
    #expect(told[3].bytes.isEmpty)
    #expect(told.map(\.event.version) == [1, 1, 2, 1])
    #expect(machine.events.records(.environment).map { text($0.bytes) } == ["A=1\0B=\0", ""])
    #expect(told.allSatisfy { $0.event.flags == 0 && $0.event.node != 0 })
    // An image that is run again is another program.
    let kinds = machine.events.records.map(\.kind).filter { $0 == .exec || $0 == .arguments }
    #expect(kinds == Array(repeating: [.exec, .arguments], count: 4).flatMap { $0 })
  }

  @Test func whatCannotBeReadIsLeftOut() throws {
    let machine = try Machine()
    #expect(exec(machine, strings(machine, [[97], nil, [98]]), 8) == .continued)
    let told = try #require(machine.events.records(.arguments).first)
    #expect(told.bytes == [97, 0])
    #expect(told.event.flags == Event.isCut)
    #expect(machine.events.records(.environment).first?.event.flags == Event.isCut)
    // The array ends where memory does.
    #expect(exec(machine, strings(machine, [[97], [98]], isEnded: false), 0) == .continued)
    #expect(machine.events.records(.arguments).last?.bytes == [97, 0, 98, 0])
    // A string that has no end.
    let unended = machine.memory.place(Array(repeating: 120, count: 5000))
    #expect(exec(machine, machine.memory.place(bytes([unended, 0])), 0) == .continued)
    #expect(machine.events.records(.arguments).last?.bytes.count == 5000)
  }

  @Test func longArgumentsComeInPieces() throws {
    let machine = try Machine()
    let long = [UInt8](repeating: 108, count: 100_000)
    #expect(exec(machine, strings(machine, [long, long]), 0) == .continued)
    let told = machine.events.records(.arguments)
    #expect(told.count > 4)
    #expect(told.flatMap(\.bytes) == long + [0] + long + [0])
    #expect(told.dropLast().allSatisfy { $0.event.flags == Event.continues })
    #expect(told.last?.event.flags == 0)
    // More than Linux lets through.
    #expect(exec(machine, strings(machine, Array(repeating: long, count: 70)), 0) == .continued)
    #expect(machine.events.records(.arguments).last?.event.flags == Event.isCut)
  }

  @Test func argumentsAcrossPagesAndAtOddAddresses() throws {
    let machine = try Machine()
    let names = (0..<1200).map { Array("argument \($0)".utf8) }
    let array = [1, 2, 3] + bytes(names.map { machine.memory.place($0 + [0]) } + [0])
    #expect(exec(machine, machine.memory.place(array) + 3, 0) == .continued)
    #expect(machine.events.records(.arguments).flatMap(\.bytes) == names.flatMap { $0 + [0] })
  }

  @Test func callerThatIsGoneIsNotRead() throws {
    let machine = try Machine()
    let arguments = strings(machine, [[97]])
    _ = machine.call(.getuid)
    machine.memory.isCallerWaiting = false
    _ = exec(machine, arguments, 0)
    #expect(machine.events.records(.arguments).isEmpty)
    let descriptor = machine.inherit("", name: "pipe:[1]")
    machine.process.files.files[1] = machine.process.files.files[descriptor]
    #expect(machine.call(.write, 1, [UInt8](arrayLiteral: 97), 1) == .continued)
    #expect(machine.events.records(.output).isEmpty)
  }

  /// Puts a file behind descriptors 1 and 2.
  private func redirect(_ machine: Machine, _ mode: UInt32, isInherited: Bool = false, device: UInt64 = 0) {
    let descriptor = machine.inherit("", mode: mode, name: isInherited ? nil : "file")
    let file = machine.process.files.files[descriptor]!
    file.node.device = device
    for number in [1, 2] as [Int32] { machine.process.files.files[number] = file }
  }

  @Test(
    arguments: [
      (FileType.fifo | 0o600, false, 0, true), (FileType.socket | 0o600, false, 0, true),
      (FileType.regular | 0o600, true, 0, false), (FileType.regular | 0o600, false, 0, false),
      (FileType.characterDevice | 0o600, false, uwrx_makedev(1, 3), false),
      (FileType.characterDevice | 0o600, false, uwrx_makedev(136, 1), true),
    ] as [(UInt32, Bool, UInt64, Bool)])
  func outputIsToldWhereOthersSeeIt(_ mode: UInt32, _ isInherited: Bool, _ device: UInt64, _ isTold: Bool) throws {
    let machine = try Machine()
    redirect(machine, mode, isInherited: isInherited, device: device)
    #expect(machine.call(.write, 2, Array("said".utf8), 4) == .continued)
    #expect(machine.events.records(.output).map { text($0.bytes) } == (isTold ? ["said"] : []))
    #expect(machine.events.records(.output).allSatisfy { $0.event.version == 2 })
  }

  private func vector(_ machine: Machine, _ parts: [[UInt8]?]) -> [UInt8] {
    bytes(parts.flatMap { [$0.map { machine.memory.place($0) } ?? 8, UInt64($0?.count ?? 3)] })
  }

  @Test func scatteredOutputIsOne() throws {
    let machine = try Machine()
    redirect(machine, FileType.fifo | 0o600)
    #expect(machine.call(.writev, 1, vector(machine, [[97], [], [98, 99]]), 3) == .continued)
    #expect(machine.call(.writev, 1, vector(machine, [[100], nil, [101]]), 3) == .continued)
    #expect(machine.call(.writev, 1, 8, 2) == .continued)
    #expect(machine.call(.writev, 1, vector(machine, [[97]]), -1) == .continued)
    #expect(machine.call(.write, 1, 8, 100) == .continued)
    #expect(machine.call(.write, 1, 8, UInt64.max) == .continued)
    #expect(machine.call(.write, 3, [UInt8](arrayLiteral: 97), 1) == .continued)
    let told = machine.events.records(.output)
    #expect(told.map { text($0.bytes) } == ["abc", "d"])
    #expect(told.map(\.event.flags) == [0, Event.isCut])
  }

  /// What the kernel refuses on such a file is not said.
  @Test func callsForOtherFilesAreNotTold() throws {
    let machine = try Machine()
    let file = try machine.open("/etc/passwd")
    func told(_ mode: UInt32, flags: Int32 = O_RDWR) throws -> [String] {
      let descriptor = machine.inherit("", mode: mode, flags: flags)
      machine.process.files.files[1] = machine.process.files.files[descriptor]
      let before = machine.events.records(.output).count
      let message = bytes([0, 0, machine.memory.place(vector(machine, [[109]])), 1])
      #expect(machine.call(.sendmsg, 1, message, 0) == .continued)
      #expect(machine.call(.sendto, 1, [UInt8](arrayLiteral: 115), 1, 0, 0, 0) == .continued)
      #expect(machine.call(.pwrite64, 1, [UInt8](arrayLiteral: 112), 1, 0) == .continued)
      #expect(machine.call(.pwritev, 1, vector(machine, [[118]]), 1, 0, 0) == .continued)
      #expect(machine.call(.pwritev2, 1, vector(machine, [[119]]), 1, -1, -1, 0) == .continued)
      #expect(machine.call(.sendfile, 1, file, 0, 6) == .continued)
      #expect(machine.call(.splice, file, 0, 1, 0, 6, 0) == .continued)
      return machine.events.records(.output).dropFirst(before).map { text($0.bytes) }
    }
    #expect(try told(FileType.socket | 0o600) == ["m", "s", "w", "", ""])
    #expect(try told(FileType.fifo | 0o600) == ["w", "", ""])
    #expect(try told(FileType.blockDevice | 0o600) == ["p", "v", "w", "", ""])
    #expect(try told(FileType.blockDevice | 0o600, flags: O_WRONLY | O_APPEND) == ["p", "v", "w"])
  }

  /// What the kernel moves without the process having seen it is known to have been said, and no more.
  @Test func outputFromElsewhereIsToldAsCut() throws {
    let machine = try Machine()
    redirect(machine, FileType.fifo | 0o600)
    let file = try machine.open("/etc/passwd")
    #expect(machine.call(.sendfile, 1, file, 0, 6) == .continued)
    #expect(machine.call(.splice, file, 0, 2, 0, 6, 0) == .continued)
    #expect(machine.call(.splice, 1, 0, file, 0, 6, 0) == .continued)
    #expect(machine.call(.sendfile, 1, file, 0, 0) == .continued)
    #expect(machine.call(.vmsplice, 2, vector(machine, [[100]]), 1, 0) == .continued)
    let told = machine.events.records(.output)
    #expect(told.map(\.event.version) == [1, 2, 2])
    #expect(told.map { text($0.bytes) } == ["", "", "d"])
    #expect(told.map(\.event.flags) == [Event.isCut, Event.isCut, 0])
  }

  @Test func outputByRarerCallsIsTold() throws {
    let machine = try Machine()
    redirect(machine, FileType.socket | 0o600)
    func message(_ parts: [[UInt8]?]) -> [UInt64] {
      [0, 0, machine.memory.place(vector(machine, parts)), UInt64(parts.count), 0, 0, 0, 0]
    }
    let messages = machine.memory.place(bytes(message([[97], [98]]) + message([[99]])))
    #expect(machine.call(.sendmmsg, 1, messages, 2, 0) == .continued)
    #expect(machine.call(.sendmmsg, 1, messages, 1, 0) == .continued)
    redirect(machine, FileType.fifo | 0o600)
    #expect(machine.call(.sendmmsg, 1, messages, 2, 0) == .continued)
    #expect(machine.call(.tee, 5, 2, 7, 0) == .continued)
    // struct iocb: data, key and flags, operation, priority and descriptor, buffer, count, offset.
    func request(_ operation: UInt64, _ descriptor: UInt64, _ buffer: UInt64, _ count: UInt64) -> UInt64 {
      machine.memory.place(bytes([0, 0, operation | descriptor << 32, buffer, count, 0, 0, 0]))
    }
    let text = machine.memory.place(Array("said".utf8))
    let parts = machine.memory.place(vector(machine, [[100], [101]]))
    let requests = [request(1, 1, text, 4), request(0, 1, text, 4), request(1, 3, text, 4), request(8, 2, parts, 2)]
    #expect(machine.call(.io_submit, 0, 4, machine.memory.place(bytes(requests))) == .continued)
    #expect(machine.call(.io_submit, 0, 4, 8) == .continued)
    let told = machine.events.records(.output)
    #expect(told.map { self.text($0.bytes) } == ["abc", "ab", "", "said", "de"])
    #expect(told.map(\.event.version) == [1, 1, 2, 1, 2])
    #expect(told.map(\.event.flags) == [0, 0, Event.isCut, 0, 0])
  }

  @Test func manySmallPiecesAreCutOff() throws {
    let machine = try Machine()
    redirect(machine, FileType.socket | 0o600)
    let part = machine.memory.place(vector(machine, Array(repeating: [120], count: 1000)))
    let messages = machine.memory.place(bytes((0..<3).flatMap { _ in [0, 0, part, 1000, 0, 0, 0, 0] as [UInt64] }))
    #expect(machine.call(.sendmmsg, 1, messages, 3, 0) == .continued)
    let told = try #require(machine.events.records(.output).first)
    #expect(told.bytes.count == 1024)
    #expect(told.event.flags == Event.isCut)
  }

  /// A process that fills a pipe of the guest's own is told to its limit; what it then says to the user is told to another.
  @Test func outputIntoAPipeHasAnEnd() throws {
    let machine = try Machine()
    redirect(machine, FileType.fifo | 0o600)
    let piece = [UInt8](repeating: 120, count: 48 << 10)
    for _ in 0..<4 { #expect(machine.call(.write, 1, piece, UInt64(piece.count)) == .continued) }
    #expect(machine.events.records(.output).map(\.bytes.count).reduce(0, +) == Recorder.pipeLimit)
    #expect(machine.events.records(.output).last?.event.flags == Event.isCut)
    let count = machine.events.records(.output).count
    redirect(machine, FileType.fifo | 0o600, isInherited: true)
    for _ in 0..<4 { #expect(machine.call(.write, 1, piece, UInt64(piece.count)) == .continued) }
    let told = machine.events.records(.output).dropFirst(count)
    #expect(told.map(\.bytes.count).reduce(0, +) == 4 * piece.count)
    for _ in 0..<30 { #expect(machine.call(.write, 1, piece, UInt64(piece.count)) == .continued) }
    let all = machine.events.records(.output).dropFirst(count)
    #expect(all.map(\.bytes.count).reduce(0, +) == Recorder.userLimit)
    #expect(all.filter { $0.event.flags == Event.isCut }.count == 1)
  }

  @Test func outputOfARunHasAnEnd() throws {
    let machine = try Machine()
    redirect(machine, FileType.fifo | 0o600)
    let recorder = try #require(machine.kernel.recorder)
    recorder.outputLeft = 5
    for _ in 0..<4 { #expect(machine.call(.write, 1, Array("abc".utf8), 3) == .continued) }
    machine.thread = machine.fork(3)
    for _ in 0..<2 { #expect(machine.call(.write, 1, Array("abc".utf8), 3) == .continued) }
    let told = machine.events.records(.output)
    #expect(told.map { text($0.bytes) } == ["abc", "ab", ""])
    #expect(told.map(\.event.flags) == [0, Event.isCut, Event.isCut])
    #expect(Set(told.suffix(2).map(\.event.pid)).count == 2)
  }

  @Test func refusalIsToldOnceForAProcess() throws {
    let machine = try Machine()
    for _ in 0..<2 { #expect(machine.call(.mount) == .error(.notPermitted)) }
    // Refused for what it asks for.
    #expect(machine.call(.fcntl, try machine.open("/etc/passwd"), 1024) == .error(.invalidArgument))
    #expect(machine.call(.fcntl, 99, 1024) == .error(.badFileDescriptor))
    machine.thread = machine.fork(3)
    #expect(machine.call(.mount) == .error(.notPermitted))
    let told = machine.events.records(.denied)
    #expect(told.map(\.event.version) == Array(repeating: UInt32(SyscallNumber.mount.rawValue), count: 2))
    #expect(told.map(\.event.node) == [1, 1])
    #expect(told[0].event.pid != told[1].event.pid)
  }

  @Test func endIsToldAsItWas() throws {
    let machine = try Machine()
    let use = ResourceUse(userTime: 1, systemTime: 2, peakMemory: 3)
    machine.information.uses[machine.process.id] = use
    let child = machine.fork(3)
    #expect(machine.call(.exit_group, 3) == .continued)
    machine.information.statuses[machine.process.id] = 9
    machine.end(machine.process.id)
    machine.thread = child
    #expect(machine.call(.exit_group, 0x1ff) == .continued)
    machine.end(machine.process.id)
    let ends = machine.events.records(.exit)
    #expect(ends.map(\.event.version) == [9, 0xff00])
    #expect(ends[0].bytes == withUnsafeBytes(of: use) { Array($0) })
    #expect(ends[1].bytes.isEmpty)
  }

  /// Where it matters who a process is.
  @Test func whoOutlivesItsParentIsItsChild() throws {
    let machine = try Machine(seed: RunSeed(1))
    #expect(machine.call(.set_tid_address, 0) == .continued)
    let parent = machine.process.id
    let child = machine.fork(3)
    #expect(machine.call(.exit_group, 0) == .continued)
    machine.end(parent)
    machine.thread = child
    #expect(machine.call(.set_robust_list, 0x1000, 24) == .continued)
    let births = machine.events.records(.spawn)
    #expect(births.map(\.event.node) == [1, births[0].event.pid])
  }

  @Test func addressesAreTold() throws {
    let machine = try Machine()
    let address: [UInt8] = [2, 0, 0x12, 0x67, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
    let socket = machine.inherit("", mode: FileType.socket | 0o600, name: "socket:[1]")
    #expect(machine.call(.bind, socket, address, 16) == .continued)
    #expect(machine.call(.connect, socket, address, 16) == .continued)
    #expect(machine.call(.connect, socket, 8, 120) == .continued)
    machine.process.files.files[socket]!.node.bytes = address
    #expect(machine.call(.accept4, socket, 0, 0, 0) == .continued)
    #expect(machine.call(.accept, 99, 0, 0) == .continued)
    for (kind, descriptor) in [EventKind.bind, .connect, .accept].map({ ($0, UInt32(socket)) }) {
      let told = machine.events.records(kind)
      #expect(told.map(\.bytes) == [address])
      #expect(told.map(\.event.version) == [descriptor])
    }
  }

  @Test func truncationThroughADescriptorIsTold() throws {
    let machine = try Machine()
    let written = try machine.open("/tmp/f", O_CREAT | O_RDWR)
    let read = try machine.open("/etc/passwd")
    #expect(machine.call(.ftruncate, written, 3) == .continued)
    #expect(machine.call(.ftruncate, written, -1) == .continued)
    #expect(machine.call(.ftruncate, read, 3) == .continued)
    #expect(machine.call(.ftruncate, 99, 3) == .continued)
    #expect(machine.events.entries.filter { $0.kind == .truncate }.map(\.path) == ["/tmp/f"])
  }

  /// Who reads the events of a long run need not keep every name that ever was.
  @Test func numbersOfNamesAreUsedAgain() throws {
    let machine = try Machine()
    let count = 20_000
    for round in 0..<count {
      let descriptor = try machine.open("/tmp/\(round)", O_CREAT | O_WRONLY)
      machine.close(descriptor)
      #expect(machine.call(.rename, "/tmp/\(round)", "/tmp/other\(round)") == .done)
      #expect(machine.call(.unlinkat, currentDirectory, "/tmp/other\(round)", 0) == .done)
    }
    let made = machine.events.entries.filter { $0.kind == .create }
    #expect(made.map(\.path) == (0..<count).map { "/tmp/\($0)" })
    let removed = machine.events.entries.filter { $0.kind == .delete }
    #expect(removed.map(\.path) == (0..<count).map { "/tmp/other\($0)" })
    let numbers = machine.events.records(.node).map(\.event.node)
    #expect(numbers.max()! < 10_000)
    #expect(numbers.count > 2 * count)
  }

  /// What has no name any more is still called by where it was, wherever its directory has moved meanwhile.
  @Test func filesWithoutNamesMoveWithTheirDirectory() throws {
    let machine = try Machine()
    #expect(machine.call(.mkdirat, currentDirectory, "/tmp/d", 0o755) == .done)
    let file = try machine.open("/tmp/d/f", O_CREAT | O_RDWR)
    #expect(machine.call(.unlinkat, currentDirectory, "/tmp/d/f", 0) == .done)
    #expect(machine.call(.rename, "/tmp/d", "/tmp/e") == .done)
    // These take the numbers that are free.
    for name in ["a", "b", "c"] { machine.close(try machine.open("/tmp/\(name)", O_CREAT | O_RDWR)) }
    #expect(machine.call(.ftruncate, file, 3) == .continued)
    #expect(machine.events.entries.last?.path == "/tmp/e/f")
  }

  @Test func withoutRecordingOnlyChangesAreTold() throws {
    let machine = try Machine(sources: [.init("/", standardTree)], level: .off)
    _ = try machine.text("/etc/passwd")
    #expect(!machine.exists("/missing"))
    try machine.write("x", to: "/tmp/f")
    #expect(exec(machine, strings(machine, [[97]]), 0) == .continued)
    redirect(machine, FileType.fifo | 0o600)
    for number in [SyscallNumber.write, .exit_group, .accept, .ftruncate, .read] {
      #expect(machine.call(number, 1) == .error(.noFunction))
    }
    #expect(machine.call(.mount) == .error(.notPermitted))
    #expect(Set(machine.events.records.map(\.kind)) == [.node, .spawn, .exec, .create])
  }

  @Test func everyTransferIsToldIfItIsWanted() throws {
    let machine = try Machine(sources: [.init("/", standardTree)], level: .io)
    let file = try machine.open("/etc/passwd")
    let other = try machine.open("/tmp/f", O_CREAT | O_WRONLY)
    #expect(machine.call(.read, file, 0, 70) == .continued)
    #expect(machine.call(.readv, file, vector(machine, [[1, 2], [3]]), 2) == .continued)
    #expect(machine.call(.copy_file_range, file, 0, other, 0, 5, 0) == .continued)
    #expect(machine.call(.sendfile, other, file, 0, 6) == .continued)
    #expect(machine.call(.close, file) == .continued)
    #expect(machine.call(.close, 77) == .continued)
    func told(_ kind: EventKind) -> [String] {
      zip(machine.events.entries.filter { $0.kind == kind }, machine.events.records(kind)).map { entry, record in
        "\(entry.path) \(record.bytes.first ?? 0)"
      }
    }
    #expect(told(.readBytes) == ["/etc/passwd 70", "/etc/passwd 3", "/etc/passwd 5", "/etc/passwd 6"])
    #expect(told(.writeBytes) == ["/tmp/f 5", "/tmp/f 6"])
    #expect(told(.close) == ["/etc/passwd 0"])
  }
}

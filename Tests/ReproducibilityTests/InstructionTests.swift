import Foundation
import Testing

@testable import Reproducibility

/// What asks the processor is found in code, and asks the kernel.
@Suite("Instructions")
struct InstructionTests {
  private static func bytes(_ text: String) -> [UInt8] { text.split(separator: " ").map { UInt8($0, radix: 16)! } }

  private static func site(in code: UnsafeBufferPointer<UInt8>, at place: Int, isWholeBefore: Bool) -> QuestionSite? {
    ProcessorQuestion(in: code, at: place, isWholeBefore: isWholeBefore).flatMap {
      QuestionSite.isForLock($0, in: code) ? nil : QuestionSite($0, in: code)
    }
  }

  private static func run(_ path: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
  }

  /// objdump(1) is the oracle.
  @Test(
    "are as long as objdump says",
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: "/usr/bin/objdump")
        && FileManager.default.fileExists(atPath: "/lib/x86_64-linux-gnu/libc.so.6")),
    arguments: ["/bin/bash", "/lib/x86_64-linux-gnu/libc.so.6"])
  func lengths(_ file: String) throws {
    var (count, wrong) = (0, [String]())
    for line in try Self.run("/usr/bin/objdump", ["-dw", "-j", ".text", file]).split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count >= 3, fields[0].hasSuffix(":"), !fields[2].contains("(bad)"), !fields[2].hasPrefix("data16")
      else { continue }
      // Alone at the end of its line where objdump takes prefixes apart.
      let code = Self.bytes(String(fields[1]))
      guard !fields[2].hasPrefix("rex"), code.count <= 15 else { continue }
      count += 1
      let length = code.withUnsafeBufferPointer { Instruction($0, at: 0)?.length }
      if length != code.count, !Self.isPrivileged(fields[2]) { wrong.append("\(fields[1])\(fields[2])") }
    }
    #expect(count > 10_000)
    #expect(wrong.isEmpty, "\(wrong.count) of \(count): \(wrong.prefix(10).joined(separator: "\n"))")
  }

  private static func isPrivileged(_ text: Substring) -> Bool {
    ["in ", "out ", "ins", "outs", "cli", "sti", "lret", "iret", "rdpmc"].contains { text.hasPrefix($0) }
  }

  struct Case: CustomTestStringConvertible {
    let name: String
    let code: String
    /// Bytes that are replaced; nil if it is left as it is.
    let length: Int?
    var place = 0
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "rdtsc, shl", code: "0f 31 48 c1 e2 20 48 09 d0 c3", length: 6),
    Case(name: "rdtscp, mov", code: "0f 01 f9 89 c1 c3", length: 5),
    Case(name: "rdrand, jb", code: "49 0f c7 f2 72 02 90 90 c3", length: 6, place: 1),
    Case(name: "rdrand of 16 bits", code: "66 0f c7 f0 66 89 01 c3", length: 7, place: 1),
    Case(name: "rdseed and an operand beside the code", code: "0f c7 fa 89 15 10 00 00 00 c3", length: 9),
    Case(name: "the high half is thrown away", code: "0f 31 ba 01 00 00 00 c3", length: nil),
    Case(name: "nothing but a call after it", code: "0f 31 e8 00 00 00 00 c3", length: nil),
    Case(name: "a call through a register", code: "0f 31 ff d0 90 90 c3", length: nil),
    Case(name: "a branch that is not last", code: "0f 31 74 00 90 90 90 c3", length: nil),
    Case(name: "a branch into what is replaced", code: "0f 31 89 c6 89 d7 eb fa", length: nil),
    Case(name: "a branch into what would be moved, and room behind", code: "0f 31 eb fd cc cc cc cc cc cc", length: 2),
    Case(name: "a number that looks like room", code: "0f 31 eb fd 48 b8 cc cc cc cc cc cc cc cc c3", length: nil),
    Case(name: "a return, and room behind", code: "0f 01 f9 c3 cc cc cc cc cc", length: 3),
    Case(name: "a return, and too little room", code: "0f 31 c3 cc cc cc cc 90", length: nil),
    Case(name: "a branch back to it", code: "0f 31 89 c6 89 d7 eb f8", length: 6),
    Case(name: "the end of the code", code: "0f 31", length: nil),
    Case(name: "rdpid", code: "f3 0f c7 f8 90 90 90 c3", length: nil, place: 1),
    Case(name: "in another instruction", code: "b8 0f 31 48 c1 c3 90 90", length: nil, place: 1),
    Case(name: "what is no code", code: "0f 31 06 06 06 06 06 06 06", length: nil),
    Case(name: "mmap", code: "b8 09 00 00 00 0f 05 48 3d 01 f0 ff ff c3", length: 7),
    Case(name: "mprotect", code: "b8 0a 00 00 00 0f 05 48 3d 01 f0 ff ff c3", length: 7),
    Case(name: "another call", code: "b8 0b 00 00 00 0f 05 48 3d 01 f0 ff ff c3", length: nil),
    Case(name: "mmap with a branch to its call", code: "b8 09 00 00 00 0f 05 90 eb fb cc cc cc cc cc", length: nil),
    Case(name: "another register", code: "41 b8 09 00 00 00 0f 05 90 c3", length: nil, place: 1),
    Case(name: "the stack's register", code: "48 0f c7 f4 90 90 c3", length: nil, place: 1),
  ]

  @Test("are replaced where that is sound", arguments: cases)
  func sites(_ sample: Case) {
    let code = Self.bytes(sample.code)
    let site = code.withUnsafeBufferPointer { Self.site(in: $0, at: sample.place, isWholeBefore: true) }
    #expect(site?.length == sample.length)
  }

  @Test("are found wherever they stand")
  func candidates() {
    let code = Self.bytes("90 0f 31 0f 01 f8 0f 01 f9 48 0f c7 f1 0f c7 e8 b8 09 00 00 00 0f 05 b8 09 00 00 00 0f")
    var found: Set<Int> = []
    code.withUnsafeBytes { ProcessorQuestion.candidates(in: $0) { found.insert($0).inserted } }
    #expect(found == [1, 6, 10, 16])
  }

  /// What is written is code from its first to its last byte, its jumps lead to and fro, and it fits the room.
  @Test("leave no byte that is none", arguments: cases.filter { $0.length != nil }, [0, 60, 110, 1000])
  func patches(_ sample: Case, room: Int) throws {
    let code = Self.bytes(sample.code)
    let site = try #require(
      code.withUnsafeBufferPointer { Self.site(in: $0, at: sample.place, isWholeBefore: true) })
    let patch = QuestionPatch(
      [(place: 100, site: site, bytes: Array(code.prefix(site.length)))], room: 4000..<4000 + room)
    // The answer and the way there take 80 to 120 bytes; mmap's, which is only made again, 17.
    let isMapping = !site.question.asks
    #expect(patch.writes.isEmpty || room >= (isMapping ? 17 : 80))
    #expect(patch.writes.isEmpty == patch.lacksRoom && !patch.hasImmovable)
    if room == 1000 { #expect(!patch.writes.isEmpty) }
    guard let jump = patch.writes.last else { return }
    #expect(jump.place == 100 && jump.bytes.count == site.length)
    let rooms = site.detour.map { 100 + $0..<105 + $0 }
    var targets: [Int] = []
    for (place, bytes) in patch.writes {
      bytes.withUnsafeBufferPointer { bytes in
        var position = 0
        while position < bytes.count {
          guard let instruction = Instruction(bytes, at: position) else {
            Issue.record("no instruction at \(place) + \(position)")
            return
          }
          if let displacement = instruction.branchDisplacement {
            targets.append(
              place + position + instruction.length + instruction.distance(in: bytes, at: position, displacement))
          }
          position += instruction.length
        }
        #expect(position == bytes.count)
      }
      let isInRoom = place >= 4000 && place + bytes.count <= 4000 + room
      #expect(place == 100 || isInRoom || rooms == place..<place + bytes.count)
    }
    #expect(targets.contains(patch.writes[isMapping ? 0 : 1].place) && targets.contains(100 + site.length))
  }

  /// Whatever the bytes are, nothing beyond them is looked at.
  @Test("of any bytes")
  func anyBytes() {
    var state: UInt64 = 1
    for _ in 0..<20_000 {
      var code: [UInt8] = []
      for _ in 0..<24 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        code.append(UInt8(truncatingIfNeeded: state >> 40))
      }
      code[Int(state >> 60)] = 0x0f
      code[Int(state >> 60) + 1] = 0x31
      code.withUnsafeBufferPointer { code in
        if let instruction = Instruction(code, at: Int(state & 7)) {
          #expect((1...15).contains(instruction.length) && Int(state & 7) + instruction.length <= code.count)
        }
        _ = Self.site(in: code, at: Int(state >> 60), isWholeBefore: state & 1 == 0)
      }
    }
  }
}

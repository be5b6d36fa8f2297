/// The code that asks the kernel in the place of the processor, for all questions of one file: put where nothing is, behind the code, and a jump
/// there in the place of each.
public struct QuestionPatch: Sendable {
  /// Bytes and where they go, from the start of the code. What they take the place of is last, so that no jump leads to what is not there yet.
  public private(set) var writes: [(place: Int, bytes: [UInt8])] = []
  /// Whether some are left to the processor: for want of room, or since what stands beside them cannot be moved.
  public private(set) var lacksRoom = false
  public private(set) var hasImmovable = false
  /// Where the room begins that is left.
  public private(set) var end: Int

  /// - Parameters:
  ///   - sites: with where their questions are, and the bytes there.
  ///   - room: of the code's memory, where nothing is. What it does not suffice for is left to the processor.
  public init(_ sites: [(place: Int, site: QuestionSite, bytes: [UInt8])], room: Range<Int>) {
    var (jumps, next) = ([(place: Int, bytes: [UInt8])](), room.lowerBound)
    // By what is called.
    var answers: [[UInt8]: Int] = [:]
    for site in sites {
      let answer =
        switch site.site.question.kind {
        case .time: Self.time
        case .random: Self.random
        case .mapping: [UInt8]()
        }
      let isNew = !answer.isEmpty && answers[answer] == nil
      let start = next + (isNew ? answer.count : 0)
      guard let stub = Self.stub(for: site, at: start, answer: answers[answer] ?? next) else {
        hasImmovable = true
        continue
      }
      guard start + stub.count <= room.upperBound else {
        lacksRoom = true
        continue
      }
      if isNew {
        writes.append((next, answer))
        answers[answer] = next
      }
      writes.append((start, stub))
      next = start + stub.count
      let detour = site.site.detour
      let place = site.place + (detour ?? 0)
      var jump = [0xe9] + Self.bytes(start - (place + QuestionSite.jump))
      if let detour {
        jumps.append((place, jump))
        jump = [0xeb, UInt8(truncatingIfNeeded: detour - 2)]
      }
      // What is left of the last instruction is never reached.
      jump += [UInt8](repeating: 0x90, count: site.site.length - jump.count)
      jumps.append((site.place, jump))
    }
    writes += jumps
    end = next
  }

  private static func bytes(_ distance: Int) -> [UInt8] {
    withUnsafeBytes(of: Int32(truncatingIfNeeded: distance).littleEndian) { Array($0) }
  }

  /// Asks, does what stood beside the question, and goes back. Below the stack pointer a function may keep 128 bytes (the red zone of the System
  /// V ABI).
  private static func stub(
    for site: (place: Int, site: QuestionSite, bytes: [UInt8]), at start: Int, answer: Int
  ) -> [UInt8]? {
    var code: [UInt8]
    switch site.site.question.kind {
    case .time(let withProcessor):
      code = [0x48, 0x8d, 0x64, 0x24, 0x80]  // lea -0x80(%rsp), %rsp
      code += [0xe8] + bytes(answer - (start + code.count + 5))  // call
      code += [0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0]  // lea 0x80(%rsp), %rsp
      if withProcessor { code += [0xb9, 0, 0, 0, 0] }  // mov $0, %ecx
    case .random(let register, let width):
      code = [0x48, 0x8d, 0xa4, 0x24, 0x78, 0xff, 0xff, 0xff]  // lea -0x88(%rsp), %rsp
      code += [0xe8] + bytes(answer - (start + code.count + 5))
      if width == 2 { code.append(0x66) }
      // mov (%rsp), register
      code += [0x40 | (width == 8 ? 8 : 0) | (register >> 3) << 2, 0x8b, 0x04 | (register & 7) << 3, 0x24]
      code += [0x48, 0x8d, 0xa4, 0x24, 0x88, 0, 0, 0]  // lea 0x88(%rsp), %rsp
      code.append(0xf9)  // stc: there was one. Of the other flags only zero, sign and overflow are cleared, before.
    case .mapping(let call):
      code = ProcessorQuestion.bytes(ofCall: call)
      code += [0x83, 0xf8, 0xfc, 0x74, 0xf4]  // cmp $-EINTR, %eax; je to the mov
    }
    var place = site.site.question.length
    let isMoved = site.bytes.withUnsafeBufferPointer { original in
      while place < site.site.length {
        guard let instruction = Instruction(original, at: place), place + instruction.length <= site.site.length else {
          return false
        }
        let bytes = Array(original[place..<place + instruction.length])
        let end = site.place + place + instruction.length
        if let displacement = instruction.branchDisplacement {
          let target = end + instruction.distance(in: original, at: place, displacement)
          // The long form of the same.
          let opcode: [UInt8] =
            switch (instruction.map, instruction.opcode) {
            case (0, 0x70...0x7f): [0x0f, instruction.opcode + 0x10]
            case (1, _): [0x0f, instruction.opcode]
            default: [0xe9]
            }
          code += opcode + Self.bytes(target - (start + code.count + opcode.count + 4))
        } else if let displacement = instruction.ripDisplacement {
          let target = end + instruction.distance(in: original, at: place, displacement)
          let moved = target - (start + code.count + instruction.length)
          guard Int(Int32(truncatingIfNeeded: moved)) == moved else { return false }
          code += bytes[..<displacement] + Self.bytes(moved) + bytes[(displacement + 4)...]
        } else {
          code += bytes
        }
        place += instruction.length
      }
      return true
    }
    guard isMoved else { return nil }
    code += [0xe9] + bytes(site.place + site.site.length - (start + code.count + 5))
    return code
  }

  // What both do again is a call that a signal came before (EINTR). Flags and all registers but the answer stay.

  /// clock_gettime(CLOCK_MONOTONIC_RAW) in edx:eax, in nanoseconds.
  private static let time: [UInt8] =
    [0x51, 0x41, 0x53, 0x57, 0x56, 0x9c]  // push %rcx, %r11, %rdi, %rsi; pushf
    + [0x48, 0x83, 0xec, 0x10]  // sub $16, %rsp
    + [0xb8, 228, 0, 0, 0, 0xbf, 4, 0, 0, 0]  // mov $228, %eax; mov $4, %edi
    + [0x48, 0x89, 0xe6, 0x0f, 0x05]  // mov %rsp, %rsi; syscall
    + [0x83, 0xf8, 0xfc, 0x74, 0xec]  // cmp $-EINTR, %eax; je to the first mov
    + [0x48, 0x69, 0x04, 0x24, 0x00, 0xca, 0x9a, 0x3b]  // imul $1000000000, (%rsp), %rax
    + [0x48, 0x03, 0x44, 0x24, 0x08]  // add 8(%rsp), %rax
    + [0x48, 0x89, 0xc2, 0x48, 0xc1, 0xea, 0x20, 0x89, 0xc0]  // mov %rax, %rdx; shr $32, %rdx; mov %eax, %eax
    + [0x48, 0x83, 0xc4, 0x10]  // add $16, %rsp
    + [0x9d, 0x5e, 0x5f, 0x41, 0x5b, 0x59, 0xc3]  // popf; pop; ret

  /// getrandom(8 bytes, GRND_NONBLOCK) where the caller has made room, above the return address.
  private static let random: [UInt8] =
    [0x50, 0x51, 0x41, 0x53, 0x57, 0x56, 0x52]  // push %rax, %rcx, %r11, %rdi, %rsi, %rdx
    + [0x48, 0x83, 0xec, 0x08]  // sub $8, %rsp
    + [0xb8, 0x3e, 1, 0, 0, 0x48, 0x89, 0xe7, 0xbe, 8, 0, 0, 0]  // mov $318, %eax; mov %rsp, %rdi; mov $8, %esi
    + [0xba, 1, 0, 0, 0, 0x0f, 0x05]  // mov $1, %edx; syscall
    + [0x83, 0xf8, 0xfc, 0x74, 0xe7]  // cmp $-EINTR, %eax; je to the first mov
    + [0x48, 0x8b, 0x04, 0x24, 0x48, 0x89, 0x44, 0x24, 0x40]  // mov (%rsp), %rax; mov %rax, 64(%rsp)
    + [0x48, 0x83, 0xc4, 0x08]  // add $8, %rsp
    + [0x5a, 0x5e, 0x5f, 0x41, 0x5b, 0x59, 0x58, 0xc3]  // pop; ret
}

/// An instruction that asks the processor, and what must be known to make it ask the kernel: the whole instructions around it that a jump takes
/// the place of.
public struct QuestionSite: Equatable, Sendable {
  public var question: ProcessorQuestion
  /// Bytes that are replaced, from the question's start.
  public var length: Int
  /// Where room for a jump is that a short jump reaches, from the question's start; nil if the jump takes the question's own place.
  public var detour: Int?

  /// jmp with a distance of 4 bytes.
  public static let jump = 5
  /// So many bytes on both sides are looked at.
  public static let margin = 2048

  /// Finds out how a question can be replaced.
  /// - Parameters:
  ///   - code: `margin` bytes before the question and after it, or all that is there.
  ///   - taken: where others have found their room.
  /// - Returns: nil for what is left as it is.
  public init?(_ question: ProcessorQuestion, in code: UnsafeBufferPointer<UInt8>, taken: [Range<Int>] = []) {
    self.question = question
    guard let moved = Self.movedLength(in: code, question) else { return nil }
    let targets = Self.branchTargets(in: code)
    // The call alone, with whatever number.
    if !question.asks, targets[question.start + 1..<question.start + question.length].contains(true) {
      return nil
    }
    if moved >= Self.jump, !targets[question.start + 1..<question.start + moved].contains(true) {
      length = moved
      return
    }
    guard let room = Self.room(in: code, near: question, taken, targets) else { return nil }
    length = question.length
    detour = room - question.start
  }

  /// How many bytes of whole instructions a jump would take the place of; less than it needs if one among them cannot be moved.
  /// - Returns: nil if what comes after is no code.
  private static func movedLength(in code: UnsafeBufferPointer<UInt8>, _ question: ProcessorQuestion) -> Int? {
    var end = question.start + question.length
    var length = question.length
    var canBeLonger = true
    for _ in 0..<Self.instructionsAfter {
      guard let instruction = Instruction(code, at: end) else { return nil }
      end += instruction.length
      if canBeLonger, length < Self.jump {
        canBeLonger = Self.canBeMoved(instruction, isLast: end - question.start >= Self.jump)
        if canBeLonger { length = end - question.start }
      }
      if instruction.isEnd { break }
    }
    return length
  }

  /// Bytes between functions, which nobody runs: int3 after what does not go on.
  private static func room(
    in code: UnsafeBufferPointer<UInt8>, near question: ProcessorQuestion, _ taken: [Range<Int>], _ targets: [Bool]
  ) -> Int? {
    // A short jump counts from its end.
    let (first, last) = (max(0, question.start + 2 - 128), min(code.count - jump, question.start + 2 + 127))
    for place in stride(from: first, through: last, by: 1) {
      let room = place..<place + jump
      guard code[room].allSatisfy({ $0 == 0xcc }), !taken.contains(where: { $0.overlaps(room) }) else { continue }
      if !targets[room].contains(true), isPadding(code, place) { return place }
    }
    return nil
  }

  /// Whether int3 begins, a little before here, behind ret, ud2 or a jump: elsewhere it may be a part of a number.
  private static func isPadding(_ code: UnsafeBufferPointer<UInt8>, _ place: Int) -> Bool {
    var start = place
    while start > 0, place - start < longestPadding, code[start - 1] == 0xcc { start -= 1 }
    func byte(_ distance: Int) -> UInt8? { start >= distance ? code[start - distance] : nil }
    return byte(1) == 0xc3 || byte(2) == 0xeb || byte(5) == 0xe9 || byte(2) == 0x0f && byte(1) == 0x0b
  }

  private static let longestPadding = 64

  private static let instructionsAfter = 12

  /// Whoever throws away the high half wants some number, not the time: glibc's locks, between two looks at a lock. Their clocks would tell
  /// how often that came about.
  public static func isForLock(_ question: ProcessorQuestion, in code: UnsafeBufferPointer<UInt8>) -> Bool {
    guard case .time = question.kind, let next = Instruction(code, at: question.start + question.length) else {
      return false
    }
    return next.map == 0 && next.opcode == 0xba && next.rex & 1 == 0
  }

  /// A call's return address would be elsewhere, and a branch that does not end what is moved is too much to put in the way of.
  private static func canBeMoved(_ instruction: Instruction, isLast: Bool) -> Bool {
    guard let displacement = instruction.branchDisplacement else {
      // call through a register or memory; a system call or a fault in a strange place.
      if instruction.map == 0, instruction.opcode == 0xff, [2, 3].contains((instruction.modRM ?? 0) >> 3 & 7) {
        return false
      }
      return (instruction.map, instruction.opcode) != (1, 0x05) && (instruction.map, instruction.opcode) != (0, 0xcc)
    }
    guard isLast, displacement + 1 == instruction.length || displacement + 4 == instruction.length else { return false }
    switch (instruction.map, instruction.opcode) {
    case (0, 0x70...0x7f), (1, 0x80...0x8f), (0, 0xe9), (0, 0xeb): return true
    default: return false
    }
  }

  /// Where branches lead, of whatever may be an instruction.
  private static func branchTargets(in code: UnsafeBufferPointer<UInt8>) -> [Bool] {
    var targets = [Bool](repeating: false, count: code.count)
    for start in 0..<min(16, code.count) {
      var position = start
      while position < code.count {
        guard let instruction = Instruction(code, at: position) else {
          position += 1
          continue
        }
        position += instruction.length
        guard let displacement = instruction.branchDisplacement else { continue }
        let target = position + instruction.distance(in: code, at: position - instruction.length, displacement)
        if targets.indices.contains(target) { targets[target] = true }
      }
    }
    return targets
  }
}

extension Instruction {
  /// How far a branch goes, or an operand beside the code is, from the next instruction.
  func distance(in code: UnsafeBufferPointer<UInt8>, at start: Int, _ displacement: Int) -> Int {
    if length - displacement == 1 { return Int(Int8(bitPattern: code[start + displacement])) }
    let distance = (0..<4).reversed().reduce(0) { $0 << 8 | Int(code[start + displacement + $1]) }
    return Int(Int32(truncatingIfNeeded: distance))
  }
}

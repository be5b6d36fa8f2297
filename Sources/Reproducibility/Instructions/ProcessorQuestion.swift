import CLinux

/// What a program asks the processor itself, without any call that could be seen.
public struct ProcessorQuestion: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// rdtsc, and rdtscp, which tells the processor's number, too.
    case time(withProcessor: Bool)
    /// rdrand, rdseed: which register gets how many bytes.
    case random(register: UInt8, width: Int)
  }

  public var kind: Kind
  /// Of the instruction, in bytes from the start of the code.
  public var start: Int
  public var length: Int

  /// Where the bytes of such an instruction stand, in whatever code or data.
  /// - Parameter body: gets the place of an opcode, and says whether to go on.
  public static func candidates(in code: UnsafeRawBufferPointer, _ body: (Int) -> Bool) {
    // Opcodes, the second byte of all: 31, 01 F9, C7 F0 to FF.
    for second in [0x31, 0x01, 0xc7] as [UInt8] {
      var place = 0
      while place < code.count,
        let found = uwrx_memmem(code.baseAddress! + place, code.count - place, [0x0f, second], 2)
      {
        let start = UnsafeRawPointer(found) - code.baseAddress!
        let third = start + 2 < code.count ? code[start + 2] : 0
        let isOne = second == 0x31 || second == 0x01 && third == 0xf9 || second == 0xc7 && third >= 0xf0
        if isOne, !body(start) { return }
        place = start + 1
      }
    }
  }

  /// The question whose opcode stands at `place`, if the bytes there are one.
  ///
  /// What is data among the code, and the middle of other instructions, must not be taken for it. Code is read from its start or from several
  /// places before: wherever one begins, instructions fall into step after a few, and data hold some that are none.
  /// - Parameters:
  ///   - code: `QuestionSite.margin` bytes before the place, or all that is there.
  ///   - isWholeBefore: the code begins there.
  public init?(in code: UnsafeBufferPointer<UInt8>, at place: Int, isWholeBefore: Bool) {
    var question: ProcessorQuestion?
    for start in isWholeBefore ? 0..<1 : 0..<16 {
      guard let found = Self.question(in: code, from: start, at: place), question ?? found == found else { return nil }
      question = found
    }
    guard let question else { return nil }
    self = question
  }

  /// Bytes before the question in which each instruction must be one.
  private static let soundBefore = 128

  private static func question(
    in code: UnsafeBufferPointer<UInt8>, from start: Int, at place: Int
  ) -> ProcessorQuestion? {
    var (position, soundFrom) = (start, start)
    while position <= place {
      guard let instruction = Instruction(code, at: position) else {
        position += 1
        soundFrom = position
        continue
      }
      if position + instruction.opcodeStart == place {
        guard soundFrom == start || place - soundFrom >= soundBefore else { return nil }
        return ProcessorQuestion(instruction, at: position)
      }
      position += instruction.length
    }
    return nil
  }

  init?(_ instruction: Instruction, at start: Int) {
    guard instruction.map == 1, !instruction.isVector else { return nil }
    switch (instruction.opcode, instruction.modRM) {
    case (0x31, nil): kind = .time(withProcessor: false)
    case (0x01, 0xf9?): kind = .time(withProcessor: true)
    case (0xc7, .some(0xf0...0xff)) where instruction.repeatPrefix == 0:
      let register = (instruction.modRM ?? 0) & 7 | (instruction.rex & 1) << 3
      // The stack's.
      guard register != 4 else { return nil }
      kind = .random(
        register: register, width: instruction.rex & 8 != 0 ? 8 : instruction.hasOperandSizePrefix ? 2 : 4)
    default: return nil
    }
    self.start = start
    length = instruction.length
  }
}

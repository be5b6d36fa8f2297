import CLinux

/// What a program asks the processor itself, without any call that could be seen.
public struct ProcessorQuestion: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// rdtsc, and rdtscp, which tells the processor's number, too.
    case time(withProcessor: Bool)
    /// rdrand, rdseed: which register gets how many bytes.
    case random(register: UInt8, width: Int)
    /// No question, but replaced as one: mmap(2) and mprotect(2) of a libc, which Linux never ends with EINTR. Where code is searched they are
    /// trapped, and a signal may.
    case mapping(call: UInt8)
  }

  /// Bytes of the longest that is looked for.
  public static let longest = 7
  /// mov $number, %eax; syscall
  static func bytes(ofCall number: UInt8) -> [UInt8] { [0xb8, number, 0, 0, 0, 0x0f, 0x05] }
  private static let mappingCalls = [9, 10] as [UInt8]

  public var kind: Kind
  /// Whether the processor is asked.
  public var asks: Bool { if case .mapping = kind { false } else { true } }
  /// Of the instruction, in bytes from the start of the code.
  public var start: Int
  public var length: Int

  /// Where the bytes of such an instruction stand, in whatever code or data.
  /// - Parameter body: gets the place of an opcode, and says whether to go on.
  public static func candidates(in code: UnsafeRawBufferPointer, _ body: (Int) -> Bool) {
    // Opcodes, the second byte of all: 31, 01 F9, C7 F0 to FF.
    for bytes in [[0x0f, 0x31], [0x0f, 0x01], [0x0f, 0xc7]] + mappingCalls.map({ self.bytes(ofCall: $0) }) {
      var place = 0
      while place < code.count,
        let found = uwrx_memmem(code.baseAddress! + place, code.count - place, bytes, bytes.count)
      {
        let start = UnsafeRawPointer(found) - code.baseAddress!
        let third = start + 2 < code.count ? code[start + 2] : 0
        let isOne = bytes[1] == 0x01 ? third == 0xf9 : bytes[1] == 0xc7 ? third >= 0xf0 : true
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
        return ProcessorQuestion(instruction, at: position) ?? mapping(in: code, at: position)
      }
      position += instruction.length
    }
    return nil
  }

  private static func mapping(in code: UnsafeBufferPointer<UInt8>, at start: Int) -> ProcessorQuestion? {
    guard let number = mappingCalls.first(where: { code[start...].starts(with: bytes(ofCall: $0)) }) else { return nil }
    return ProcessorQuestion(kind: .mapping(call: number), start: start, length: longest)
  }

  private init(kind: Kind, start: Int, length: Int) {
    self.kind = kind
    self.start = start
    self.length = length
  }

  private init?(_ instruction: Instruction, at start: Int) {
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

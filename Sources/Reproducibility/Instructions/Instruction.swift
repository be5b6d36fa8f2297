/// One instruction of x86-64, as far as it must be known to move it elsewhere: how long it is, and what in it depends on where it stands.
///
/// The encoding is that of the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 and appendix A.
struct Instruction {
  /// Bytes.
  var length = 0
  /// 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A. VEX and EVEX name the same maps.
  var map: UInt8 = 0
  var opcode: UInt8 = 0
  /// Where the opcode begins, in bytes from the start; after prefixes.
  var opcodeStart = 0
  /// 0 if there is none.
  var rex: UInt8 = 0
  var hasOperandSizePrefix = false
  /// F2 or F3; 0 if there is none.
  var repeatPrefix: UInt8 = 0
  var modRM: UInt8?
  /// VEX, EVEX: what the opcode does is another table's.
  var isVector = false
  /// Where a displacement of 4 bytes is that counts from the next instruction; in an operand.
  var ripDisplacement: Int?
  /// Where the displacement of a branch is, at the end of the instruction.
  var branchDisplacement: Int?

  /// - Returns: nil if no instruction of user space begins there, or its end is not in `code`.
  init?(_ code: UnsafeBufferPointer<UInt8>, at start: Int) {
    var place = start
    func byte(_ index: Int) -> UInt8? { index < code.count && index - start < 15 ? code[index] : nil }
    var hasAddressSizePrefix = false
    prefixes: while let prefix = byte(place) {
      switch prefix {
      case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0: rex = 0
      case 0x66: (hasOperandSizePrefix, rex) = (true, 0)
      case 0x67: (hasAddressSizePrefix, rex) = (true, 0)
      case 0xf2, 0xf3: (repeatPrefix, rex) = (prefix, 0)
      // Counts only before the opcode.
      case 0x40...0x4f: rex = prefix
      default: break prefixes
      }
      place += 1
    }
    guard let first = byte(place) else { return nil }
    opcodeStart = place - start
    var form: Form
    switch first {
    case 0xc5, 0xc4, 0x62:
      guard rex == 0, !hasOperandSizePrefix, repeatPrefix == 0 else { return nil }
      guard let second = byte(place + 1) else { return nil }
      isVector = true
      map = first == 0xc5 ? 1 : second & (first == 0xc4 ? 0x1f : 7)
      place += first == 0xc5 ? 2 : first == 0xc4 ? 3 : 4
      guard let code = byte(place) else { return nil }
      opcode = code
      switch map {
      case 1:
        // vzeroupper is the only one without operands.
        let hasByte = (0x70...0x73).contains(code) || code == 0xc2 || (0xc4...0xc6).contains(code)
        form = code == 0x77 && first != 0x62 ? .nothing : hasByte ? .operandsAndByte : .operands
      case 2, 5, 6: form = .operands
      case 3: form = .operandsAndByte
      default: return nil
      }
    case 0x0f:
      place += 1
      guard let second = byte(place) else { return nil }
      switch second {
      case 0x38, 0x3a:
        map = second == 0x38 ? 2 : 3
        place += 1
        guard let third = byte(place) else { return nil }
        opcode = third
        form = map == 2 ? .operands : .operandsAndByte
      default:
        (map, opcode) = (1, second)
        form = Self.twoByteForms[Int(second)]
      }
    default:
      opcode = first
      form = Self.oneByteForms[Int(first)]
    }
    place += 1
    if form.hasModRM {
      guard let modRM = byte(place) else { return nil }
      self.modRM = modRM
      place += 1
      let (mode, register) = (modRM >> 6, modRM & 7)
      if mode != 3 {
        var base = register
        if register == 4 {
          guard let scale = byte(place) else { return nil }
          base = scale & 7
          place += 1
        }
        switch mode {
        case 0 where register == 5:
          ripDisplacement = place - start
          place += 4
        case 0 where base == 5: place += 4
        case 1: place += 1
        case 2: place += 4
        default: break
        }
      }
      // Group 3: only `test` has an operand in the code.
      if form == .byteGroup { form = modRM & 0x30 == 0 ? .operandsAndByte : .operands }
      if form == .wordGroup { form = modRM & 0x30 == 0 ? .operandsAndWord : .operands }
    }
    let word = hasOperandSizePrefix && rex & 8 == 0 ? 2 : 4
    switch form {
    case .nothing, .operands: break
    case .operandsAndByte, .byte: place += 1
    case .operandsAndWord, .word: place += word
    case .twoBytes: place += 2
    case .threeBytes: place += 3
    case .longWord: place += rex & 8 != 0 ? 8 : word
    case .address: place += hasAddressSizePrefix ? 4 : 8
    case .nearBranch:
      branchDisplacement = place - start
      place += 1
    case .branch:
      branchDisplacement = place - start
      place += 4
    default: return nil
    }
    length = place - start
    guard length <= 15, place <= code.count else { return nil }
  }

  /// What follows an opcode.
  private enum Form: UInt8 {
    case nothing = 0x2e  // .
    /// ModRM, and what it asks for.
    case operands = 0x6d  // m
    case operandsAndByte = 0x62  // b
    /// A word has 2 or 4 bytes.
    case operandsAndWord = 0x7a  // z
    case byte = 0x31  // 1
    case twoBytes = 0x32  // 2
    case threeBytes = 0x33  // 3
    case word = 0x34  // 4
    /// 8 bytes with REX.W.
    case longWord = 0x71  // q
    case address = 0x61  // a
    case nearBranch = 0x6a  // j
    case branch = 0x4a  // J
    /// Group 3.
    case byteGroup = 0x46  // F
    case wordGroup = 0x47  // G
    /// No instruction of user space.
    case none = 0x78  // x

    var hasModRM: Bool {
      switch self {
      case .operands, .operandsAndByte, .operandsAndWord, .byteGroup, .wordGroup: true
      default: false
      }
    }
  }

  private static let oneByteForms = forms(
    ("mmmm14xxmmmm14xx" + "mmmm14xxmmmm14xx" + "mmmm14xxmmmm14xx" + "mmmm14xxmmmm14xx" + "xxxxxxxxxxxxxxxx"
      + "................" + "xxxmxxxx4z1bxxxx" + "jjjjjjjjjjjjjjjj" + "bzxbmmmmmmmmmmmm" + "..........x....."
      + "aaaa....14......" + "11111111qqqqqqqq" + "bb2.xxbz3.xx.1xx" + "mmmmxxx.mmmmmmmm" + "jjjjxxxxJJxjxxxx"
      + "xxxx..FG..xx..mm")
  )
  private static let twoByteForms = forms(
    ("mmmmx.xxxxx.xmxx" + "mmmmmmmmmmmmmmmm" + "xxxxxxxxmmmmmmmm" + "x.xxxxxxxxxxxxxx" + "mmmmmmmmmmmmmmmm"
      + "mmmmmmmmmmmmmmmm" + "mmmmmmmmmmmmmmmm" + "bbbbmmm.mmxxmmmm" + "JJJJJJJJJJJJJJJJ" + "mmmmmmmmmmmmmmmm"
      + "...mbmxx..xmbmmm" + "mmmmmmmmmmbmmmmm" + "mmbmbbbm........" + "mmmmmmmmmmmmmmmm" + "mmmmmmmmmmmmmmmm"
      + "mmmmmmmmmmmmmmmm")
  )

  private static func forms(_ text: String) -> [Form] { text.utf8.map { Form(rawValue: $0) ?? .none } }

  /// No instruction after it is reached by going on: jmp, ret, ud2.
  var isEnd: Bool {
    guard !isVector else { return false }
    switch (map, opcode) {
    case (0, 0xc2), (0, 0xc3), (0, 0xe9), (0, 0xeb), (1, 0x0b): return true
    case (0, 0xff): return modRM.map { $0 >> 3 & 7 == 4 } ?? false
    default: return false
    }
  }
}

import Glibc

/// Contents of no format that is known.
enum ByteDifference {
  private static let shownBytes = 16
  private static let shownText = 48
  private static let shownBefore = 16

  static func areEqual(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> Bool {
    first.count == second.count
      && first.withUnsafeBytes { one in
        second.withUnsafeBytes { other in one.isEmpty || memcmp(one.baseAddress!, other.baseAddress!, one.count) == 0 }
      }
  }

  /// - Parameters: `first` and `second` differ.
  static func difference(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> ContentFinding.Kind {
    let offset = firstDifference(first, second)
    let (one, other) = excerpts(first, second, offset)
    return .bytes(at: offset, first: one, second: other, sizes: [first.count, second.count])
  }

  private static func firstDifference(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) -> Int {
    first.withUnsafeBytes { one in
      second.withUnsafeBytes { other in
        let count = min(one.count, other.count)
        var index = 0
        while index + 4096 <= count, memcmp(one.baseAddress! + index, other.baseAddress! + index, 4096) == 0 {
          index += 4096
        }
        while index < count, one[index] == other[index] { index += 1 }
        return index
      }
    }
  }

  /// Text as it is, with what stands before it, as in .comment or .rodata; else some bytes.
  private static func excerpts(
    _ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>, _ offset: Int
  ) -> ([UInt8], [UInt8]) {
    let before = Array(
      first.piece(max(0, offset - shownBefore), min(offset, shownBefore)).reversed().prefix(while: isText).reversed())
    let parts = [first.piece(offset, shownText), second.piece(offset, shownText)]
    let texts = parts.map { before + $0.prefix(while: isText) }
    let areTexts = zip(parts, texts).allSatisfy { $0.isEmpty || $1.count >= 4 }
    let shown = zip(parts, texts).map { part, text -> [UInt8] in
      if part.isEmpty { return Array("nothing".utf8) }
      return areTexts ? Array("\"".utf8) + text + "\"".utf8 : hexadecimal(part.prefix(shownBytes))
    }
    return (shown[0], shown[1])
  }

  private static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7f }
}

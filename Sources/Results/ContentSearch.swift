import Glibc
import Tracing

/// Looks for a text in bytes that come part by part (Knuth, Morris and Pratt): each byte is looked at once, whatever the bytes are.
struct ContentSearch {
  private let wanted: [UInt8]
  /// How much of a beginning stays when the byte after it is another.
  private let shorter: [Int]
  /// Whether only digits of base64 count: a text in lines of any length is found, indented, quoted, or with its line feeds written as `\n`.
  private let onlyDigits: Bool
  private var matched = 0
  private var isEscaped = false

  /// - Parameter wanted: not empty.
  init(for wanted: [UInt8], onlyDigits: Bool) {
    self.wanted = wanted
    self.onlyDigits = onlyDigits
    var shorter = [0]
    var length = 0
    for byte in wanted.dropFirst() {
      while length > 0, wanted[length] != byte { length = shorter[length - 1] }
      if wanted[length] == byte { length += 1 }
      shorter.append(length)
    }
    self.shorter = shorter
  }

  /// What comes next does not follow what has come.
  mutating func restart() {
    matched = 0
    isEscaped = false
  }

  /// - Returns: whether the text has come to its end in these bytes.
  mutating func isIn(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var place = 0
    while place < bytes.count {
      if matched == 0 {
        guard let found = memchr(bytes.baseAddress! + place, Int32(wanted[0]), bytes.count - place) else {
          return false
        }
        place = UnsafeRawPointer(found) - bytes.baseAddress!
        // Of `\n` at a line's end the letter is none of the text.
        isEscaped = false
      }
      let byte = bytes[place]
      place += 1
      if onlyDigits {
        let follows = isEscaped
        isEscaped = byte == UInt8(ascii: "\\")
        if !Base64.isDigit(byte) || follows && "nrt".utf8.contains(byte) { continue }
      }
      while matched > 0, wanted[matched] != byte { matched = shorter[matched - 1] }
      if wanted[matched] == byte { matched += 1 }
      if matched == wanted.count {
        restart()
        return true
      }
    }
    return false
  }
}

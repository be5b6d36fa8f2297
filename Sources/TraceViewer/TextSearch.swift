import Inspect

/// What is searched for: words that must all be found, whatever their case.
struct TextSearch: Sendable, Equatable {
  private let words: [[UInt8]]

  init(_ text: String) {
    words = text.utf8.split(separator: UInt8(ascii: " ")).map { $0.map(Self.lowercased) }
  }

  var isEmpty: Bool { words.isEmpty }

  /// Whether all words are in some of the texts, or a word is the number.
  func matches(_ texts: [some Collection<UInt8>], number: ProcessNumber? = nil) -> Bool {
    words.allSatisfy { word in
      if let number, word.elementsEqual(number.description.utf8) { return true }
      return texts.contains { text in
        text.withContiguousStorageIfAvailable { Self.contains($0, word) }
          ?? Array(text).withUnsafeBufferPointer { Self.contains($0, word) }
      }
    }
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

  private static func contains(_ text: UnsafeBufferPointer<UInt8>, _ word: [UInt8]) -> Bool {
    guard text.count >= word.count else { return false }
    return word.withUnsafeBufferPointer { word in
      let first = word[0]
      var start = 0
      let last = text.count - word.count
      while start <= last {
        if lowercased(text[start]) == first {
          var length = 1
          while length < word.count, lowercased(text[start + length]) == word[length] { length += 1 }
          if length == word.count { return true }
        }
        start += 1
      }
      return false
    }
  }
}

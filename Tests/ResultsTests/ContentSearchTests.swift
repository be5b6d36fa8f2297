import Testing

@testable import Results

/// A text is found in whatever parts the bytes come.
struct ContentSearchTests {
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33 | state << 31
    }
  }

  private static func isFound(_ wanted: String, in bytes: [UInt8], _ random: inout Seeded, onlyDigits: Bool) -> Bool {
    var search = ContentSearch(for: Array(wanted.utf8), onlyDigits: onlyDigits)
    var rest = bytes[...]
    var isFound = false
    while !rest.isEmpty {
      let part = Array(rest.prefix(.random(in: 1...7, using: &random)))
      rest = rest.dropFirst(part.count)
      if part.withUnsafeBytes({ search.isIn($0) }) { isFound = true }
    }
    return isFound
  }

  /// Of two letters, texts begin within themselves.
  @Test func asByLookingAtEachPlace() {
    var random = Seeded(state: 1)
    for _ in 0..<3000 {
      func word(_ count: Int) -> String { String((0..<count).map { _ in "ab".randomElement(using: &random)! }) }
      let wanted = word(.random(in: 1...8, using: &random))
      let text = word(.random(in: 0...40, using: &random))
      let isThere = text.contains(wanted)
      #expect(
        Self.isFound(wanted, in: Array(text.utf8), &random, onlyDigits: false) == isThere, "\(wanted) in \(text)")
      // What is between its digits counts for nothing.
      let spaced = text.map {
        "\($0)" + ["", " ", "\r\n", "\\n", "\", \"", "\\r\\n\t# "].randomElement(using: &random)!
      }.joined()
      #expect(
        Self.isFound(wanted, in: Array(spaced.utf8), &random, onlyDigits: true) == isThere, "\(wanted) in \(spaced)")
    }
  }
}

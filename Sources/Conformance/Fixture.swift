/// A C program that prints what it observes and holds no expectations.
public struct Fixture: Sendable {
  public let name: String
  let source: [UInt8]
  /// The system calls that it tests, as its `// calls:` lines name them.
  public let calls: [String]

  init(name: String, source: [UInt8]) {
    self.name = name
    self.source = source
    calls = Self.calls(in: source)
  }

  /// Only the comment at the top counts: further down the words may be C's.
  private static func calls(in source: [UInt8]) -> [String] {
    let mark = "// calls:"
    var calls: [String] = []
    for bytes in source.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let line = String(decoding: bytes, as: UTF8.self)
      guard line.hasPrefix("//") else { break }
      guard line.hasPrefix(mark) else { continue }
      let names = line.dropFirst(mark.count).split { $0 == " " || $0 == "," || $0 == "\t" }
      calls += names.map(String.init)
    }
    return calls
  }
}

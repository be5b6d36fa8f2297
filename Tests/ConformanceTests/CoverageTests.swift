import Glibc
import Testing
import VirtualKernel

/// Which system calls are tested: each fixture names those that it tests.
@Suite struct CoverageTests {
  @Test("Every system call of the registry is named by a fixture")
  func everyCallIsTested() {
    let tested = Set(Fixtures.calls.values.joined())
    #expect(Registry.entries.map(\.name).filter { !tested.contains($0) } == [])
  }

  @Test("A fixture names only calls that there are, each once", arguments: Fixtures.calls.keys.sorted())
  func namesAreCalls(_ fixture: String) {
    let names = Fixtures.calls[fixture] ?? []
    let known = Set(Registry.entries.map(\.name))
    #expect(!names.isEmpty, "no line \"// calls: ...\" after the first comment")
    #expect(names.filter { !known.contains($0) } == [])
    #expect(names.count == Set(names).count)
  }
}

enum Fixtures {
  /// What each fixture says that it tests, by the fixture's name.
  static let calls: [String: [String]] = {
    let folder = Places.package + "/Fixtures"
    let sources = Places.names(in: folder).filter { $0.hasSuffix(".c") }
    return Dictionary(uniqueKeysWithValues: sources.map { (String($0.dropLast(2)), named(in: "\(folder)/\($0)")) })
  }()

  /// The words of the lines `// calls:` in the comment that a file begins with.
  private static func named(in path: String) -> [String] {
    guard let file = fopen(path, "re") else { return [] }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 1024)
    var names: [String] = []
    while fgets(&line, Int32(line.count), file) != nil {
      let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(whereSeparator: \.isWhitespace)
      guard words.first == "//" else { break }
      if words.dropFirst().first == "calls:" { names += words.dropFirst(2).map(String.init) }
    }
    return names
  }
}

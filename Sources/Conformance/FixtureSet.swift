import CConformance
import Glibc
import Supervisor

/// The fixtures with what they need beside them: headers, the scripts that prepare and look at a directory, and the intended
/// differences.
public struct FixtureSet: Sendable {
  public let fixtures: [Fixture]
  /// Whether somebody is working on the fixtures: then a compiler's warning is an error.
  let isWorkingCopy: Bool
  let headers: [(name: String, text: [UInt8])]
  let prepare: [UInt8]
  let snapshot: [UInt8]
  public let differences: Differences

  /// The suite that this program was built with.
  public static func builtIn() throws(ConformanceError) -> FixtureSet {
    try FixtureSet(builtInFiles.filter { $0.name.hasPrefix("Fixtures/") }, support: [:], isWorkingCopy: false)
  }

  /// The fixtures and headers of a directory. What is in `Conformance` beside it, as in a checkout, replaces the built-in
  /// `prepare`, `snapshot`, `differences.txt` and `option_differences.txt`.
  public init(directory: String) throws(ConformanceError) {
    guard let names = directoryEntries(directory) else {
      throw ConformanceError("cannot read \(directory): \(String(cString: strerror(errno)))")
    }
    var files: [(name: String, text: [UInt8])] = []
    for name in names.sorted() where name.hasSuffix(".c") || name.hasSuffix(".h") {
      guard let text = fileContents("\(directory)/\(name)") else {
        throw ConformanceError("cannot read \(directory)/\(name): \(String(cString: strerror(errno)))")
      }
      files.append((name, text))
    }
    guard files.contains(where: { $0.name.hasSuffix(".c") }) else {
      throw ConformanceError("no fixture, NAME.c, in \(directory)")
    }
    if !files.contains(where: { $0.name == "observe.h" }), let header = Self.builtIn("Fixtures/observe.h") {
      files.append(("observe.h", header))
    }
    var support: [String: [UInt8]] = [:]
    for name in ["prepare", "snapshot", "differences.txt", "option_differences.txt"] {
      support[name] = fileContents("\(directory)/../Conformance/\(name)")
    }
    try self.init(files, support: support, isWorkingCopy: true)
  }

  private init(
    _ files: [(name: String, text: [UInt8])], support: [String: [UInt8]], isWorkingCopy: Bool
  ) throws(ConformanceError) {
    func text(_ name: String) throws(ConformanceError) -> [UInt8] {
      guard let text = support[name] ?? Self.builtIn("Conformance/\(name)") else {
        throw ConformanceError("this uwrx was built without \(name)")
      }
      return text
    }
    let named = files.map { (name: lastComponent($0.name), text: $0.text) }
    fixtures = named.filter { $0.name.hasSuffix(".c") }.sorted { $0.name < $1.name }
      .map { Fixture(name: String($0.name.dropLast(2)), source: $0.text) }
    headers = named.filter { $0.name.hasSuffix(".h") }
    prepare = try text("prepare")
    snapshot = try text("snapshot")
    differences = try Differences(parsing: try text("differences.txt"), optional: try text("option_differences.txt"))
    self.isWorkingCopy = isWorkingCopy
  }

  public subscript(name: String) -> Fixture? { fixtures.first { $0.name == name } }

  /// The fixtures of the names that a user gave, which may be those of their files.
  public func select(_ names: [String]) throws(ConformanceError) -> [Fixture] {
    var selected: [Fixture] = []
    for argument in names {
      var name = lastComponent(argument)
      if name.hasSuffix(".c") { name.removeLast(2) }
      guard let fixture = self[name] else { throw ConformanceError(unknown(name)) }
      if !selected.contains(where: { $0.name == name }) { selected.append(fixture) }
    }
    return selected
  }

  private func unknown(_ name: String) -> String {
    let testing = fixtures.filter { $0.calls.contains(name) }.map(\.name)
    if !testing.isEmpty {
      return "no fixture \"\(name)\"; this system call is tested by \(testing.joined(separator: ", "))"
    }
    let near = nearNames(to: name, in: fixtures.map(\.name))
    return near.isEmpty
      ? "no fixture \"\(name)\": uwrx test --list names them"
      : "no fixture \"\(name)\"; did you mean \(near.joined(separator: ", "))?"
  }

  /// The files that this program was built with, by their path in the checkout.
  public static let builtInFiles: [(name: String, text: [UInt8])] =
    (0..<uwrx_conformance_file_count()).map { index in
      let file = uwrx_conformance_file(index).pointee
      let text = UnsafeBufferPointer(start: file.text, count: strlen(file.text))
      return (String(cString: file.name), text.map { UInt8(bitPattern: $0) })
    }

  private static func builtIn(_ name: String) -> [UInt8]? { builtInFiles.first { $0.name == name }?.text }
}

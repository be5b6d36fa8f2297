import Conformance
import Foundation

/// The suite of this checkout.
enum Checkout {
  static let package: String = {
    let components = #filePath.split(separator: "/").dropLast(3)
    return "/" + components.joined(separator: "/")
  }()

  static let set = Result { () throws(ConformanceError) in try FixtureSet(directory: package + "/Fixtures") }

  static let harness = Result { () throws(ConformanceError) in
    let scratch = try Scratch(try set.get())
    // Statics are never released.
    discarded = scratch
    atexit { Checkout.discarded?.remove() }
    return try Harness(try set.get(), uwrx: environment("UWRX") ?? package + "/.build/debug/uwrx", scratch: scratch)
  }

  private nonisolated(unsafe) static var discarded: Scratch?

  /// All fixtures, or those that the environment variable UWRX_FIXTURES names, separated by commas, on all grounds or those
  /// that UWRX_GROUNDS names.
  static let cases: [Case] = {
    let names = environment("UWRX_FIXTURES")?.split(separator: ",").map(String.init)
    let grounds = environment("UWRX_GROUNDS")?.split(separator: ",").map(String.init)
    let fixtures = (try? set.get().fixtures) ?? []
    return Case.all(of: fixtures.filter { names?.contains($0.name) ?? true })
      .filter { grounds?.contains($0.ground.rawValue) ?? true }
      // A static program of an ordinary user meets nothing that one of root's and a dynamic one of the user's do not; `uwrx test` runs it, too.
      .filter { $0.linkage == .dynamic || !$0.becomesOther }
  }()

  private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// What belongs to the suite in a folder: fixtures and their headers, and what every fixture needs.
  static func files(in folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted()
      .filter { name in
        name.hasSuffix(".c") || name.hasSuffix(".h")
          || ["prepare", "snapshot", "differences.txt", "option_differences.txt"].contains(name)
      } ?? []
  }

  static func contents(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map(Array.init) }
}

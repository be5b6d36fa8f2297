import Foundation
import Testing

/// One script of Conformance/Programs. Its header lines say what the harness must know:
///
///     # users: user mapped         who runs it (default: root user)
///     # timeout: 600               seconds for one run (default: 300)
///     # sources: /opt=/opt         further --source options
///     # sources-package: zlib      a Debian source package that the script finds in ./source
struct ProgramScript: Sendable {
  let name: String
  let path: String
  private let header: [String: String]

  static let folder = Workspace.package + "/Conformance/Programs"
  static let cache = ProcessInfo.processInfo.environment["UWRX_TEST_CACHE"] ?? "/var/tmp/uwrx-test-cache"

  init(name: String) {
    self.name = name
    path = Self.folder + "/" + name + ".sh"
    var header: [String: String] = [:]
    for line in (readFile(path) ?? "").split(separator: "\n") {
      guard line.hasPrefix("#") else { break }
      let parts = line.dropFirst().split(separator: ":", maxSplits: 1)
      if parts.count == 2 {
        header[parts[0].trimmingCharacters(in: .whitespaces)] = parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    self.header = header
  }

  private func words(_ key: String) -> [String] { header[key]?.split(separator: " ").map(String.init) ?? [] }

  var seconds: Double { header["timeout"].flatMap(Double.init) ?? 300 }
  var sources: [String] { words("sources").flatMap { ["--source", $0] } }
  var package: String? { header["sources-package"] }
  var identities: [Identity] {
    let named = words("users").compactMap(Identity.init)
    return named.isEmpty ? [.root, .user] : named
  }
}

/// A script and who runs it. `UWRX_PROGRAMS="git cc"` takes only these; `UWRX_USERS="user"` only these users.
struct ProgramCase: Sendable, CustomTestStringConvertible {
  let script: ProgramScript
  let identity: Identity

  var testDescription: String { "\(script.name) as \(identity)" }

  static let all: [ProgramCase] = {
    func chosen(_ variable: String) -> [String]? {
      ProcessInfo.processInfo.environment[variable]?.split(separator: " ").map(String.init)
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: ProgramScript.folder)) ?? []
    let names = files.filter { $0.hasSuffix(".sh") }.map { String($0.dropLast(3)) }.sorted()
    let users = chosen("UWRX_USERS") ?? Identity.allCases.map(\.rawValue)
    return names.filter { chosen("UWRX_PROGRAMS")?.contains($0) ?? true }.map(ProgramScript.init).flatMap { script in
      script.identities.filter { $0.isPossible && users.contains($0.rawValue) }.map {
        ProgramCase(script: script, identity: $0)
      }
    }
  }()
}

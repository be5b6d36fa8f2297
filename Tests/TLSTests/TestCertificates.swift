import Foundation

/// Keys and certificates that `openssl` makes in a directory of their own, which goes with this object.
final class TestCertificates: Sendable {
  let directory: URL

  /// `ca` issues `leaf` (localhost, *.example.test, 127.0.0.1), `other` (other.test) and `expired`; `lone` is signed by itself, for localhost.
  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let names = "subjectAltName=DNS:localhost,DNS:*.example.test,IP:127.0.0.1"
    try selfSigned("ca", ["-subj", "/CN=Test CA"])
    try selfSigned("lone", ["-subj", "/CN=localhost", "-addext", names])
    try issue("leaf", names, days: 30)
    try issue("other", "subjectAltName=DNS:other.test", days: 30)
    try issue("expired", names, days: -1)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func path(_ name: String) -> String { directory.appending(path: name).path }

  func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: directory.appending(path: name))) }

  private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

  private func selfSigned(_ name: String, _ options: [String]) throws {
    try openssl(
      ["req", "-x509", "-days", "30", "-keyout", "\(name).key", "-out", "\(name).pem"] + Self.newKey + options)
  }

  private func issue(_ name: String, _ extensions: String, days: Int) throws {
    try Data(extensions.utf8).write(to: directory.appending(path: "\(name).ext"))
    try openssl(
      ["req", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)"] + Self.newKey)
    try openssl([
      "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "\(days)",
      "-extfile", "\(name).ext", "-out", "\(name).pem",
    ])
  }

  private func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.currentDirectoryURL = directory
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw TestFailure("openssl \(arguments) failed") }
  }
}

struct TestFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

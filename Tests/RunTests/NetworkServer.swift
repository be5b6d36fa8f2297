import Foundation
import Testing

/// A program of Conformance/Network that serves on the host's loopback while a guest runs.
struct NetworkServer {
  let directory: String
  let port: Int
  /// One that nobody listens at; of web.py, that of TLS.
  let closedPort: Int
  /// uwrx, as the user of the test.
  let prefix: String
  let end: () -> Void

  /// - Parameter script: in the directory; it prints two ports, and ends when its input does.
  init(_ script: String, _ arguments: [String], in directory: String, prefix: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [script.hasSuffix(".js") ? "node" : "python3", script] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    end = {
      try? input.fileHandleForWriting.close()
      process.waitUntilExit()
    }
    var line = Data()
    while line.last != 0x0a, let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
      line += byte
    }
    let ports = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    guard ports.count == 2 else { end(); throw CocoaError(.fileReadUnknown) }
    (port, closedPort) = (ports[0], ports[1])
    self.directory = directory
    self.prefix = prefix
  }

  /// Runs uwrx there.
  struct Runner {
    let server: NetworkServer

    func callAsFunction(
      _ options: String, command: String = "run", files: [String: String] = [:], environment: String = ""
    ) throws -> CommandLine.Outcome {
      for (name, text) in files {
        try text.write(toFile: "\(server.directory)/\(name)", atomically: false, encoding: .utf8)
      }
      return try CommandLine.shell("\(environment) \(server.prefix) \(command) \(options)", in: server.directory)
    }
  }
}

/// A directory with a server, the others that can be started, and uwrx for a user.
func withServer(
  _ user: Int, _ script: String = "server.py", _ arguments: [String] = [],
  _ body: (NetworkServer, NetworkServer.Runner) throws -> Void
) throws {
  let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Conformance/Network").path
  try CommandLine.withDirectory { directory in
    var prefix = CommandLine.binary
    let isOther = user != Int(getuid())
    _ = try CommandLine.shell(
      """
      cp -r \(scripts)/* . && cp \(prefix) \(prefix)-proxy . && chmod 755 * && mkdir served && cd served && echo contents > file &&
      head -c 3000000 /dev/urandom > large && git init -q --bare repository.git && git init -q ../origin && cd ../origin &&
      echo readme > readme && git add . && git -c user.name=a -c user.email=a commit -q -m 1 &&
      git push -q ../served/repository.git HEAD:refs/heads/master && cd ../served/repository.git &&
      git symbolic-ref HEAD refs/heads/master && git update-server-info && cd ../.. && chown -R \(user) .
      """, in: directory)
    if isOther { prefix = "env HOME=/nonexistent setpriv --reuid \(user) --regid \(user) --clear-groups ./uwrx" }
    let server = try NetworkServer(script, arguments, in: directory, prefix: prefix)
    defer { server.end() }
    try body(server, NetworkServer.Runner(server: server))
  }
}

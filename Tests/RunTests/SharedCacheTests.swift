import CacheKit
import Foundation
import Testing

/// What one machine has done another need not do, by way of a server that neither need trust.
@Suite("Shared caches")
struct SharedCacheTests {
  private struct Machines {
    let directory: String
    let server: CacheServer
    let prefix: String

    var address: String { "http://127.0.0.1:\(server.port)/team" }

    /// Builds two programs natively and as one machine, with a directory of its own beside the shared cache.
    /// - Returns: how many were skipped, and what uwrx said.
    func build(_ machine: String, _ options: String, environment: String = "") throws -> (skipped: Int, told: String) {
      let script = "cc -O1 -c one.c && cc -O1 -c two.c; echo $?; sha256sum *.o"
      let native = try CommandLine.shell(
        "rm -rf ../native && cp -r . ../native && cd ../native && rm -f *.o && (\(script))", in: project)
      let guest = try CommandLine.shell(
        """
        rm -f *.o; \(environment) \(prefix) run --system --no-project --build ../build --cache ../\(machine) --cache \(address) --no-skip dash \(options) -- sh -c '\(script)' | cat
        """, in: project)
      #expect(guest.output == native.output, "\(guest)")
      let skipped = try CommandLine.shell("\(prefix) inspect events ../build/last --type skipped", in: project)
      return (skipped.output.split(separator: "\n").count, guest.error)
    }

    var project: String { directory + "/project" }
  }

  private func withMachines(_ user: Int = Int(getuid()), _ body: (Machines) throws -> Void) throws {
    let server = CacheServer()
    defer { server.end() }
    try CommandLine.withDirectory { directory in
      var prefix = CommandLine.binary
      _ = try CommandLine.shell(
        """
        mkdir project a b c && echo 'int one(void) { return 1; }' > project/one.c && echo 'int two(void) { return 2; }' > project/two.c &&
        \(CommandLine.binary) cache key team && \(CommandLine.binary) cache key other && cp \(prefix) \(prefix)-cache . && chown -R \(user) .
        """, in: directory)
      if user != Int(getuid()) {
        prefix = "env HOME=/nonexistent setpriv --reuid \(user) --regid \(user) --clear-groups ../uwrx"
      }
      try body(Machines(directory: directory, server: server, prefix: prefix))
    }
  }

  @Test("what one has done another need not do, if it is signed", arguments: SkippingTests.users)
  func sharing(_ user: Int) throws {
    try withMachines(user) { machines in
      #expect(try machines.build("a", "--cache-key ../team") == (0, ""))
      #expect(try machines.build("b", "--cache-key ../team.pub") == (2, ""))
      // From its own directory, without the server.
      _ = machines.server.takeRequests()
      #expect(try machines.build("b", "--cache-key ../team.pub") == (2, ""))
      #expect(machines.server.takeRequests() == [])
      let (skipped, told) = try machines.build("c", "--cache-key ../other.pub")
      #expect(skipped == 0)
      #expect(
        told
          == "uwrx: 2 records of the shared cache were left out: they are damaged, or not signed with the key of --cache-key\n"
      )
      #expect(try machines.build("d", "--cache-trust --cache-read-only").skipped == 2)
    }
  }

  @Test(
    "a server that lies, cuts or fails costs nothing but a line",
    arguments: [
      CacheServer.Fault.lying, .truncating, .halving, .rubbish, .failing,
    ])
  func faults(_ fault: CacheServer.Fault) throws {
    try withMachines { machines in
      #expect(try machines.build("a", "--cache-trust") == (0, ""))
      machines.server.fault = fault
      let (skipped, told) = try machines.build("b", "--cache-trust --cache-read-only")
      #expect(skipped == 0)
      #expect(told.hasPrefix("uwrx: the shared cache at http://127.0.0.1:\(machines.server.port) "), "\(told)")
      #expect(told.split(separator: "\n").count == 1, "\(told)")
    }
  }

  @Test("credentials come from a variable that the guest does not see, a header or netrc")
  func credentials() throws {
    try withMachines { machines in
      machines.server.fault = .locked
      let (_, told) = try machines.build("a", "--cache-trust")
      #expect(told.contains("401 Unauthorized"), "\(told)")
      let variable = "UWRX_CACHE_HEADER='Authorization: Bearer right'"
      #expect(try machines.build("b", "--cache-trust", environment: variable) == (0, ""))
      #expect(try machines.build("c", "--cache-trust --cache-header 'Authorization: Bearer right'") == (2, ""))
      let seen = try CommandLine.shell(
        "\(variable) \(machines.prefix) run --env-all --system --no-project --cache ../d -- sh -c 'echo \"[$UWRX_CACHE_HEADER]\"'",
        in: machines.project)
      #expect(seen.output == "[]\n", "\(seen)")
      try "machine 127.0.0.1 login a password b".write(
        toFile: machines.directory + "/netrc", atomically: false, encoding: .utf8)
      let open = try CommandLine.shell(
        "chmod 644 ../netrc; NETRC=../netrc \(machines.prefix) run --cache \(machines.address) --cache-trust -- true",
        in: machines.project)
      #expect(
        open.status == 125 && open.error == "uwrx: others may read the password in ../netrc: chmod 600\n", "\(open)")
    }
  }

  static let webServer = "/usr/sbin/nginx"

  @Test("nginx with its WebDAV module is such a server", .enabled(if: access(webServer, X_OK) == 0))
  func nginx() throws {
    try withMachines { machines in
      let directory = machines.directory
      let port = machines.server.port
      // Its port is free from here on.
      machines.server.end()
      let configuration = """
        daemon off; \(getuid() == 0 ? "user root;" : "") pid \(directory)/pid; error_log \(directory)/error; worker_processes 1;
        events {}
        http {
          access_log off; client_body_temp_path \(directory)/t; proxy_temp_path \(directory)/t1; fastcgi_temp_path \(directory)/t2;
          uwsgi_temp_path \(directory)/t3; scgi_temp_path \(directory)/t4;
          server { listen 127.0.0.1:\(port); root \(directory)/served; client_max_body_size 1G;
            location / { dav_methods PUT; create_full_put_path on; } }
        }
        """
      try configuration.write(toFile: "\(directory)/nginx.conf", atomically: false, encoding: .utf8)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Self.webServer)
      process.arguments = ["-c", "\(directory)/nginx.conf"]
      process.standardError = FileHandle.nullDevice
      try process.run()
      defer {
        process.terminate()
        process.waitUntilExit()
      }
      let listens = try CommandLine.shell(
        "until test -s pid; do sleep 0.05; kill -0 \(process.processIdentifier) || exit 1; done", in: directory)
      #expect(listens.status == 0)
      #expect(try machines.build("a", "--cache-key ../team") == (0, ""))
      #expect(try machines.build("b", "--cache-key ../team.pub") == (2, ""))
    }
  }

  @Test("what cannot be right is said before anything runs")
  func refusals() throws {
    try withMachines { machines in
      for (options, message) in [
        ("--cache \(machines.address)", "--cache-trust"),
        ("--cache http://a --cache http://b --cache-trust", "one address"),
        ("--cache ftp://a --cache-trust", "http://, https://, grpc:// or grpcs://"),
        ("--cache http://u:p@a --cache-trust", "netrc"), ("--cache ../x --cache-trust", "for a shared cache"),
        ("--cache \(machines.address) --cache-key ../missing", "No such file"),
        ("--cache \(machines.address) --cache-key one.c", "no key in PEM"),
        ("--cache \(machines.address) --cache-key ../open", "chmod 600"),
        ("--cache https://a --cache-ca one.c --cache-trust", "no certificate"),
      ] as [(String, String)] {
        let outcome = try CommandLine.shell(
          "cp ../team ../open; chmod 644 ../open; \(machines.prefix) run \(options) -- true", in: machines.project)
        #expect(outcome.status == 125 && outcome.error.contains(message), "\(options): \(outcome)")
      }
      for command in ["stats", "verify", "prune --size 1M"] {
        let outcome = try CommandLine.shell(
          "\(machines.prefix) cache \(command) \(machines.address)", in: machines.project)
        #expect(outcome.status == 125 && outcome.error.contains("looked after by its server"), "\(outcome)")
      }
      let again = try CommandLine.shell("\(machines.prefix) cache key ../team", in: machines.project)
      #expect(again.status == 125 && again.error.contains("File exists"), "\(again)")
    }
  }
}

import Foundation
import Testing

/// Guests and servers that want more of the network than there is for them, or to keep it from others.
@Suite("Attacks on the network", .serialized)
struct NetworkAttackTests {
  /// Whoever owns a name decides where it leads, and may decide otherwise a moment later (DNS rebinding).
  @Test("a name that changes its address leads nowhere else", arguments: NetworkTests.users)
  func rebinding(_ user: Int) throws {
    try withServer(user) { server, _ in
      let namespaces = getuid() == 0 ? "unshare -n -m" : "unshare -r -n -m"
      let outcome = try CommandLine.shell("\(namespaces) python3 rebind.py \(server.prefix)", in: server.directory)
      let names = ["loopback", "zero", "metadata", "private", "six", "mapped", "nat64", "site"]
      let reached =
        names.map { ($0, "8.8.4.4 ENETUNREACH") } + [("same", "8.8.4.4 8.8.4.4"), ("both", "8.8.4.4 8.8.4.4")]
      #expect(
        Set(outcome.output.split(separator: "\n").map(String.init)) == Set(reached.map { "\($0) \($1)" }), "\(outcome)")
      #expect(outcome.error.contains("private.test:8000, which is at 10.1.2.3: --allow 10.1.2.3:8000 lets it through"))
    }
  }

  /// The limit is one that a user's shell has: the proxy goes as far as the hard one.
  @Test("who holds connections and asks without end keeps it from nobody", arguments: NetworkTests.users)
  func flood(_ user: Int) throws {
    try withServer(user) { server, _ in
      let outcome = try CommandLine.shell(
        "ulimit -S -n 1024; python3 peak.py \(server.prefix) run --system --net --allow server.test "
          + "--resolve 'server.test:*:127.0.0.1' -- python3 flood.py server.test \(server.port) 4 80 1000",
        in: server.directory)
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(Array(lines.prefix(4)) == ["b'served'", "b'served'", "b'served'", "held"], "\(outcome)")
      // Megabytes, of which 30 are the program's.
      let peak = try #require(lines.last.flatMap { Int($0) })
      #expect((1..<200).contains(peak))
    }
  }

  /// By TLS, where the name that the client asks for (SNI) and the request's Host have to be the one that was dialled. A target that is a whole URL is passed
  /// on as it is, and web.py has no such file.
  @Test("who has dialled one name gets no other by it", arguments: NetworkTests.users)
  func otherNames(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let curl = "curl -sS -o /dev/null -w '%{http_code}\\n'"
      let port = server.closedPort
      try """
      \(curl) --connect-to other.test:\(port):web.test:\(port) https://other.test:\(port)/file 2>&1 | grep -o 'unrecognized name'
      \(curl) -H 'Host: other.test' https://web.test:\(port)/file
      \(curl) --request-target http://other.test/file https://web.test:\(port)/file
      \(curl) --request-target https://web.test:\(port)/file https://web.test:\(port)/file
      \(curl) https://web.test:\(port)/file
      """.write(toFile: server.directory + "/names.sh", atomically: false, encoding: .utf8)
      let outcome = try run(
        "--system --net --upstream-ca ca.pem --allow web.test --resolve 'web.test:*:127.0.0.1' -- sh names.sh")
      #expect(outcome.output == "unrecognized name\n421\n421\n404\n200\n", "\(outcome)")
      #expect(
        outcome.error.contains("web.test:\(port): the client asks for other.test there (SNI)"), "\(outcome.error)")
    }
  }

  @Test("what a server has compressed stays so")
  func bomb() throws {
    try withServer(Int(getuid()), "web.py", ["served"]) { server, _ in
      let outcome = try CommandLine.shell(
        "python3 peak.py \(server.prefix) run --system --net --upstream-ca ca.pem --allow web.test --resolve 'web.test:*:127.0.0.1' -- "
          + "sh -c 'curl -sS http://web.test:\(server.port)/bomb https://web.test:\(server.closedPort)/bomb | wc -c' && "
          + "wc -c build/0/0/net/web.test/requests/*.response-body | tail -1",
        in: server.directory)
      let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ")[0] }.compactMap { Int($0) }
      try #require(lines.count == 3, "\(outcome)")
      #expect(lines[0] == lines[2] && lines[0] < 2_000_000)
      #expect(lines[1] < 100)
    }
  }
}

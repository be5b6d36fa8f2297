import Foundation
import Testing

/// Programs that speak something of their own, and what is hard to answer again.
@Suite("Programs on the network", .serialized)
struct NetworkProgramTests {
  /// Those of `Conformance/Network/programs` that are quick, and whose packages the other tests need, too.
  @Test(
    "speak as they do natively, and again without their servers",
    arguments: getuid() == 0 ? [("", "git redis-cli"), ("--user", "smtp psql")] : [("", "smtp redis-cli psql")])
  func programs(_ option: String, _ names: String) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Conformance/Network/run").path
    let outcome = try CommandLine.shell("UWRX=\(CommandLine.binary) \(script) --quick \(option) \(names)", in: "/")
    #expect(outcome.status == 0, "\(outcome)")
    #expect(outcome.output.split(separator: "\n").count == 2 + names.split(separator: " ").count, "\(outcome)")
  }

  /// Clients make connections that they then do not need, and at another time others.
  @Test("a connection on which nothing is said is nobody's answer", arguments: NetworkTests.users)
  func silence(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let script = """
        import os, socket, urllib.request
        def connect():
            return socket.create_connection(("web.test", \(server.port)))
        def get():
            print(urllib.request.urlopen("http://web.test:\(server.port)/file").read())
        order = os.environ["ORDER"]
        silent = []
        for letter in order:
            silent.append(connect()) if letter == "s" else get()
        for one in silent:
            one.close()
        """
      let recorded = try run(
        "--system --net --allow web.test --resolve 'web.test:*:127.0.0.1' --env ORDER=sgsg -- python3 silent.py",
        files: ["silent.py": script])
      #expect(recorded.output == "b'contents\\n'\nb'contents\\n'\n", "\(recorded)")
      server.end()
      for order in ["ggss", "gsssg"] {
        let replay = try run("--replay build/0/0 --env ORDER=\(order)")
        #expect(replay.output == recorded.output, "\(order)")
        #expect(replay.status == 0 && replay.error == "", "\(order) \(replay.error)")
      }
    }
  }

  /// Of a server that speaks no TLS, and of one whose authority nobody knows: clients try something else then.
  @Test("a handshake that has failed fails again", arguments: NetworkTests.users)
  func handshakes(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let script = """
        for url in https://web.test:\(server.port)/file https://web.test:\(server.closedPort)/file http://web.test:\(server.port)/file; do
          curl -sS $url; echo $?
        done
        """
      let recorded = try run(
        "--system --net --allow web.test --resolve 'web.test:*:127.0.0.1' -- sh tls.sh", files: ["tls.sh": script])
      #expect(recorded.output == "35\n35\ncontents\n0\n", "\(recorded)")
      #expect(recorded.error.contains("its certificate is not trusted"))
      server.end()
      let replay = try run("--replay build/0/0")
      #expect(replay.output == recorded.output)
      #expect(replay.status == 0)
    }
  }
}

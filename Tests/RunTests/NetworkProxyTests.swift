import Foundation
import Testing

/// Proxies of HTTP's: those that a guest uses, those by which connections go out, and uwrx-proxy itself, which may die.
@Suite("NetworkProxy", .serialized)
struct NetworkProxyTests {
  /// web.py behind proxy.py, which makes connections to a port alone if that is given.
  private func withProxy(
    _ user: Int, connecting only: (NetworkServer) -> Int = { _ in 0 }, credentials: String? = nil,
    _ body: (_ web: NetworkServer, _ proxy: NetworkServer, NetworkServer.Runner) throws -> Void
  ) throws {
    try withServer(user, "web.py", ["served"]) { web, run in
      let arguments = ["log", "\(only(web))", "\(web.port)"] + (credentials.map { [$0] } ?? [])
      let proxy = try NetworkServer("proxy.py", arguments, in: web.directory, prefix: web.prefix)
      defer { proxy.end() }
      try body(web, proxy, run)
    }
  }

  private func log(_ server: NetworkServer) throws -> String {
    try String(contentsOfFile: server.directory + "/log", encoding: .utf8)
  }

  // MARK: The guest's own

  @Test(
    "what goes over a guest's CONNECT is recorded as the target's, and answered again", arguments: NetworkTests.users)
  func connect(_ user: Int) throws {
    try withProxy(user) { web, proxy, run in
      let curl =
        "curl -4 -sS -p -x http://proxy.test:\(proxy.port) https://web.test:\(web.closedPort)/file http://web.test:\(web.port)/chunked"
      let options =
        "--system --net --upstream-ca ca.pem --allow proxy.test --resolve 'proxy.test:*:127.0.0.1' --resolve 'web.test:*:192.0.2.1'"
      let recorded = try run("\(options) --allow web.test -- env -u SSL_CERT_DIR \(curl)")
      #expect(recorded.output == "contents\none two three\n", "\(recorded.error)")
      #expect(recorded.error == "")
      #expect(try log(web) == "CONNECT web.test:\(web.closedPort)\nCONNECT web.test:\(web.port)\n")
      let events = try run("inspect events last --type request", command: "").output
      for text in [
        "CONNECT web.test:\(web.closedPort) 200", "GET https://web.test:\(web.closedPort)/file 200, 0 bytes out, 9 in",
        "GET http://web.test:\(web.port)/chunked 200",
      ] { #expect(events.contains(text), "\(events)") }
      let kept = try String(
        contentsOfFile: web.directory + "/build/0/0/net/web.test/requests/log", encoding: .utf8)
      #expect(kept.contains("\nresponse-body\t9\n") && kept.contains("contents\n\n"), "\(kept)")

      // Neither by its name nor at all: the proxy hears nothing of it.
      let refused = try run("\(options) --deny web.test:\(web.port) -- env -u SSL_CERT_DIR \(curl)")
      #expect(refused.status == 56, "\(refused)")
      #expect(
        refused.error.contains(
          "uwrx: the guest could not reach web.test:\(web.closedPort): --allow web.test:\(web.closedPort) lets it through\n"
        )
          && refused.error.contains(
            "uwrx: the guest could not reach web.test:\(web.port): --deny web.test:\(web.port) keeps it out\n"),
        "\(refused.error)")
      let refusals = try run("inspect events last --type refusal", command: "").output
      #expect(refusals.split(separator: "\n").count == 2, "\(refusals)")
      #expect(try log(web).split(separator: "\n").count == 2)

      proxy.end()
      web.end()
      let again = try run("--replay build/0/0")
      #expect(again.output == recorded.output)
      #expect(again.error == "")
      #expect(again.status == 0)
    }
  }

  // MARK: The way out

  @Test(
    "connections go out by the user's proxy, and neither its password nor its variables are the guest's",
    arguments: NetworkTests.users)
  func upstream(_ user: Int) throws {
    try withProxy(user, connecting: \.closedPort, credentials: "ada:l%ve+lace") { web, proxy, run in
      let variables =
        "http_proxy=http://ada:l%25ve+lace@127.0.0.1:\(proxy.port) https_proxy=ada:l%25ve+lace@localhost:\(proxy.port)/"
      let script =
        "env | grep -ic _proxy; curl -4 -sS http://web.test/file http://web.test:\(web.port)/chunked; curl -4 -sS https://web.test:\(web.closedPort)/file; "
        + "curl -4 -sS https://nowhere.test:\(web.closedPort)/ 2>&1 | cut -d ' ' -f 1-2"
      let options = "--system --net --upstream-ca ca.pem --allow '*.test' -- env -u SSL_CERT_DIR sh -c \"\(script)\""
      let recorded = try run(options, environment: variables)
      #expect(recorded.output == "0\ncontents\none two three\ncontents\ncurl: (7)\n", "\(recorded.error)")
      #expect(
        recorded.error
          == "uwrx: the guest could not reach nowhere.test:\(web.closedPort): the upstream proxy http://localhost:\(proxy.port) answered 502 Bad Gateway\n"
      )
      // Port 80 is asked for by requests; where the proxy makes no connection, it takes them, too.
      #expect(
        try log(web)
          == """
          GET http://web.test/file
          CONNECT web.test:\(web.port)
          GET http://web.test:\(web.port)/chunked
          CONNECT web.test:\(web.closedPort)
          CONNECT nowhere.test:\(web.closedPort)

          """)
      #expect(try CommandLine.shell("grep -rlF -e 've+lace' -e YWRhOmw build", in: web.directory).output == "")
      let net = try run("inspect net last", command: "").output
      #expect(net.contains("web.test:\(web.closedPort) by way of http://localhost:\(proxy.port)"), "\(net)")

      let wrong = try run(
        "--system --net --allow web.test --upstream-proxy http://127.0.0.1:\(proxy.port) -- curl -4 -sS http://web.test:\(web.port)/file"
      )
      #expect(wrong.status == 7, "\(wrong)")
      #expect(wrong.error.contains("the upstream proxy http://127.0.0.1:\(proxy.port) asks who you are"))
      let gone = try run(
        "--system --net --allow web.test --upstream-proxy http://127.0.0.1:\(proxy.closedPort) -- curl -4 -sS http://web.test/file"
      )
      #expect(gone.status == 7)
      #expect(
        gone.error.contains(
          "the upstream proxy http://127.0.0.1:\(proxy.closedPort) cannot be reached: Connection refused"),
        "\(gone.error)")
      // What says that nobody is to be asked, and where a name leads.
      for given in [
        "--upstream-proxy none --resolve web.test:\(web.port):127.0.0.1",
        "--resolve web.test:\(web.port):127.0.0.1 --upstream-proxy http://127.0.0.1:\(proxy.closedPort)",
      ] {
        let direct = try run(
          "--system --net --allow web.test \(given) -- curl -4 -sS http://web.test:\(web.port)/file",
          environment: variables)
        #expect(direct.output == "contents\n", "\(direct.error)")
      }

      proxy.end()
      web.end()
      let again = try run("--replay build/0/0", environment: variables)
      #expect(again.output == recorded.output)
      #expect(again.error == "")
    }
  }

  // MARK: uwrx-proxy

  @Test(
    "a proxy that dies ends connections, and the next one goes on with what was recorded", arguments: NetworkTests.users
  )
  func restarted(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      // The guest waits for a line of its input, before which the process that has the connections is killed.
      let client = """
        import http.client, socket, sys
        def get(connection, path):
            connection.request("GET", path)
            print(connection.getresponse().read(), flush=True)
        for path in ("/file", "/chunked"):
            connection = http.client.HTTPConnection("web.test", \(server.port))
            get(connection, path)
            sys.stdin.readline()
            try:
                print(connection.sock.recv(1), end=" ")
            except OSError as error:
                print(error, end=" ")
        get(http.client.HTTPConnection("web.test", \(server.port)), "/length")
        """
      try client.write(toFile: server.directory + "/client.py", atomically: false, encoding: .utf8)
      let options = "--system --net --allow web.test --resolve 'web.test:*:127.0.0.1' -- python3 client.py"
      let outcome = try CommandLine.shell("python3 kill.py 2 1 \(server.prefix) run \(options)", in: server.directory)
      #expect(
        outcome.output == "b'contents\\n'\nb'' b'one two three\\n'\nb'' b'0\\n'\n",
        "\(outcome.output) \(outcome.error)")
      #expect(outcome.status == 0)
      #expect(
        outcome.error
          == "uwrx: uwrx-proxy was killed by signal 9, and was started again: connections that were open then have ended\n"
      )
      let events = try run("inspect events last --type network --type connection", command: "").output
      #expect(events.split(separator: "\n").count == 5, "\(events)")
      // Each exchange is there, with a number and a place of its own.
      let kept = try CommandLine.shell(
        "cd build/0/0/net/web.test && cat file%%file chunked%%file length%%file && grep -ah '^exchange\\|^order\\|^connection' requests/log",
        in: server.directory)
      #expect(
        kept.output
          == "contents\none two three\n0\n"
          + (1...3).map { "exchange\t\($0)\nconnection\t\($0)\norder\t\($0)\n" }.joined(),
        "\(kept)")
    }
  }

  @Test("a proxy that dies again and again is left, and the run goes on without a network")
  func left() throws {
    try withServer(Int(getuid()), "web.py", ["served"]) { server, run in
      let outcome = try CommandLine.shell(
        "python3 kill.py 6 0 \(server.prefix) run --system --net --allow web.test --resolve 'web.test:*:127.0.0.1' -- "
          + "sh -c 'echo; read line; curl -4 -sS http://web.test:\(server.port)/file; echo $?'", in: server.directory)
      #expect(outcome.status == 0)
      #expect(outcome.output == "\n6\n", "\(outcome)")
      #expect(
        outcome.error.contains("uwrx: uwrx-proxy was killed by signal 9, and was not started again"), "\(outcome.error)"
      )
    }
  }
}

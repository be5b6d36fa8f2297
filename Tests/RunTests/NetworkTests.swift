import Foundation
import Testing

/// A guest that was given a network, with servers of the host's loopback at its other side.
@Suite("Network", .serialized)
struct NetworkTests {
  /// What the guest sees is what a program outside sees of the same server, as root and as an ordinary user.
  @Test("connections are those of Linux", arguments: users)
  func connections(_ user: Int) throws {
    try withServer(user) { server, run in
      let native = try CommandLine.shell(
        "python3 client.py 127.0.0.1,::1 \(server.port) \(server.closedPort)", in: server.directory)
      let guest = try run(
        "--system --net --allow server.test --resolve 'server.test:*:127.0.0.1' -- "
          + "python3 client.py server.test \(server.port) \(server.closedPort)")
      #expect(native.status == 0, "\(native.error)")
      #expect(guest.output == native.output)
      #expect(guest.error == "")
      #expect(guest.status == 0)
      // Who connected, and to what; how much went which way.
      let events = try run("inspect events last --type connection --type connection-end", command: "").output
      #expect(events.contains("server.test:\(server.port) at 127.0.0.1"))
      #expect(events.contains("20971521 bytes out, 9 in"), "\(events.suffix(500))")
    }
  }

  @Test("what is not allowed cannot be reached, and is named with what would let it through", arguments: users)
  func refused(_ user: Int) throws {
    try withServer(user) { server, run in
      let script = """
        import errno, socket, sys, time
        for host, port in (("other.test", 80), ("server.test", 25), ("192.0.2.1", 443), ("2001:db8::1", 443), ("169.254.169.254", 80),
                           ("denied.test", 80)):
            began = time.monotonic()
            try:
                socket.create_connection((host, port))
            except OSError as error:
                print(host, port, errno.errorcode[error.errno])
            assert time.monotonic() - began < 30
        """
      try script.write(toFile: server.directory + "/try.py", atomically: false, encoding: .utf8)
      let outcome = try run(
        "--system --net --allow server.test:\(server.port) --allow '*.test:80' --deny denied.test --deny other.test "
          + "--resolve 'server.test:*:127.0.0.1' -- python3 try.py")
      let hosts = [
        "other.test 80", "server.test 25", "192.0.2.1 443", "2001:db8::1 443", "169.254.169.254 80", "denied.test 80",
      ]
      #expect(outcome.output == hosts.map { $0 + " ENETUNREACH\n" }.joined())
      let lines = [
        "other.test:80: --deny other.test keeps it out", "server.test:25: --allow server.test:25 lets it through",
        "192.0.2.1:443: --allow 192.0.2.1:443 lets it through",
        "[2001:db8::1]:443: --allow '[2001:db8::1]:443' lets it through",
        "169.254.169.254:80: --allow 169.254.169.254:80 lets it through",
        "denied.test:80: --deny denied.test keeps it out",
      ]
      #expect(outcome.error == lines.map { "uwrx: the guest could not reach \($0)\n" }.joined())
      let events = try run("inspect events last --type refusal --format json", command: "").output
      #expect(events.contains(#""host":"192.0.2.1:443","option":"--allow 192.0.2.1:443 lets it through""#), "\(events)")
    }
  }

  @Test("names are answered to whoever asks in whatever way", arguments: users)
  func names(_ user: Int) throws {
    try withServer(user) { server, run in
      let outcome = try run(
        """
        --system --net --allow server.test --resolve 'server.test:*:127.0.0.1' -- sh -c '
        cat /etc/resolv.conf; getent hosts localhost nothere.invalid; echo $?
        getent ahostsv4 server.test | cut -d " " -f 1 | sort -u
        busybox nslookup server.test 10.0.2.3 | grep -c "^Address: 127"
        busybox nslookup server.test 192.0.2.53 | grep -c "^Address: 127"
        python3 names.py'
        """,
        files: [
          "names.py": """
          import socket, struct
          query = b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6server\\4test\\0\\0\\1\\0\\1"
          with socket.create_connection(("10.0.2.3", 53)) as connection:
              connection.sendall((struct.pack(">H", len(query)) + query) * 2)
              answers = connection.makefile("rb")
              for _ in range(2):
                  answer = answers.read(struct.unpack(">H", answers.read(2))[0])
                  print(answer[:2].hex(), answer[-4], len(answer))
          with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams:
              datagrams.connect(("2001:db8::53", 53))
              datagrams.send(query)
              print(datagrams.recv(512)[-4])
          name = socket.gethostbyaddr(socket.gethostbyname("server.test"))[0]
          print(name)
          """
        ])
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(lines.count == 10, "\(outcome.output) \(outcome.error)")
      #expect(lines.first == "nameserver 10.0.2.3")
      #expect(lines.dropFirst(1).first?.hasSuffix("localhost ip6-localhost ip6-loopback") == true)
      #expect(Array(lines.dropFirst(2).prefix(1)) == ["2"])
      #expect(lines.dropFirst(3).first?.hasPrefix("127.") == true)
      #expect(Array(lines.dropFirst(4)) == ["1", "1", "1234 127 45", "1234 127 45", "127", "server.test"])
      let kept = try String(contentsOfFile: server.directory + "/build/0/0/net/server.test/ip4.txt", encoding: .utf8)
      #expect(kept.dropLast() == lines[3])
    }
  }

  @Test("a guest's server is reached from the host where it is published", arguments: users)
  func published(_ user: Int) throws {
    try withServer(user) { server, run in
      // The host's port is one that was free a moment ago.
      let script = """
        import socket, subprocess, sys, threading
        probe = socket.socket(); probe.bind(("127.0.0.1", 0)); port = probe.getsockname()[1]; probe.close()
        server = "import socket; s = socket.create_server((sys.argv[1], 7777)); print(1, flush=True); c, _ = s.accept(); c.sendall(c.recv(9) + b'!')"
        for address in ("127.0.0.1", "0.0.0.0"):
            guest = subprocess.Popen(sys.argv[1:] + ["--publish", f"{port}:7777", "--", "python3", "-c", "import sys; " + server, address],
                                     stdout=subprocess.PIPE)
            guest.stdout.readline()
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"hello")
                print(address, connection.recv(9), flush=True)
            print(guest.wait(), flush=True)
        with socket.create_server(("127.0.0.1", port)):
            print(subprocess.run(sys.argv[1:] + ["--publish", f"{port}:7777", "--", "true"], stderr=subprocess.STDOUT).returncode, flush=True)
        """
      try script.write(toFile: server.directory + "/publish.py", atomically: false, encoding: .utf8)
      let outcome = try CommandLine.shell("python3 publish.py \(server.prefix) run --system", in: server.directory)
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(Array(lines.prefix(4)) == ["127.0.0.1 b'hello!'", "0", "0.0.0.0 b'hello!'", "0"], "\(outcome)")
      let events = try run("inspect events build/0/0 --type network", command: "").output
      #expect(events.contains(" of the host leads to port 7777 of the guest"), "\(events)")
      #expect(lines.dropFirst(4).first?.hasPrefix("uwrx: cannot publish at 127.0.0.1:") == true, "\(outcome.output)")
      #expect(lines.last == "125")
    }
  }

  /// In the clear and by TLS, with what the guest trusts wherever it looks.
  @Test("what was asked of servers is answered again without them", arguments: users)
  func replayed(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let clients = "clients.sh \(server.port) \(server.closedPort)"
      let recorded = try run(
        "--system --net --upstream-ca ca.pem --allow web.test --resolve 'web.test:*:127.0.0.1' --env MORE= -- "
          + "env -u SSL_CERT_DIR sh \(clients)")
      #expect(recorded.error == "")
      #expect(recorded.status == 0)
      let lines = recorded.output.split(separator: "\n").map(String.init)
      // Of HTTP and HTTPS, each by several programs.
      for line in [
        "one two three", "204", "404", "ydob", "sknuhc ni", "None", "session=of-the-guest", "b'contents\\n'", "readme",
      ] {
        #expect(lines.contains(line), "\(line) \(recorded.output)")
      }
      let events = try run("inspect events last --type request", command: "").output
      #expect(events.contains("POST http://web.test:\(server.port)/post 200, 4 bytes out, 4 in"), "\(events)")
      #expect(events.contains("GET https://web.test:\(server.closedPort)/large 200, 0 bytes out, 3000000 in"))
      // Neither the header nor the cookie is kept.
      let secrets = try CommandLine.shell(
        "find build/0/0 -name request -o -name response -o -name perfetto | xargs grep -l of-the-guest",
        in: server.directory)
      #expect(secrets.output == "")

      server.end()
      let again = try run("--replay build/0/0")
      #expect(again.output == recorded.output)
      #expect(again.error == "")
      #expect(again.status == 0)

      let missing = try run("--replay build/0/0 --env MORE=1", files: ["more": ""])
      #expect(missing.output == recorded.output, "\(missing.error)")
    }
  }

  @Test("a replay asks nobody for what was not recorded, and says what that was", arguments: users)
  func missing(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let get = "curl -sS http://web.test:\(server.port)/$WHAT http://${HOST-web.test}:${PORT-\(server.port)}/file"
      _ = try run("--system --net --allow '*.test' --resolve '*.test:*:127.0.0.1' --env WHAT=file -- sh -c '\(get)'")
      let first = try run(
        "--system --net --allow web.test --allow other.test --resolve 'web.test:*:127.0.0.1' --resolve 'other.test:*:127.0.0.1' "
          + "--env WHAT=file -- sh -c '\(get)'")
      #expect(first.output == "contents\ncontents\n", "\(first.error)")
      // The server is there, and hears nothing.
      for (variable, line) in [
        ("WHAT=cookie", "not in the recorded run: "),
        ("HOST=other.test", "not in the recorded run: the name other.test A was not asked for"),
        (
          "PORT=\(server.closedPort)",
          "not in the recorded run: web.test:\(server.closedPort): nobody has connected to it"
        ),
      ] {
        let replay = try run("--replay last~0 --env \(variable)")
        #expect(replay.status == 125, "\(variable)")
        #expect(replay.error.contains(line), "\(replay.error)")
        #expect(!replay.output.contains("None"))
        let allowed = try run("--replay last --replay-misses allow --env \(variable)")
        #expect(allowed.status != 125)
        _ = try CommandLine.shell(
          "rm -rf build/*/[1-9]*; ln -sfn $(ls -d build/*0/0 | sort -V | tail -1 | cut -d / -f 2-) build/last",
          in: server.directory)
      }
      let off = try run("--replay last --no-net")
      #expect(off.error.contains("Could not resolve host"))
    }
  }

  @Test("HTTP/2 is spoken where both sides do, and answered again without the server", arguments: users)
  func http2(_ user: Int) throws {
    try withServer(user, "http2.js") { server, run in
      let curl = #"curl -sS -w "%{http_version}\n""#
      let secure = "https://web.test:\(server.closedPort)"
      let recorded = try run(
        "--system --net --upstream-ca ca.pem --allow web.test --resolve 'web.test:*:127.0.0.1' --env FLAG=--http2 -- env -u SSL_CERT_DIR sh -c '"
          + "\(curl) $FLAG -d hello \(secure)/said; \(curl) $FLAG \(secure)/large | tail -c 50; "
          + "\(curl) --http2-prior-knowledge http://web.test:\(server.port)/clear'")
      #expect(recorded.error == "")
      func answers(_ version: String) -> String {
        let rest = String(repeating: "x", count: 48 - version.count)
        return "HTTP/2.0 POST /said 5\n\(version)\n\(rest)\n\(version)\nHTTP/2.0 GET /clear 0\n2\n"
      }
      #expect(recorded.output == answers("2"))
      let events = try run("inspect events last --type request", command: "").output
      #expect(events.contains("POST \(secure)/said 200, 5 bytes out, 22 in"), "\(events)")
      let kept = try CommandLine.shell("cat build/0/0/net/web.test/requests/log", in: server.directory)
      #expect(kept.output.contains("HTTP/2 200\n") && kept.output.contains("\n\nx-status: fine\n"), "\(kept.output)")
      server.end()
      let replay = try run("--replay build/0/0")
      #expect(replay.output == recorded.output)
      #expect(replay.error == "")
      #expect(replay.status == 0)
      // The same answers by another version.
      let other = try run("--replay build/0/0 --env FLAG=--http1.1")
      #expect(other.output == answers("1.1"))
      #expect(other.error == "")
    }
  }

  /// Not what chance decides: which of several connections at once is which, and what comes of one that is reset.
  @Test("conversations that are no HTTP are answered again without their server", arguments: users)
  func streams(_ user: Int) throws {
    try withServer(user) { server, run in
      let script = """
        import socket, sys
        def talk(*said):
            with socket.create_connection(("server.test", \(server.port))) as connection:
                for bytes in said[:-1]:
                    connection.sendall(bytes)
                    print(connection.recv(9))
                connection.sendall(said[-1])
                connection.shutdown(socket.SHUT_WR)
                data = b""
                while part := connection.recv(65536):
                    data += part
                print(len(data), data[-9:])
        talk(b"eone", b"two", b"three " + sys.argv[1].encode())
        talk(b"s")
        talk(b"r" + bytes(3000000))
        talk(b"efour")
        talk(b"efive")
        with socket.create_connection(("server.test", \(server.port))) as connection:
            connection.sendall(b"x")
            try:
                print(connection.recv(1))
            except OSError as error:
                print(error)
        """
      try script.write(toFile: server.directory + "/talk.py", atomically: false, encoding: .utf8)
      let recorded = try run(
        "--system --net --allow server.test --resolve 'server.test:*:127.0.0.1' --env WORD=same -- sh -c 'python3 talk.py $WORD'"
      )
      #expect(recorded.status == 0, "\(recorded.error)")
      #expect(recorded.output.contains("20971520") && recorded.output.contains("[Errno 104]"), "\(recorded.output)")
      server.end()
      let replay = try run("--replay build/0/0")
      #expect(replay.output == recorded.output)
      #expect(replay.error == "")
      let other = try run("--replay build/0/0 --env WORD=other")
      #expect(other.status == 125)
      #expect(other.error.contains("it says something else than it said then"), "\(other.error)")
    }
  }

  @Test("a header is given to requests, and neither the guest nor the trace has it", arguments: users)
  func injected(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let get =
        "env | grep OF_HOST; curl -sS http://web.test:\(server.port)/length https://web.test:\(server.closedPort)/length"
      let options =
        "--system --net --upstream-ca ca.pem --allow web.test --resolve 'web.test:*:127.0.0.1' --env-all "
        + "--inject 'web.test:\(server.port): X-Secret: 0123456789abcdef' "
        + "--inject-from-env 'web.test:\(server.closedPort): x-secret: VALUE_OF_HOST' -- env -u SSL_CERT_DIR sh -c '\(get)'"
      let unset = try run(options)
      #expect(unset.status == 125 && unset.error.contains("VALUE_OF_HOST is not set"), "\(unset.error)")
      let outcome = try CommandLine.shell(
        "VALUE_OF_HOST=fedcba98 \(server.prefix) run \(options)", in: server.directory)
      #expect(outcome.output == "16\n8\n", "\(outcome.error)")
      let kept = try CommandLine.shell("grep -rl -e 0123456789abcdef -e fedcba98 build", in: server.directory)
      #expect(kept.output == "")
      // Who asked whom for what.
      let net = try run("inspect net last", command: "").output.split(separator: "\n")
      #expect(net.dropFirst(2).first?.hasSuffix("1  web.test:\(server.closedPort) at 127.0.0.1") == true, "\(net)")
    }
  }

  @Test("without --net there is no network, and nothing of it")
  func off() throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.run(
        [
          "run", "--system", "--", "sh", "-c",
          "ls /sys/class/net; python3 -c 'import socket; print(socket.if_nameindex())'",
        ], in: directory)
      #expect(outcome.output.contains("[(1, 'lo')"))
      #expect(!outcome.output.contains("eth0"))
      #expect(!FileManager.default.fileExists(atPath: directory + "/build/0/0/net"))
    }
  }

  @Test(
    "a wrong option is one clear message",
    arguments: [
      ("--allow example.org", "--allow says what a network is to be: add --net"),
      (
        "--net --allow https://example.org",
        "--allow 'https://example.org' is a URL: write the host alone, and a port after a colon"
      ),
      ("--net --allow 0x7f.1", "four decimal numbers"),
      ("--net --resolve a.test:80", "has not three parts"),
      ("--net --no-net", "--no-net excludes --net"),
      ("--publish 99999", "is no port"),
      ("--upstream-proxy none", "--upstream-proxy says what a network is to be: add --net"),
      (
        "--net --upstream-proxy socks5://ada:lovelace@a.test:1",
        "--upstream-proxy 'socks5://a.test:1' is no proxy that uwrx speaks to"
      ),
      ("--net --inject 'web.test: Secret'", "has a header without a value"),
      ("--replay-misses allow", "--replay-misses is for a replay"),
      ("--net=maybe", "The value 'maybe' is invalid"),
    ])
  func wrong(_ options: String, _ message: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell("\(CommandLine.binary) run --system \(options) -- true", in: directory)
      #expect(outcome.status == 125)
      #expect(outcome.error.contains(message), "\(outcome.error)")
    }
  }

  static let users = getuid() == 0 ? [0, 1000] : [Int(getuid())]
}

import Foundation
import Testing

/// What git does over a network, with git's own servers at the other side.
extension NetworkTests {
  private static let script = """
    git clone -q $URL/repository.git work && cd work && echo more > more && git add . &&
    git -c user.name=a -c user.email=a commit -q -m 2 && git push -q origin HEAD:refs/heads/pushed
    """

  @Test("git pushes only where it may, over HTTP and by its own protocol", arguments: ["http", "git"])
  func pushes(_ scheme: String) throws {
    try withServer(Int(getuid()), "git.py", ["served"]) { server, run in
      let port = scheme == "http" ? server.port : server.closedPort
      func push(_ options: String) throws -> CommandLine.Outcome {
        try run(
          "--system --net --allow git.test --resolve 'git.test:*:127.0.0.1' --env URL=\(scheme)://git.test:\(port) "
            + "--env GIT_CONFIG_GLOBAL=/dev/null \(options) -- sh push.sh", files: ["push.sh": Self.script])
      }
      func pushed() throws -> Bool {
        try CommandLine.shell(
          "git -c safe.directory='*' -C served/repository.git rev-parse -q --verify refs/heads/pushed",
          in: server.directory
        ).status == 0
      }
      let refused = try push("")
      #expect(refused.status == 128, "\(refused)")
      #expect(
        refused.error.contains(
          scheme == "http"
            ? "returned error: 403" : "remote error: uwrx: pushing with git is refused; --allow-push lets it"),
        "\(refused.error)")
      let line = "git.test:\(port): pushing with git is refused; --allow-push lets it through"
      #expect(refused.error.hasSuffix("uwrx: the guest could not reach \(line)\n"), "\(refused.error)")
      #expect(try run("inspect net last", command: "").output.contains(line))
      #expect(try !pushed())
      // The same is refused again without the server's being asked.
      let replay = try run("--replay last")
      #expect(replay.status == 128 && replay.error == refused.error, "\(replay)")

      let allowed = try push("--allow-push")
      #expect(allowed.status == 0 && allowed.error == "", "\(allowed)")
      #expect(try pushed())
    }
  }

  /// As an attacker spells it: in pieces, which are nothing to a server.
  @Test("a push is refused however it is sent")
  func pushesInPieces() throws {
    try withServer(Int(getuid()), "git.py", ["served"]) { server, run in
      let script = """
        import http.client, socket, sys, time
        line = b"git-receive-pack /repository.git\\0host=git.test\\0"
        line = b"%04x" % (len(line) + 4) + line
        for cuts in ([], [1], [4], [5], [2, 9, 15], [20]):
            with socket.create_connection(("git.test", \(server.closedPort))) as connection:
                start = 0
                for cut in cuts + [len(line)]:
                    connection.sendall(line[start:cut])
                    time.sleep(0.05)
                    start = cut
                connection.shutdown(socket.SHUT_WR)
                print(connection.makefile("rb").read()[4:].decode(), end="")
        for method, target, headers in (
            ("GET", "/repository.git/info/refs?service=git-receive-pack", {}),
            ("GET", "/repository.git/info/refs?a=b&service=git%2Dreceive-pack", {}),
            ("POST", "/repository.git/%67it-receive-pack", {}),
            ("POST", "/elsewhere", {"Content-Type": "application/x-git-receive-pack-request"}),
            ("GET", "/docs/git-receive-pack", {}),  # No push: the server's own answer.
        ):
            connection = http.client.HTTPConnection("git.test", \(server.port))
            connection.request(method, target, headers=headers)
            print(connection.getresponse().status)
        """
      let outcome = try run(
        "--system --net --allow git.test --resolve 'git.test:*:127.0.0.1' -- python3 pieces.py",
        files: ["pieces.py": script])
      let answer = "ERR uwrx: pushing with git is refused; --allow-push lets it through\n"
      #expect(outcome.output == String(repeating: answer, count: 6) + "403\n403\n403\n403\n400\n", "\(outcome)")
    }
  }
}

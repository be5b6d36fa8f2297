import Foundation
import Testing

/// What is told of a network afterwards.
extension NetworkTests {
  private static let script = """
    curl -sS http://web.test:$PORT/file 'http://web.test:'$PORT'/file?a=1&b=x%20y&token=of-the-guest' http://web.test:$PORT/gzip
    curl -sS -H 'Authorization: Bearer of-the-guest' -d of=body https://web.test:$TLS/post
    printf '\\000\\377' | curl -sS --data-binary @- http://web.test:$PORT/post
    curl -sS -o large http://web.test:$PORT/large
    curl -s http://other.test/ && exit 1
    exit 0
    """

  private func recorded(_ run: NetworkServer.Runner, _ server: NetworkServer) throws {
    let outcome = try run(
      "--system --net --upstream-ca ca.pem --allow web.test --resolve 'web.test:*:127.0.0.1' --env PORT=\(server.port) "
        + "--env TLS=\(server.closedPort) -- env -u SSL_CERT_DIR sh script.sh", files: ["script.sh": Self.script])
    try #require(outcome.status == 0, "\(outcome)")
  }

  @Test("connections, requests, names and refusals, in columns and as JSON")
  func figures() throws {
    try withServer(Int(getuid()), "web.py", ["served"]) { server, run in
      try recorded(run, server)
      let text = try run("inspect net last", command: "").output
      let tables = text.components(separatedBy: "\n\n")
      try #require(tables.count == 3, "\(text)")
      let connections = tables[0].split(separator: "\n")
      #expect(connections.count == 5 && connections[0].hasSuffix("requests  host"), "\(text)")
      #expect(connections[1].hasSuffix("       3  web.test:\(server.port) at 127.0.0.1"), "\(text)")
      let requests = tables[1].split(separator: "\n")
      #expect(requests.count == 7 && requests[0].hasSuffix("  in  request"), "\(text)")
      func end(_ line: Substring) -> [Substring] { line.split(separator: " ").suffix(5) }
      #expect(end(requests[4]) == ["200", "7B", "7B", "POST", "https://web.test:\(server.closedPort)/post"], "\(text)")
      #expect(end(requests[6]) == ["200", "0B", "2.86M", "GET", "http://web.test:\(server.port)/large"], "\(text)")
      // As wide as what is in them.
      let columns = requests.map { line in
        ["request", "GET ", "POST "].compactMap { line.range(of: $0)?.lowerBound.utf16Offset(in: line) }.first
      }
      #expect(Set(columns).count == 1 && columns[0] != nil, "\(text)")
      #expect(tables[2].contains("web.test") && tables[2].contains("AAAA"), "\(text)")
      #expect(text.contains("other.test:80: --allow other.test:80 lets it through\n"), "\(text)")

      let objects = try run("inspect net last --format json", command: "").output.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      func all(_ type: String) -> [[String: Any]] { objects.filter { $0["type"] as? String == type } }
      #expect(all("connection").map { $0["requests"] as? Int } == [3, 1, 1, 1])
      #expect(all("request").map { $0["received"] as? Int } == [9, 9, 27, 7, 2, 3_000_000], "\(all("request"))")
      #expect(all("request").allSatisfy { $0["status"] as? Int == 200 && $0["complete"] as? Bool == true })
      for request in all("request") {
        let connection = all("connection").first { $0["connection"] as? Int == request["connection"] as? Int }
        let start = try #require(connection?["start"] as? Int)
        let (time, took) = (try #require(request["time"] as? Int), try #require(request["took"] as? Int))
        #expect(took > 0 && time - took >= start - 50_000_000 && time <= connection?["end"] as? Int ?? 0)
        #expect(request["pid"] as? Int == connection?["pid"] as? Int)
      }
      #expect(all("refusal").first?["host"] as? String == "other.test:80")
      #expect(all("lookup").contains { $0["name"] as? String == "web.test" && $0["record"] as? String == "A" })

      // By whom, and to whom.
      let pid = try #require(all("request").last?["pid"] as? Int)
      let own = try run("inspect net last --pid \(pid) --format json", command: "").output
      #expect(own.components(separatedBy: #""type":"request""#).count == 2 && own.contains("/large"), "\(own)")
      let other = try run("inspect net last --host 'OTHER.*' --format json", command: "").output
      #expect(!other.contains("web.test") && other.contains(#""host":"other.test:80""#), "\(other)")
      #expect(try run("inspect net last --pid 999", command: "").status == 125)
    }
  }

  @Test("as a HAR file, with what the format requires")
  func archive() throws {
    try withServer(Int(getuid()), "web.py", ["served"]) { server, run in
      try recorded(run, server)
      let outcome = try run("inspect net last --format har", command: "")
      #expect(outcome.status == 0 && outcome.error == "", "\(outcome.error)")
      #expect(!outcome.output.contains("of-the-guest"))
      let log = try #require(
        (try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])?["log"] as? [String: Any])
      #expect(log["version"] as? String == "1.2" && (log["pages"] as? [Any])?.isEmpty == true)
      #expect((log["creator"] as? [String: String])?["name"] == "uwrx")
      let entries = try #require(log["entries"] as? [[String: Any]])
      try #require(entries.count == 6)
      var parts: [(request: [String: Any], response: [String: Any])] = []
      for entry in entries {
        let started = try #require(entry["startedDateTime"] as? String)
        #expect(started.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/) != nil)
        let time = try #require(entry["time"] as? Double)
        let timings = try #require(entry["timings"] as? [String: Double])
        #expect(time > 0 && ["send", "wait", "receive"].compactMap { timings[$0] } == [0, time, 0])
        #expect((entry["cache"] as? [String: Any])?.isEmpty == true)
        #expect(entry["serverIPAddress"] as? String == "127.0.0.1")
        #expect(entry["_connection"] as? Int != nil && entry["_process"] as? Int ?? 0 > 2)
        let (request, response) = (
          try #require(entry["request"] as? [String: Any]), try #require(entry["response"] as? [String: Any])
        )
        for (object, names) in [
          (request, ["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"]),
          (
            response,
            [
              "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize",
              "bodySize",
            ]
          ),
        ] {
          for name in names { #expect(object[name] != nil, "\(name) of \(object)") }
        }
        #expect(request["httpVersion"] as? String == "HTTP/1.1" && response["status"] as? Int == 200)
        #expect((response["content"] as? [String: Any])?["size"] as? Int != nil)
        #expect((response["content"] as? [String: Any])?["mimeType"] as? String != nil)
        parts.append((request, response))
      }
      func content(_ index: Int) -> [String: Any] { parts[index].response["content"] as? [String: Any] ?? [:] }
      func header(_ index: Int, _ name: String) -> String? {
        (parts[index].request["headers"] as? [[String: String]])?.first { $0["name"] == name }?["value"]
      }
      #expect(parts[0].request["url"] as? String == "http://web.test:\(server.port)/file")
      #expect(content(0)["text"] as? String == "contents\n" && content(0)["size"] as? Int == 9)
      let query = parts[1].request["queryString"] as? [[String: String]] ?? []
      #expect(query.map { $0["name"] } == ["a", "b", "token"] && query[1]["value"] == "x%20y")
      #expect(query[2]["value"]?.hasPrefix("digest:") == true)
      // What was compressed is told as it is without.
      #expect(content(2)["text"] as? String == "packed\n" && content(2)["size"] as? Int == 7)
      #expect(header(3, "Authorization")?.hasPrefix("digest:") == true)
      #expect((parts[3].request["postData"] as? [String: Any])?["text"] as? String == "of=body")
      #expect(parts[3].request["bodySize"] as? Int == 7 && content(3)["text"] as? String == "ydob=fo")
      let binary = parts[4].request["postData"] as? [String: Any]
      #expect(binary?["text"] as? String == "AP8=" && binary?["encoding"] as? String == "base64")
      #expect(content(4)["text"] as? String == "/wA=" && content(4)["encoding"] as? String == "base64")
      #expect(content(5)["text"] as? String == "" && content(5)["size"] as? Int == 3_000_000)
      let place = try #require(content(5)["comment"] as? String).split(separator: " ").first { $0.hasPrefix("net/") }
      let large = try Data(contentsOf: URL(fileURLWithPath: server.directory + "/served/large"))
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(server.directory)/build/0/0/\(place ?? "")")) == large)

      let whole = try run("inspect net last --format har --max-body 4M --host web.test", command: "").output
      #expect(whole.contains("\"text\":\"\(large.base64EncodedString())\""))
      let none = try run("inspect net last --format har --host other.test", command: "").output
      #expect(none.hasSuffix("\"pages\":[],\"entries\":[\n]}}\n"), "\(none)")
    }
  }
}

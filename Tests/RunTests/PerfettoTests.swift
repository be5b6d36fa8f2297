import Foundation
import Testing
import TraceKit
import Tracing

/// What Perfetto's own trace processor finds in a trace. The environment's `UWRX_PERFETTO` names a Python that has the packages
/// of Conformance/Perfetto/requirements.txt.
@Suite("Perfetto", .enabled(if: ProcessInfo.processInfo.environment["UWRX_PERFETTO"] != nil))
struct PerfettoTests {
  private func rows(_ trace: String, _ queries: [String]) throws -> [[[String: Any]]] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let script = root.appendingPathComponent("Conformance/Perfetto/trace_sql.py").path
    let python = try #require(ProcessInfo.processInfo.environment["UWRX_PERFETTO"])
    let arguments = ([python, script, trace] + queries).map { "'" + $0.replacing("'", with: "'\\''") + "'" }
    let outcome = try CommandLine.shell(arguments.joined(separator: " "), in: root.path)
    try #require(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    var result: [[[String: Any]]] = []
    for line in outcome.output.split(separator: "\n") {
      let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      if row.count == 1, row["query"] != nil { result.append([]) } else { result[result.count - 1].append(row) }
    }
    return result
  }

  @Test("connections, the requests on them and look-ups stand below their processes")
  func network() throws {
    let builder = try TraceBuilder()
    builder.spawn(2)
    builder.exec(2, "/usr/bin/curl", ["curl", "example.org"])
    builder.add(.lookUp, 2, LookUpRecord(name: "example.org", type: "A", answer: "127.1.2.3").bytes)
    builder.add(.connection, 2, version: 7, Array("example.org:443 at 192.0.2.1".utf8))
    func request(_ path: String, _ duration: UInt64, isBrokenOff: Bool = false) {
      let record = RequestRecord(
        method: "GET", url: "https://example.org/\(path)", status: 200, sent: 1, received: 20, duration: duration,
        isBrokenOff: isBrokenOff)
      builder.add(.request, 2, version: 7, record.bytes)
    }
    builder.time += 30_000_000
    request("one", 20_000_000)
    // They overlap, and cross each other.
    builder.time += 10_000_000
    request("two", 12_000_000)
    request("three", 12_000_000)
    request("four", 5, isBrokenOff: true)
    builder.add(.connectionEnd, 2, version: 7, builder.bytes(of: UInt64(100)) + builder.bytes(of: UInt64(2000)))
    builder.add(.request, 2, version: 7, [1, 2, 3])
    builder.exit(2)
    try builder.finish()
    let found = try rows(
      builder.eventsFile.path,
      [
        "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
        """
        select s.name, s.dur, s.depth, t.name as track, extract_arg(s.arg_set_id, 'debug.url') as url,
          extract_arg(s.arg_set_id, 'debug.method') as method, extract_arg(s.arg_set_id, 'debug.status') as status,
          extract_arg(s.arg_set_id, 'debug.sent') as sent, extract_arg(s.arg_set_id, 'debug.received') as received,
          extract_arg(s.arg_set_id, 'debug.broken off') as broken
        from slice s join track t on s.track_id = t.id where t.name like '%connection 7' order by s.ts, s.depth
        """,
        """
        select s.name, extract_arg(s.arg_set_id, 'debug.name') as host, extract_arg(s.arg_set_id, 'debug.type') as type,
          extract_arg(s.arg_set_id, 'debug.answer') as answer, p.name as process
        from slice s join process_track t on s.track_id = t.id join process p using (upid) where s.name = 'dns_lookup'
        """,
        """
        select count(*) as n from process_track t join process p using (upid) where t.name = 'connection 7' and p.name = 'curl'
        """,
      ])
    #expect(found[0].isEmpty, "\(found[0])")
    let slices = found[1]
    #expect(
      slices.compactMap { $0["name"] as? String } == [
        "example.org:443 at 192.0.2.1", "GET https://example.org/one", "GET https://example.org/two",
        "GET https://example.org/three", "GET https://example.org/four",
      ], "\(slices)")
    let all = "\(slices)"
    #expect(slices.compactMap { $0["dur"] as? Int } == [40_005_000, 20_000_000, 12_000_000, 12_000_000, 5], "\(all)")
    #expect(slices.compactMap { $0["depth"] as? Int } == [0, 1, 0, 0, 1], "\(all)")
    #expect(slices.dropFirst().allSatisfy { $0["method"] as? String == "GET" && $0["status"] as? Int == 200 }, "\(all)")
    #expect(slices.compactMap { $0["sent"] as? Int } == [100, 1, 1, 1, 1], "\(all)")
    #expect(slices.compactMap { $0["received"] as? Int } == [2000, 20, 20, 20, 20], "\(all)")
    #expect(slices.last?["broken"] as? Int == 1, "\(all)")
    #expect(
      found[2] as? [[String: String]]
        == [["name": "dns_lookup", "host": "example.org", "type": "A", "answer": "127.1.2.3", "process": "curl"]])
    #expect(found[3][0]["n"] as? Int == 1)
  }

  @Test("processes, programs, calls and their arguments are what the run did, and nothing is lost")
  func contents() throws {
    try CommandLine.withDirectory { directory in
      let script =
        "echo one > f; cat f nope 2>/dev/null; mv f g; (exit 3); sleep 0; printf 'ü\\377\\n'; head -c 5000 /dev/urandom; python3 -c 'import ctypes; ctypes.CDLL(None).mount(0, 0, 0, 0, 0)'"
      _ = try CommandLine.run(["run", "--system", "--", "sh", "-c", script], in: directory)
      let found = try rows(
        directory + "/build/0/0/perfetto",
        [
          "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
          "select name from process where name is not null",
          """
          select s.name, s.dur, p.name as process from slice s join process_track t on s.track_id = t.id
          join process p using (upid) where s.name in ('cat', 'mv', 'sleep')
          """,
          """
          select s.name, s.category, a.string_value as path from slice s join args a using (arg_set_id)
          where a.flat_key = 'debug.path' and a.string_value like '%\(directory)%'
          """,
          "select count(*) as n from flow",
          """
          select a.string_value as argument from slice s join process_track t on s.track_id = t.id join args a using (arg_set_id)
          where s.name = 'mv' and a.flat_key = 'debug.arguments'
          """,
          "select count(*) as n from slice where category = 'file' and dur > 0",
          "select count(*) as n from clock_snapshot where clock_name = 'REALTIME'",
          """
          select s.name, t.name as row, p.name as parent, a.string_value as argument from slice s join track t on s.track_id = t.id
          join track p on p.id = t.parent_id join args a using (arg_set_id) where s.name = 'mv' and a.flat_key = 'debug.arguments'
          """,
          """
          select extract_arg(s.arg_set_id, 'debug.name') as name, extract_arg(s.arg_set_id, 'debug.outcome') as outcome, p.name as process
          from slice s join thread_track t on s.track_id = t.id join thread using (utid) join process p using (upid) where s.name = 'denied'
          """,
          """
          select s.name, p.name as process, extract_arg(s.arg_set_id, 'debug.name') as call
          from slice s join process_track t on s.track_id = t.id join process p using (upid) where s.name in ('parameter', 'totals') and call in ('command', 'execve')
          """,
        ])
      #expect(found[0].isEmpty, "\(found[0])")
      let processes = Set(found[1].compactMap { $0["name"] as? String })
      #expect(processes.isSuperset(of: ["uwrx", "cat", "mv", "sleep"]))
      #expect(Set(found[2].compactMap { $0["name"] as? String }) == ["cat", "mv", "sleep"])
      #expect(found[2].allSatisfy { ($0["dur"] as? Int ?? 0) > 0 && $0["name"] as? String == $0["process"] as? String })
      let calls = Set(found[3].map { "\($0["name"] as? String ?? "") \($0["path"] as? String ?? "")" })
      for call in [
        "create \(directory)/f", "missing \(directory)/nope", "rename from \(directory)/f", "rename to \(directory)/g",
      ] {
        #expect(calls.contains(call), "\(call): \(calls)")
      }
      #expect(found[4][0]["n"] as? Int ?? 0 >= 4)
      #expect(found[5].compactMap { $0["argument"] as? String } == ["mv", "f", "g"])
      #expect(found[6][0]["n"] as? Int ?? 0 > 0)
      #expect(found[7][0]["n"] as? Int == 1)
      let rows = found[8].map { row in
        ["row", "parent", "argument"].map { row[$0] as? String ?? "" }.joined(separator: ", ").filter { !$0.isNumber }
      }
      #expect(rows == ["mv , sh , mv", "mv , sh , f", "mv , sh , g"])
      #expect(
        found[9] as? [[String: String]]
          == [["name": "mount", "outcome": "Operation not permitted", "process": "python3"]])
      #expect(
        found[10] as? [[String: String]]
          == [("parameter", "command"), ("totals", "execve")].map { ["name": $0, "process": "uwrx", "call": $1] })
    }
  }
}

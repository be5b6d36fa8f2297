import SystemPackage
import Tracing

/// The requests and answers of a run as an HTTP archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/), which browsers' tools and
/// others read. An entry stands on a line of its own.
///
/// Credentials are the keyed digests that the trace holds; so there are no cookies but in the fields of heads. Of the times only the whole is
/// known: it stands as `wait`. Beyond the format are `_connection` and `_process`, the numbers by which the other reports name them.
struct HARReport {
  private let trace: TraceDirectory
  private let history: NetworkHistory
  private let numbers: TraceNumbers
  private let filter: NetworkFilter
  private let longestBody: Int

  init(
    _ trace: TraceDirectory, _ history: NetworkHistory, _ numbers: TraceNumbers, _ filter: NetworkFilter,
    longestBody: Int
  ) {
    self.trace = trace
    self.history = history
    self.numbers = numbers
    self.filter = filter
    self.longestBody = longestBody
  }

  /// - Returns: what could not be read, and why.
  func write(version: String, to output: OutputBuffer) throws -> [String] {
    var (exchanges, damaged) = try RecordedExchange.all(of: trace) { filter.accepts(host: $0.utf8) }
    var line = JSONText()
    line.object { line in
      line.string("version", "1.2")
      line.object("creator") { line in
        line.string("name", "uwrx")
        line.string("version", version)
      }
      line.array("pages") { _ in }
    }
    // The entries are the last member.
    output.append(Array("{\"log\":".utf8) + line.bytes.dropLast() + Array(",\"entries\":[".utf8))
    var isFirst = true
    for exchange in exchanges where filter.accepts(pid: process(exchange)) {
      do throws(RecordedExchange.Damage) {
        let entry = try entry(exchange)
        output.append(isFirst ? "\n" : ",\n")
        output.append(entry)
        isFirst = false
        try drain(output)
      } catch { damaged.append("\(exchange.place): \(error.reason)") }
    }
    output.append("\n]}}")
    try output.endLine()
    return damaged
  }

  /// Of a replay, the exchange knows the process by the number that it had meanwhile.
  private func process(_ exchange: RecordedExchange) -> UInt32 {
    history[exchange.meta.connection]?.pid ?? exchange.meta.process
  }

  private func drain(_ output: OutputBuffer) throws(RecordedExchange.Damage) {
    do throws(Errno) { try output.drain() } catch { throw RecordedExchange.Damage(reason: "\(error)") }
  }

  private func entry(_ exchange: RecordedExchange) throws(RecordedExchange.Damage) -> [UInt8] {
    guard let request = try exchange.head(.request), request.words.count == 3 else {
      throw RecordedExchange.Damage(reason: "it has no request")
    }
    let response = try exchange.head(.response)
    let sent = try exchange.body(.requestBody, of: trace, limit: longestBody)
    let received = try exchange.body(.responseBody, of: trace, limit: longestBody)
    let duration = exchange.meta.ended > exchange.meta.started ? exchange.meta.ended - exchange.meta.started : 0
    var line = JSONText()
    line.object { line in
      line.string("startedDateTime", WallClock.text(exchange.meta.started))
      line.milliseconds("time", duration)
      line.object("request") { self.request(request, sent, exchange, in: &$0) }
      line.object("response") { self.response(response, received, exchange, in: &$0) }
      line.object("cache") { _ in }
      line.object("timings") { line in
        line.number("send", 0)
        line.milliseconds("wait", duration)
        line.number("receive", 0)
      }
      if let address = history[exchange.meta.connection]?.address { line.string("serverIPAddress", address) }
      line.string("connection", "\(exchange.meta.connection)")
      line.number("_connection", exchange.meta.connection)
      let process = process(exchange)
      line.process("_process", process <= Event.supervisor ? nil : numbers[process])
    }
    return line.bytes
  }

  // MARK: Requests

  private func request(
    _ head: RecordedExchange.Head, _ body: (size: Int, bytes: [UInt8]?), _ exchange: RecordedExchange,
    in line: inout JSONText
  ) {
    let (method, target, version) = (head.words[0], head.words[1], head.words[2])
    line.string("method", method)
    line.string("url", Self.url(target, exchange))
    line.string("httpVersion", version)
    line.array("cookies") { _ in }
    Self.fields("headers", head.fields, in: &line)
    let query = target.split(separator: "?", maxSplits: 1).dropFirst().first?.prefix { $0 != "#" } ?? ""
    let parameters = query.split(separator: "&").map { part in
      let name = part.prefix { $0 != "=" }
      return (name: String(name), value: String(part.dropFirst(name.count + 1)))
    }
    Self.fields("queryString", parameters, in: &line)
    if body.size > 0 {
      line.object("postData") { line in
        line.string("mimeType", head.value(of: "content-type") ?? "")
        line.array("params") { _ in }
        content(body.bytes, of: body.size, .requestBody, exchange, in: &line)
      }
    }
    line.number("headersSize", -1)
    line.number("bodySize", body.size)
  }

  private static func url(_ target: String, _ exchange: RecordedExchange) -> String {
    guard target.hasPrefix("/") else { return target }
    let host = exchange.domain.contains(":") ? "[\(exchange.domain)]" : exchange.domain
    let isUsual = exchange.meta.port == (exchange.meta.scheme == "https" ? 443 : 80)
    return "\(exchange.meta.scheme)://\(host)\(isUsual ? "" : ":\(exchange.meta.port)")\(target)"
  }

  private static func fields(
    _ key: StaticString, _ fields: [(name: String, value: String)], in line: inout JSONText
  ) {
    line.array(key) { line in
      for field in fields {
        line.object { line in
          line.string("name", field.name)
          line.string("value", field.value)
        }
      }
    }
  }

  // MARK: Answers

  private func response(
    _ head: RecordedExchange.Head?, _ body: (size: Int, bytes: [UInt8]?), _ exchange: RecordedExchange,
    in line: inout JSONText
  ) {
    let words = head?.words ?? []
    line.number("status", words.count > 1 ? Int(words[1]) ?? 0 : 0)
    line.string("statusText", words.count > 2 ? words[2] : "")
    line.string("httpVersion", words.first ?? "")
    line.array("cookies") { _ in }
    Self.fields("headers", head?.fields ?? [], in: &line)
    line.object("content") { line in
      let coding = head?.value(of: "content-encoding")?.lowercased()
      var (size, bytes) = (body.size, body.bytes)
      // What is coded otherwise stays so.
      if coding == "gzip" || coding == "x-gzip", let coded = bytes,
        let plain = try? Inflation.gzip(coded[...], limit: longestBody)
      {
        (size, bytes) = (plain.count, plain)
        line.number("compression", plain.count - coded.count)
      }
      line.number("size", size)
      line.string("mimeType", head?.value(of: "content-type") ?? "")
      content(bytes, of: body.size, .responseBody, exchange, in: &line)
    }
    line.string("redirectURL", head?.value(of: "location") ?? "")
    line.number("headersSize", -1)
    line.number("bodySize", body.size)
    if head == nil || exchange.meta.state == .aborted {
      line.string("comment", head == nil ? "no answer came" : "the answer was broken off")
    }
  }

  /// Text, base64 of what is none, or where it is.
  private func content(
    _ bytes: [UInt8]?, of size: Int, _ part: ExchangeRecord.Part, _ exchange: RecordedExchange, in line: inout JSONText
  ) {
    guard let bytes else {
      line.string("text", "")
      return line.string("comment", "\(size) bytes, in \(exchange.place(of: part)) of the trace")
    }
    if let text = String(validating: bytes, as: UTF8.self) { return line.string("text", text) }
    bytes.withUnsafeBufferPointer { line.base64("text", $0) }
    line.string("encoding", "base64")
  }
}

import Inspect
import Tracing

/// One thing that a process did with sockets, or on the network that the run was given.
struct NetworkLine: Sendable {
  enum Content: Sendable {
    case socket(ProcessActivity.Connection)
    case connection(NetworkHistory.Connection)
    case entry(NetworkHistory.Entry)
  }

  enum Group: Int, CaseIterable, Sendable {
    case requests, connections, names, sockets
  }

  var content: Content
  var time: UInt64

  var group: Group {
    switch content {
    case .socket: .sockets
    case .connection, .entry(.refusal), .entry(.miss), .entry(.network): .connections
    case .entry(.request): .requests
    case .entry(.lookUp): .names
    }
  }
}

struct NetworkContent: Sendable {
  /// In the order of time.
  var lines: [NetworkLine]
  /// Of all groups, before the filter.
  var counts: [Int]
  /// There was more than is kept.
  var isCut: Bool
}

extension ViewerState {
  func networkContent(_ process: RunProcess) -> NetworkContent {
    let record = activity[process.pid]
    var lines = record.connections.map { NetworkLine(content: .socket($0), time: $0.time) }
    lines += network.connections.lazy.filter { $0.pid == process.pid }.map {
      NetworkLine(content: .connection($0), time: $0.start)
    }
    lines += network.entries.lazy.filter { $0.pid == process.pid }.map {
      NetworkLine(content: .entry($0.entry), time: $0.time)
    }
    let counts = NetworkLine.Group.allCases.map { group in lines.count { $0.group == group } }
    if let networkGroup { lines.removeAll { $0.group != networkGroup } }
    let search = paneSearch
    if !search.isEmpty { lines.removeAll { !search.matches([Array(text($0).utf8)]) } }
    // What is of one moment stays in its order.
    let ordered = lines.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
    return NetworkContent(
      lines: ordered.map(\.element), counts: counts, isCut: network.isCut)
  }

  func heading(_ content: NetworkContent) -> [Span] {
    if content.counts.allSatisfy({ $0 == 0 }) { return [Span(text: "It used no socket", style: .dim)] }
    var spans = [Span(text: "f: ", style: .dim)]
    func add(_ group: NetworkLine.Group?, _ text: String) {
      spans.append(Span(text: text, style: networkGroup == group ? Style(bold: true, underlined: true) : .dim))
      spans.append(Span(text: "  "))
    }
    add(nil, "all \(Format.grouped(content.counts.reduce(0, +)))")
    for group in NetworkLine.Group.allCases { add(group, "\(group) \(Format.grouped(content.counts[group.rawValue]))") }
    if content.isCut { spans.append(Span(text: "and more that is not here", style: .dim)) }
    return spans
  }

  private func addressText(_ address: [UInt8]) -> String {
    // What could not be shown is escaped already.
    let text = address.withUnsafeBufferPointer { SocketAddress.text($0) }
    return glyphs.pieces(text, isLiteral: true).map(\.text).joined()
  }

  /// What a line is about: an address, a host, a URL.
  func text(_ line: NetworkLine) -> String {
    switch line.content {
    case .socket(let socket): addressText(socket.address)
    case .connection(let connection): glyphs.text(connection.text)
    case .entry(.request(let record, _)): glyphs.text(record.url.utf8)
    case .entry(.lookUp(let record)): glyphs.text(record.text.utf8)
    case .entry(.refusal(let host, let option)): glyphs.text(host + Array(": ".utf8) + option)
    case .entry(.miss(let text)), .entry(.network(let text)): glyphs.text(text)
    }
  }

  func spans(_ line: NetworkLine) -> [Span] {
    var details: [String] = []
    let word: String
    let ink: Style.Ink
    switch line.content {
    case .socket(let socket):
      (word, ink) =
        switch socket.kind {
        case .bind: ("bind", .accent)
        case .accept: ("accept", .good)
        default: ("connect", .warning)
        }
      details = ["descriptor \(socket.descriptor)"]
    case .connection(let connection):
      (word, ink) = ("reached", .good)
      if let end = connection.end {
        details = ["\(Units.bytes(connection.sent)) out", "\(Units.bytes(connection.received)) in"]
        if end > connection.start { details.append(Units.duration(end - connection.start)) }
      } else {
        details = ["open"]
      }
    case .entry(.request(let record, _)):
      (word, ink) = (glyphs.text(record.method.utf8), (200..<400).contains(record.status) ? .good : .bad)
      details = [
        record.status == 0 ? "no answer" : "\(record.status)", "\(Units.bytes(record.sent)) out",
        "\(Units.bytes(record.received)) in", Units.duration(record.duration),
      ]
      if record.isBrokenOff, record.status != 0 { details.append("broken off") }
    case .entry(.lookUp): (word, ink) = ("name", .accent)
    case .entry(.refusal): (word, ink) = ("refused", .bad)
    case .entry(.miss): (word, ink) = ("missed", .bad)
    case .entry(.network): (word, ink) = ("network", .accent)
    }
    details.append("+\(Units.seconds(run.elapsed(line.time))) s")
    if case .socket(let socket) = line.content, socket.count > 1 {
      details.append("\(Format.grouped(socket.count)) times")
    }
    return [
      Span(text: word.cut(to: 8).text.padded(to: 9), style: Style(ink)), Span(text: text(line)),
      Span(text: details.map { "  " + $0 }.joined(), style: .dim),
    ]
  }
}

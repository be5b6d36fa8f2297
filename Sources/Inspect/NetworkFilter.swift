import Glibc
import Tracing

/// Which of the things that a run did on its network are asked for: those that match one of each list that is not empty.
struct NetworkFilter: Sendable {
  private let pids: Set<UInt32>
  /// As fnmatch(3) takes them, each with its zero.
  private let hosts: [[CChar]]

  /// - Parameter hosts: `*`, `?` and `[` match as in fnmatch(3), case makes no difference.
  init(pids: Set<UInt32> = [], hosts: [String] = []) {
    self.pids = pids
    self.hosts = hosts.map { Array(String(decoding: Self.bare($0.utf8), as: UTF8.self).utf8CString) }
  }

  /// Without the brackets that an IPv6 address may have.
  private static func bare(_ host: some Collection<UInt8>) -> ArraySlice<UInt8> {
    let host = Array(host)
    let isBracketed =
      host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]") && host.contains(UInt8(ascii: ":"))
    return isBracketed ? host[1..<host.count - 1] : host[...]
  }

  func accepts(pid: UInt32) -> Bool { pids.isEmpty || pids.contains(pid) }

  func accepts(host: some Collection<UInt8>) -> Bool {
    if hosts.isEmpty { return true }
    let name = Self.bare(host).map { CChar(bitPattern: $0) } + [0]
    return hosts.contains { fnmatch($0, name, Self.ignoresCase) == 0 }
  }

  func accepts(_ connection: NetworkHistory.Connection) -> Bool {
    accepts(pid: connection.pid) && accepts(host: connection.host)
  }

  func accepts(_ entry: NetworkHistory.Entry, of pid: UInt32, in history: NetworkHistory) -> Bool {
    guard accepts(pid: pid) else { return false }
    switch entry {
    case .request(_, let connection): return hosts.isEmpty || history[connection].map { accepts(host: $0.host) } == true
    case .lookUp(let record): return accepts(host: record.name.utf8)
    case .refusal(let host, _): return accepts(host: NetworkHistory.host(host))
    // Its words name a host, in whichever place.
    case .miss(let text), .network(let text):
      return text.split(separator: UInt8(ascii: " ")).contains { accepts(host: NetworkHistory.host(Array($0))) }
    }
  }

  /// FNM_CASEFOLD, which Swift does not import.
  private static let ignoresCase: Int32 = 16
}

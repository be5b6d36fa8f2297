import Glibc
import Network
import Synchronization
import SystemPackage

/// How connections and names have turned out, as a trace keeps it for each domain; a replay has them turn out so again.
///
/// `connections.txt` has a line for each port and what came of it: the port, a tab, and `connected`, `refused` or `unreachable`; and of TLS `tls`,
/// `untrusted` or `no-tls`. `names.txt` has one for
/// each type that was asked for beside addresses, or for addresses in vain: the type, a tab, and `addresses`, `none`, `missing`, `failure`,
/// `refused`, or `records`, a tab and a DNS message in hexadecimal digits.
final class NetworkRecord: Sendable {
  enum Connection: String {
    case connected, refused, unreachable
  }

  /// What came of a handshake with the upstream.
  enum Handshake: String {
    case established = "tls"
    /// Its certificate is not trusted.
    case untrusted
    /// The upstream does not speak TLS, or not as the proxy does.
    case failed = "no-tls"
  }

  private struct Lines {
    var connections: [Domain: [String]] = [:]
    var names: [Domain: [String: String]] = [:]
  }

  private let directory: NetworkDirectory
  private let lines = Mutex(Lines())
  /// Of a domain's ports and types.
  private static let most = 4096

  init(_ directory: NetworkDirectory) { self.directory = directory }

  // MARK: A run

  /// What cannot be kept is not there for a replay, which then says so.
  func note(_ outcome: Connection, of domain: Domain, port: UInt16) { note(outcome.rawValue, of: domain, port: port) }

  func note(_ outcome: Handshake, of domain: Domain, port: UInt16) { note(outcome.rawValue, of: domain, port: port) }

  private func note(_ outcome: String, of domain: Domain, port: UInt16) {
    let line = "\(port)\t\(outcome)"
    // Written while it is locked: of two at a time the older must not come last.
    lines.withLock { state in
      // A proxy that ended before may have begun.
      var known =
        state.connections[domain]
        ?? fields("connections.txt", of: domain).map { $0.joined(separator: "\t") }
      guard !known.contains(line), known.count < Self.most else { return }
      known.append(line)
      state.connections[domain] = known
      try? directory.write(Self.text(known), to: "connections.txt", of: domain)
    }
  }

  func note(_ outcome: DNSOutcome, of domain: Domain, _ type: DNSType) {
    lines.withLock { state in
      var known = state.names[domain] ?? Self.outcomes(fields("names.txt", of: domain))
      let text = Self.text(outcome)
      guard known["\(type)"] != text, known.count < Self.most else { return }
      known["\(type)"] = text
      state.names[domain] = known
      let all = known.sorted { $0.key < $1.key }.map { "\($0.key)\t\($0.value)" }
      try? directory.write(Self.text(all), to: "names.txt", of: domain)
    }
  }

  private static func outcomes(_ fields: [[String]]) -> [String: String] {
    var outcomes: [String: String] = [:]
    for line in fields where line.count > 1 { outcomes[line[0]] = line.dropFirst().joined(separator: "\t") }
    return outcomes
  }

  private static func text(_ lines: [String]) -> [UInt8] { lines.flatMap { Array($0.utf8) + [0x0a] } }

  private static func text(_ outcome: DNSOutcome) -> String {
    switch outcome {
    case .addresses: "addresses"
    case .noData: "none"
    case .noSuchName: "missing"
    case .failure: "failure"
    case .refused: "refused"
    case .records(let records):
      "records\t"
        + DNSMessage(header: DNSHeader(id: 0), answers: records).serialized()
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  // MARK: A replay

  /// What came of a connection; nil if none was tried.
  func connection(to domain: Domain, port: UInt16) -> Connection? {
    outcomes(of: domain, port: port).lazy.compactMap { Connection(rawValue: $0) }.first
  }

  /// What came of handshakes: established, if one of them was; nil if none was tried.
  func handshake(with domain: Domain, port: UInt16) -> Handshake? {
    let all = outcomes(of: domain, port: port).compactMap { Handshake(rawValue: $0) }
    return all.contains(.established) ? .established : all.first
  }

  private func outcomes(of domain: Domain, port: UInt16) -> [String] {
    fields("connections.txt", of: domain).filter { $0.first == "\(port)" }.compactMap { $0.dropFirst().first }
  }

  /// What came of a question; nil if it was not asked. Of addresses the caller knows which.
  func outcome(of domain: Domain, _ type: DNSType, addresses: () -> DNSOutcome) -> DNSOutcome? {
    guard let fields = fields("names.txt", of: domain).first(where: { $0.first == "\(type)" })?.dropFirst() else {
      return nil
    }
    switch fields.first {
    case "addresses": return addresses()
    case "none": return .noData
    case "missing": return .noSuchName
    case "failure": return .failure
    case "refused": return .refused
    case "records":
      let digits = (fields.dropFirst().first ?? "").compactMap(\.hexDigitValue)
      let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
      return (try? DNSMessage(parsing: bytes)).map { .records($0.answers) } ?? .failure
    default: return nil
    }
  }

  private func fields(_ name: String, of domain: Domain) -> [[String]] {
    let path = String(decoding: domain.directoryName, as: UTF8.self) + "/" + name
    guard let bytes = try? directory.read(path, limit: 1 << 24) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: "\t").map(String.init)
    }
  }
}

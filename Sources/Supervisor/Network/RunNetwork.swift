import CLinux
import Glibc
import Network
import SystemPackage
import Tracing
import TrustStores

/// The network of one run: its proxy, the files that the guest finds names by, and what was not let through.
final class RunNetwork {
  let proxy: ProxyProcess
  /// Above and below all other sources.
  let files, lastFiles: Source
  let stores: TrustedStores
  private var refused: [(host: String, option: String)] = []
  private var isCut = false
  private let allowsMisses: Bool
  private var missed: [String] = []
  private var notes: [String] = []

  /// Hosts that are named at the end.
  private static let mostRefused = 20

  init(_ given: NetworkConfiguration, _ directory: RunDirectory, hostname: String) throws(SupervisorError) {
    let path = "\(directory.path)/net"
    guard mkdir(path, 0o700) == 0 else {
      throw SupervisorError("cannot make the directory \(path): \(Errno(rawValue: uwrx_errno()))")
    }
    var configuration = ProxyConfiguration()
    configuration.allowed = given.allowed
    configuration.denied = given.denied
    configuration.resolutions = given.resolutions
    configuration.published = given.published
    configuration.passthrough = given.passthrough
    configuration.injections = given.injections
    configuration.httpProxy = given.httpProxy ?? ""
    configuration.httpsProxy = given.httpsProxy ?? ""
    configuration.noProxy = given.noProxy
    configuration.allowsPush = given.allowsPush
    if let file = given.upstreamAuthority { configuration.upstreamAuthority = try Self.certificates(file) }
    configuration.hostname = hostname
    configuration.filter = HelperFilter.program
    if let recorded = given.recorded {
      configuration.authoritySeed = try Self.read("\(recorded)/ca-seed", limit: 32)
      configuration.authority = try Self.read("\(recorded)/ca.pem", limit: Self.mostCertificates)
    } else {
      configuration.authoritySeed = (0..<32).map { _ in .random(in: .min ... .max) }
    }
    allowsMisses = given.allowsMisses
    proxy = try ProxyProcess(configuration, directory: path, recorded: given.recorded.map { "\($0)/net" })
    let (certificate, hashes) = try proxy.authority()
    do throws(Errno) {
      try TraceDirectory.write("\(directory.path)/ca.pem", certificate)
      try TraceDirectory.write("\(directory.path)/ca-seed", configuration.authoritySeed)
      if chmod("\(directory.path)/ca-seed", 0o600) < 0 { throw Errno(rawValue: uwrx_errno()) }
    } catch { throw SupervisorError("cannot write to \(directory.path): \(error)") }
    (files, lastFiles) = try NetworkFiles.make(in: path, hostname: hostname, certificate: certificate, hashes: hashes)
    stores = try TrustedStores("\(path)/+trust", certificate: certificate)
  }

  /// Bytes of a file of certificates; the host's whole store has a quarter of a million.
  private static let mostCertificates = 1 << 24

  private static func certificates(_ path: String) throws(SupervisorError) -> [UInt8] {
    let bytes = try read(path, limit: mostCertificates, "--upstream-ca: ")
    // A zero ends a field of what the proxy is given.
    guard !bytes.contains(0) else { throw SupervisorError("--upstream-ca: \(path) holds no certificates in PEM") }
    return bytes
  }

  private static func read(_ path: String, limit: Int, _ option: String = "") throws(SupervisorError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: limit)
    do {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      defer { try? file.close() }
      bytes.removeLast(bytes.count - (try file.readFully(at: 0, into: &bytes)))
    } catch {
      throw SupervisorError("\(option)cannot read \(path): \(error)")
    }
    return bytes
  }

  /// Tells programs where the authority is that ask no file for it.
  func complete(_ environment: inout [String]) {
    let names = Set(environment.map { $0.prefix { $0 != "=" } })
    for (name, value) in TrustVariable.assignments(
      isSet: { names.contains($0[...]) }, bundle: NetworkFiles.bundle, authority: NetworkFiles.authority)
    { environment.append("\(name)=\(value)") }
  }

  /// - Parameter text: of a `refusal` event.
  func refuse(_ text: [UInt8]) {
    let parts = text.split(separator: 0, maxSplits: 1).map { String(decoding: Escaping.escape($0), as: UTF8.self) }
    // Who looks for an open port of a host is told once of the rule against it.
    func isSame(_ other: (host: String, option: String)) -> Bool {
      other.option == parts[1] && other.host.prefix { $0 != ":" } == parts[0].prefix { $0 != ":" }
    }
    guard parts.count == 2, !refused.contains(where: isSame) else { return }
    if refused.count < Self.mostRefused { refused.append((parts[0], parts[1])) } else { isCut = true }
  }

  /// - Parameter text: of a `miss` event.
  func miss(_ text: [UInt8]) {
    let line = String(decoding: Escaping.escape(text), as: UTF8.self)
    guard !missed.contains(line) else { return }
    if missed.count < Self.mostRefused { missed.append(line) } else { isCut = true }
  }

  /// - Parameter text: what the user is told at the end, once.
  func note(_ text: String) {
    let line = String(decoding: Escaping.escape(Array(text.utf8)), as: UTF8.self)
    if notes.count < Self.mostRefused, !notes.contains(line) { notes.append(line) }
  }

  /// Whether the replay has asked for what was not recorded, and may not.
  var hasFailed: Bool { !missed.isEmpty && !allowsMisses }

  /// A line for each host that the guest has asked for in vain, and for what has become of the network.
  var refusals: [String] {
    notes + refused.map { "the guest could not reach \($0.host): \($0.option)" }
      + missed.map { "not in the recorded run: \($0)" }
      + (isCut ? ["and more: uwrx inspect events last --type refusal --type miss names them"] : [])
  }
}

extension Supervisor {
  /// Tells the trace which ports of the host lead to the guest's. They are open.
  func recordPublished() {
    lock.lock()
    defer { lock.unlock() }
    for port in (configuration.network?.published ?? []).compactMap({ try? PublishedPort($0) }) {
      let text = "\(port.endpoint) of the host leads to port \(port.guestPort) of the guest"
      _ = record.record(EventKind.network.rawValue, process: 0, number: 0, Array(text.utf8))
    }
  }

  /// - Returns: false when the proxy is gone.
  func hearNetwork() -> Bool {
    guard let proxy = network?.proxy else { return false }
    while true {
      let (message, isOver) = proxy.receive()
      if let message { takeFromNetwork(message) }
      if isOver, !hasEnded {
        configuration.warn?("\(ProxyProcess.program) has ended: the guest has no network any more")
      }
      if isOver || message == nil { return !isOver }
    }
  }

  func takeFromNetwork(_ message: ControlMessage) {
    if case .several(let messages) = message {
      for message in messages { takeFromNetwork(message) }
      return
    }
    lock.lock()
    defer { lock.unlock() }
    if case .note(let text) = message {
      network?.note(text)
      _ = record.record(EventKind.network.rawValue, process: 0, number: 0, Array(text.utf8))
    }
    guard case .record(let kind, let process, let number, let text) = message else { return }
    guard record.record(kind, process: process, number: number, text) else { return }
    switch EventKind(rawValue: kind) {
    case .refusal: network?.refuse(text)
    case .miss: network?.miss(text)
    default: break
    }
  }
}

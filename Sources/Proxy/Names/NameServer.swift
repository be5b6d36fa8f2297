import CLinux
import Glibc
import NIOCore
import NIOPosix
import Network
import Synchronization
import SystemPackage
import Tracing

/// Port 53 of every address: answers for names, and records what was asked for.
final class NameServer: Sendable {
  private let responder: DNSResponder
  private let source: any NameSource
  private let domains: Domains
  /// Where answers are kept, in a run that is no replay.
  private let record: NetworkRecord?
  private let control: ControlChannel
  private let threads: NIOThreadPool
  private let diallers: Diallers
  /// Which process asks from a port, and when it did: a socket that was connected once asks for several names.
  private let askers = Mutex<[UInt16: (process: UInt32, time: NIODeadline)]>([:])
  private static let mostAskers = 4096
  /// Questions that wait for the host's resolver; more are as if lost, and come again.
  private let waiting = Mutex(0)
  private static let mostWaiting = 512

  init(
    _ source: any NameSource, _ domains: Domains, _ record: NetworkRecord?, hostname: String,
    _ control: ControlChannel, _ threads: NIOThreadPool, _ diallers: Diallers
  ) {
    self.source = source
    self.domains = domains
    self.record = record
    self.control = control
    self.threads = threads
    self.diallers = diallers
    let own = ["10.0.2.15", "fd00:2::15"].compactMap { IPAddress($0) }
    responder = DNSResponder(hostName: DNSName(hostname) ?? DNSName("localhost")!, addresses: own)
  }

  /// Answers what has come. Does not wait.
  func receive(_ socket: SystemPackage.FileDescriptor) {
    var buffer = [UInt8](repeating: 0, count: DNSMessage.longest)
    var ends = uwrx_datagram_ends()
    while true {
      let length = uwrx_receive_datagram(socket.rawValue, &buffer, buffer.count, &ends)
      guard length >= 0 else { return }
      let answered = ends
      let own = withUnsafeBytes(of: ends.own) { IPAddress(bytes: $0.prefix(ends.family == AF_INET ? 4 : 16)) }
      let process = own.map { asker(at: ends.peer_port, Endpoint($0, port: 53)) } ?? 0
      answer(Array(buffer[..<length]), .udp, of: process) { bytes in
        var ends = answered
        _ = uwrx_send_datagram(socket.rawValue, bytes, bytes.count, &ends)
      }
    }
  }

  private func asker(at port: UInt16, _ endpoint: Endpoint) -> UInt32 {
    let now = NIODeadline.now()
    return askers.withLock { askers in
      // The next question of the same socket: who has connected meanwhile is another.
      if let known = askers[port], now - known.time <= Diallers.moment {
        diallers.forget(known.process, for: endpoint)
        askers[port]?.time = now
        return known.process
      }
      var process = diallers.take(for: endpoint, at: now)
      if process == 0 { process = askers[port]?.process ?? 0 }
      if process == 0 { return 0 }
      if askers.count >= Self.mostAskers { askers = [:] }
      askers[port] = (process, now)
      return process
    }
  }

  /// - Parameter send: called at once, later on another thread, or never.
  func answer(
    _ query: [UInt8], _ transport: DNSResponder.Transport, of process: UInt32,
    _ send: @escaping @Sendable ([UInt8]) -> Void
  ) {
    switch responder.plan(query, transport: transport, table: domains.current) {
    case .ignore: break
    case .answer(let bytes): send(bytes)
    case .lookUp(let lookup):
      let hasRoom = waiting.withLock {
        if $0 < Self.mostWaiting { $0 += 1 } else { return false }
        return true
      }
      guard hasRoom else { return }
      threads.submit { [self] state in
        defer { waiting.withLock { $0 -= 1 } }
        guard state == .active else { return }
        let found = source.find(lookup.question)
        let outcome = found ?? .failure
        if found == nil {
          let text = "the name \(lookup.question) was not asked for"
          control.send(.record(kind: EventKind.miss.rawValue, process: process, number: 0, Array(text.utf8)))
        }
        if let record, let domain = Domain(name: lookup.question.name) {
          record.note(outcome, of: domain, lookup.question.type)
        }
        let record = LookUpRecord(
          name: "\(lookup.question.name)", type: "\(lookup.question.type)",
          answer: outcome.text(for: lookup.question.type))
        control.send(.record(kind: EventKind.lookUp.rawValue, process: process, number: 0, record.bytes))
        send(lookup.answer(outcome))
      }
    }
  }
}

extension DNSOutcome {
  /// As a trace tells it.
  func text(for type: DNSType) -> String {
    switch self {
    case .addresses(let addresses): (type == .a ? addresses.ipv4 : addresses.ipv6).map { "\($0)" } ?? "no data"
    case .records(let records): "\(records.count) records"
    case .noData: "no data"
    case .noSuchName: "no such name"
    case .failure: "failure"
    case .refused: "refused"
    }
  }
}

import NIOCore
import Network

/// Who relays HTTP, or answers it from a record.
extension Conversation {
  private var connection: HTTPConnection {
    HTTPConnection(
      domain: report.domain, scheme: scheme, port: report.port, number: number, process: report.process,
      allowsPush: services.allowsPush)
  }

  private var injected: [HTTPHeaderField] {
    services.injections.filter { $0.isFor(report.domain, port: report.port) }
      .compactMap { HTTPHeaderField(name: $0.header, value: $0.value) }
  }

  private var relayEvents: HTTPRelay.Events {
    HTTPRelay.Events(
      exchanges: { [report, number, scheme, proxied] exchanges in
        report.exchanged(number, exchanges, scheme)
        if let proxied, exchanges.contains(where: { $0.status == 407 }) {
          report.refused(UpstreamFailure.unknownUser(proxied.proxy))
        }
      },
      recordingFailed: recordingFailed, ended: ended)
  }

  private var replayEvents: HTTPReplay.Events {
    HTTPReplay.Events(
      exchange: { [self] in report.exchanged(number, [$0], scheme) },
      missed: { [self] _, reason in report.missed(line: reason, on: number) }, ended: ended)
  }

  func relayHTTP() {
    handOver {
      guard let upstream else { return try replayHTTP() }
      var events = relayEvents
      if proxied == nil { events.tunnels = tunnels }
      try HTTPRelay.start(
        connection, guest: guest.channel, upstream: upstream.channel, after: guestBytes,
        injecting: injected, proxied: proxied, into: services.store,
        by: queue, events: events)
    }
  }

  func relayHTTP2() {
    if proxied != nil { return refuseOther() }
    handOver {
      guard let upstream else {
        guard let recorded = services.recorded else { return guest.channel.reset() }
        return try HTTP2Replay.start(
          connection, guest: guest.channel, after: guestBytes, from: recorded, events: replayEvents)
      }
      var events = relayEvents
      events.noted = { [report, number] in report.noted($0, on: number) }
      try HTTP2Relay.start(
        connection, guest: guest.channel, upstream: upstream.channel, after: guestBytes, upstreamBytes,
        injecting: injected, into: services.store, by: queue, events: events)
    }
  }

  /// The host that a CONNECT names must be one that the guest may reach, as the one that it has dialled is. It is judged by its name alone: who is
  /// asked for it finds it. What goes over the connection is what it would be if the guest had dialled the host.
  private var tunnels: HTTPTunnels {
    func told(of target: HTTPTunnel.Target) -> Report {
      Report(control: report.control, domain: target.domain, port: target.port, process: report.process)
    }
    return HTTPTunnels(
      refusal: { [self] target in
        guard depth < Self.deepest else { return "it is within others" }
        let report = told(of: target)
        guard let reason = report.reason(against: services.policy.decision(domain: target.domain, port: target.port))
        else { return nil }
        report.refused(reason)
        return reason
      },
      begin: { [self] tunnel in
        try Self.begin(
          guest.channel, upstream?.channel, services, told(of: tunnel.target), number: number, by: queue,
          within: tunnel, depth: depth + 1, ended: tunnel.ended)
      })
  }

  /// Each connection within another has handlers of its own.
  private static let deepest = 4

  private func replayHTTP() throws {
    guard let recorded = services.recorded else { return guest.channel.reset() }
    var events = replayEvents
    events.tunnels = tunnels
    try HTTPReplay.start(connection, guest: guest.channel, after: guestBytes, from: recorded, events: events)
  }
}

import NIOCore
import Network
import TLS

/// A connection whose two ends are there: finds out what is spoken on it, ends TLS on both sides, and hands it to who relays and records that.
///
/// The guest's first bytes tell. Who waits for the other side to speak, as clients of SMTP and SSH do, has a stream.
/// All on the event loop of both channels, which do not read by themselves yet.
final class Conversation: ConversationOwner {
  /// What all conversations of a run share.
  struct Services: Sendable {
    let store: ExchangeStore
    let streams: StreamStore
    let identities: Identities
    /// Of connections to upstreams.
    let trust: TLSContext
    /// Whose TLS is left alone.
    let passthrough: [NetworkRule]
    let injections: [InjectionRule]
    /// Of a replay: what an earlier run was answered. There are no upstreams then.
    let recorded: ExchangeIndex?
    let recordedStreams: StreamIndex?
  }

  private enum Phase {
    /// The guest has not said enough.
    case listening
    /// What it says is TLS.
    case greeting(ClientHelloParser)
    /// TLS with the upstream, for a guest that waits.
    case upstreamHandshake(ClientHelloParser, name: String)
    case guestHandshake
    /// Somebody else has the channels.
    case over
  }

  private let services: Services
  private let report: Report
  private let number: UInt32
  /// Told how many bytes the guest and the upstream have sent.
  private let ended: (UInt64, UInt64) -> Void
  private let loop: any EventLoop
  private var guest: ConversationEnd!
  /// nil in a replay.
  private var upstream: ConversationEnd?
  private var phase = Phase.listening
  private var scheme = HTTPConnection.Scheme.http
  private var guestBytes = ByteBuffer()
  private var upstreamBytes = ByteBuffer()
  /// Nothing of it is kept.
  private var isLeftAlone = false
  private var hasGuestEnded = false
  private var hasUpstreamEnded = false

  private static let protocols = ["http/1.1", "http/1.0"]

  static func begin(
    _ guest: any Channel, _ upstream: (any Channel)?, _ services: Services, _ report: Report, number: UInt32,
    ended: @escaping (UInt64, UInt64) -> Void
  ) throws {
    let conversation = Conversation(guest.eventLoop, services, report, number, ended)
    conversation.guest = ConversationEnd(guest, owner: conversation)
    try guest.pipeline.syncOperations.addHandler(conversation.guest)
    if let upstream {
      let end = ConversationEnd(upstream, owner: conversation)
      conversation.upstream = end
      try upstream.pipeline.syncOperations.addHandler(end)
    }
    // In a replay nobody waits for a server that speaks first.
    if upstream == nil, conversation.replayStream(after: []) { return }
    guest.read()
    upstream?.read()
  }

  private init(
    _ loop: any EventLoop, _ services: Services, _ report: Report, _ number: UInt32,
    _ ended: @escaping (UInt64, UInt64) -> Void
  ) {
    self.loop = loop
    self.services = services
    self.report = report
    self.number = number
    self.ended = ended
  }

  // MARK: What comes

  func received(_ bytes: ByteBuffer, at end: ConversationEnd) {
    var bytes = bytes
    guard end === guest else {
      upstreamBytes.writeBuffer(&bytes)
      // Whoever speaks first of servers is no server of HTTP's, nor one of TLS that has been greeted.
      if case .listening = phase { relay() }
      return
    }
    switch phase {
    case .listening:
      guestBytes.writeBuffer(&bytes)
      listen()
    case .greeting(var parser):
      greet(parser.append(bytes), parser)
    // What comes after the greeting belongs to the handshake.
    case .upstreamHandshake(var parser, let name):
      _ = parser.append(bytes)
      phase = .upstreamHandshake(parser, name: name)
    case .guestHandshake: guestBytes.writeBuffer(&bytes)
    case .over: break
    }
  }

  func inputEnded(at end: ConversationEnd) {
    if end === guest { hasGuestEnded = true } else { hasUpstreamEnded = true }
    // It says no more: a stream takes it as it is.
    if case .listening = phase { relay() } else if case .greeting = phase { close() }
  }

  func closed(_ end: ConversationEnd, isReset: Bool) {
    if case .over = phase { return }
    phase = .over
    let other = end === guest ? upstream : guest
    if isReset { other?.channel.reset() } else { other?.channel.close(promise: nil) }
    ended(0, 0)
  }

  private func listen() {
    switch Sniffer.sniff(guestBytes.readableBytesView) {
    case .needMore:
      guest.channel.read()
      decideLater()
    case .http: relayHTTP()
    case .stream: relay()
    case .tls:
      isLeftAlone = services.passthrough.contains { $0.covers(report.domain, port: report.port) }
      if isLeftAlone || scheme == .https { return relay() }
      var parser = ClientHelloParser()
      let result = parser.append(guestBytes)
      guestBytes.clear()
      greet(result, parser)
    }
  }

  /// Who has sent letters that HTTP could begin with, and says no more, waits for an answer.
  private func decideLater() {
    let count = guestBytes.readableBytes
    loop.assumeIsolated().scheduleTask(in: Self.patience) { [self] in
      if case .listening = phase, guestBytes.readableBytes == count { relay() }
    }
  }

  private static let patience = TimeAmount.milliseconds(500)

  // MARK: TLS

  private func greet(_ result: ClientHelloParser.Result, _ parser: ClientHelloParser) {
    phase = .greeting(parser)
    switch result {
    case .needMore: guest.channel.read()
    case .notTLS:
      guestBytes = parser.received
      relay()
    case .malformed: close()
    case .hello(let name, let protocols): answer(name, protocols, parser)
    }
  }

  private func answer(_ name: String?, _ protocols: [String], _ parser: ClientHelloParser) {
    // RFC 6066, 3: a name ends without a dot. Who has dialled a name means that one; of an address any may be.
    if report.domain.name != nil, let name, Domain(name) != report.domain {
      report.refused("the client asks for \(name) there (SNI)")
      return refuse(.unrecognizedName)
    }
    let offered = Self.protocols.filter(protocols.contains)
    guard protocols.isEmpty || !offered.isEmpty else {
      report.refused(
        "the client speaks \(protocols.joined(separator: ", ")) alone, which is not recorded; --net-passthrough leaves it alone"
      )
      return refuse(.noApplicationProtocol)
    }
    let server = name ?? report.domain.description
    guard let upstream else { return identify(server, offered.first, parser) }
    do {
      let handler = try TLSHandler.client(context: services.trust, serverName: server, protocols: offered)
      phase = .upstreamHandshake(parser, name: server)
      try upstream.channel.pipeline.syncOperations.addHandler(handler, position: .before(upstream))
      upstream.channel.read()
    } catch {
      report.refused("TLS cannot begin: \(error)")
      refuse(.internalError)
    }
  }

  func tlsChanged(_ event: TLSEvent, at end: ConversationEnd) {
    switch (event, phase) {
    case (.established(let chosen, _), .upstreamHandshake(let parser, let name)) where end === upstream:
      identify(name, chosen, parser)
    case (.established, .guestHandshake) where end === guest:
      phase = .listening
      // Some servers speak first in TLS, too.
      if upstreamBytes.readableBytes > 0 { return relay() }
      if upstream == nil, guestBytes.readableBytes == 0, replayStream(after: []) { return }
      if guestBytes.readableBytes > 0 { listen() } else { guest.channel.read() }
      upstream?.channel.read()
    case (.failed(let reason, let verifyError), .upstreamHandshake) where end === upstream:
      report.refused(
        verifyError.map { "its certificate is not trusted: \($0); --upstream-ca FILE trusts another authority" }
          ?? "TLS with it has failed: \(reason)")
      refuse(verifyError == nil ? .handshakeFailure : .badCertificate)
    case (.failed(let reason, _), .guestHandshake) where end === guest:
      report.refused(
        "the client has ended TLS: \(reason); does it trust what --net gives it? --net-passthrough leaves it alone")
    default: break
    }
  }

  /// The upstream is who it says: so is the proxy, to the guest.
  private func identify(_ name: String, _ chosen: String?, _ parser: ClientHelloParser) {
    do {
      let context = try services.identities.context(
        for: name, of: report.domain, protocols: chosen.map { [$0] } ?? [])
      let handler = try TLSHandler.server(context: context, received: parser.received)
      phase = .guestHandshake
      scheme = .https
      try guest.channel.pipeline.syncOperations.addHandler(handler, position: .before(guest))
      guest.channel.read()
    } catch {
      report.refused("TLS cannot begin: \(error)")
      refuse(.internalError)
    }
  }

  private func refuse(_ alert: TLSAlert) {
    // What it has sent is read, lest the alert be lost in a reset.
    guest.channel.writeAndFlush(TLSAlert.record(alert), promise: nil)
    guest.channel.close(mode: .output, promise: nil)
    upstream?.channel.close(promise: nil)
    let channel = guest.channel
    loop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
  }

  private func close() {
    for end in [guest, upstream] { end?.channel.close(promise: nil) }
  }

  // MARK: Who takes over

  /// What comes from now on goes to the handlers that `body` adds.
  private func handOver(_ body: () throws -> Void) {
    phase = .over
    for end in [guest, upstream] { end?.release() }
    do { try body() } catch {
      report.refused("it cannot be relayed: \(error)")
      for end in [guest, upstream] { end?.channel.reset() }
      ended(0, 0)
    }
  }

  private func relay() {
    guard let upstream else {
      if !replayStream(after: Array(guestBytes.readableBytesView)) {
        report.missed("no such conversation is kept", on: number)
        guest.channel.reset()
      }
      return
    }
    handOver {
      let recorder = isLeftAlone ? nil : try services.streams.begin(streamHeader, of: report.domain)
      try ByteRelay.join(
        guest.channel, upstream.channel, after: guestBytes, upstreamBytes, firstEnded: hasGuestEnded,
        secondEnded: hasUpstreamEnded, recorder: recorder, ended: ended)
    }
  }

  private var streamHeader: StreamHeader {
    StreamHeader(port: report.port, isTLS: scheme == .https, connection: number, process: report.process)
  }

  /// - Returns: whether there is one that begins so.
  private func replayStream(after said: [UInt8]) -> Bool {
    let reader = services.recordedStreams?.take(
      report.domain, port: report.port, isTLS: scheme == .https, process: report.process, after: said)
    guard let reader else { return false }
    handOver {
      try StreamReplay.start(
        reader, guest: guest.channel, after: guestBytes, hasEnded: hasGuestEnded,
        missed: { [self] in report.missed($0, on: number) }, ended: ended)
    }
    return true
  }

  private func relayHTTP() {
    handOver {
      let connection = HTTPConnection(
        domain: report.domain, scheme: scheme, port: report.port, number: number, process: report.process)
      guard let upstream else { return try replayHTTP(connection) }
      try HTTPRelay.start(
        connection, guest: guest.channel, upstream: upstream.channel, after: guestBytes,
        injecting: services.injections.filter { $0.isFor(report.domain, port: report.port) }
          .compactMap { HTTPHeaderField(name: $0.header, value: $0.value) }, into: services.store,
        events: HTTPRelay.Events(
          exchange: { [report, number, scheme] in report.exchanged(number, $0, scheme) },
          recordingFailed: { [self] in report.refused("it could not be recorded: \($0)") }, ended: ended))
    }
  }

  private func replayHTTP(_ connection: HTTPConnection) throws {
    guard let recorded = services.recorded else { return guest.channel.reset() }
    try HTTPReplay.start(
      connection, guest: guest.channel, after: guestBytes, from: recorded,
      events: HTTPReplay.Events(
        exchange: { [self] in report.exchanged(number, $0, scheme) },
        missed: { [self] _, reason in report.missed(line: reason, on: number) },
        ended: { [self] in ended($0, 0) }))
  }
}

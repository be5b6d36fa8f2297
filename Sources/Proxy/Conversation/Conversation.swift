import NIOCore
import Network
import SystemPackage
import TLS

/// A connection whose two ends are there: finds out what is spoken on it, ends TLS on both sides, and hands it to who relays and records that.
///
/// The guest's first bytes tell. Who waits for the other side to speak, as clients of SMTP and SSH do, has a stream.
/// All on the event loop of both channels, which do not read by themselves yet.
final class Conversation: ConversationOwner {
  /// What all conversations of a run share.
  struct Services: Sendable {
    let policy: NetworkPolicy
    let store: ExchangeStore
    let streams: StreamStore
    let identities: Identities
    /// Of connections to upstreams.
    let trust: TLSContext
    /// Whose TLS is left alone.
    let passthrough: [NetworkRule]
    let injections: [InjectionRule]
    /// What came of handshakes is kept there, or in a replay read from there.
    let record: NetworkRecord
    /// Whether git may push.
    let allowsPush: Bool
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
    /// The guest has been told why nothing comes of it.
    case refused
    /// Somebody else has the channels.
    case over
  }

  let services: Services
  let report: Report
  let number: UInt32
  /// How many connections it is within (CONNECT).
  let depth: Int
  /// Writes what is recorded of the connection, and of those within it.
  let queue: RecordingQueue
  /// The upstream is a proxy that takes requests alone.
  let proxied: ProxiedRequests?
  /// Told how many bytes the guest and the upstream have sent.
  let ended: (UInt64, UInt64) -> Void
  private let loop: any EventLoop
  var guest: ConversationEnd!
  /// nil in a replay.
  var upstream: ConversationEnd?
  private var phase = Phase.listening
  var scheme = HTTPConnection.Scheme.http
  var guestBytes = ByteBuffer()
  var upstreamBytes = ByteBuffer()
  /// What ALPN has chosen.
  private var isHTTP2 = false
  /// Nothing of it is kept.
  private var isLeftAlone = false
  private var hasGuestEnded = false
  private var hasUpstreamEnded = false

  private static let protocols = ["h2", "http/1.1", "http/1.0"]

  static func begin(
    _ guest: any Channel, _ upstream: (any Channel)?, _ services: Services, _ report: Report, number: UInt32,
    by queue: RecordingQueue, within tunnel: HTTPTunnel? = nil, depth: Int = 0, proxied: ProxiedRequests? = nil,
    ended: @escaping (UInt64, UInt64) -> Void
  ) throws {
    let conversation = Conversation(guest.eventLoop, services, report, number, queue, depth, proxied, ended)
    conversation.guest = ConversationEnd(guest, owner: conversation)
    try guest.pipeline.syncOperations.addHandler(conversation.guest)
    if let upstream {
      let end = ConversationEnd(upstream, owner: conversation)
      conversation.upstream = end
      try upstream.pipeline.syncOperations.addHandler(end)
    }
    if let tunnel { conversation.take(tunnel) }
    // In a replay nobody waits for a server that speaks first.
    let hasSaid = tunnel.map { $0.guestBytes.readableBytes > 0 || $0.hasGuestEnded } ?? false
    if upstream == nil, !hasSaid, conversation.replaySilence() { return }
    guest.read()
    upstream?.read()
  }

  /// What has come of a connection within another before it was one.
  private func take(_ tunnel: HTTPTunnel) {
    for (bytes, hasEnded, end) in [
      (tunnel.guestBytes, tunnel.hasGuestEnded, guest), (tunnel.upstreamBytes, tunnel.hasUpstreamEnded, upstream),
    ] {
      guard let end else { continue }
      if bytes.readableBytes > 0 { end.take(bytes) }
      if hasEnded { end.takeEnd() }
    }
  }

  private init(
    _ loop: any EventLoop, _ services: Services, _ report: Report, _ number: UInt32,
    _ queue: RecordingQueue, _ depth: Int, _ proxied: ProxiedRequests?, _ ended: @escaping (UInt64, UInt64) -> Void
  ) {
    self.loop = loop
    self.services = services
    self.report = report
    self.number = number
    self.queue = queue
    self.depth = depth
    self.proxied = proxied
    self.ended = ended
  }

  // MARK: What comes

  func received(_ bytes: ByteBuffer, at end: ConversationEnd) {
    var bytes = bytes
    guard end === guest else {
      upstreamBytes.writeBuffer(&bytes)
      if case .listening = phase { hear() }
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
    case .refused, .over: break
    }
  }

  func inputEnded(at end: ConversationEnd) {
    if end === guest { hasGuestEnded = true } else { hasUpstreamEnded = true }
    // It says no more: a stream takes it as it is.
    if case .listening = phase { relay() } else if case .greeting = phase { close() }
  }

  func closed(_ end: ConversationEnd, isReset: Bool) {
    if case .over = phase { return }
    if case .refused = phase, end !== guest { return }
    phase = .over
    let other = end === guest ? upstream : guest
    if isReset { other?.channel.reset() } else { other?.channel.close(promise: nil) }
    ended(0, 0)
  }

  /// Whoever speaks first of servers is none of HTTP/1.x, nor one of TLS that has been greeted.
  private func hear() {
    guard HTTP2Preface.mayBeServers(upstreamBytes.readableBytesView) else { return relay() }
    upstream?.channel.read()
    decideLater()
  }

  private func listen() {
    let kind = Sniffer.sniff(guestBytes.readableBytesView)
    if upstreamBytes.readableBytes > 0, kind != .http2, kind != .needMore { return relay() }
    switch kind {
    case .needMore: waitForMore()
    case .stream where isOpen: waitForMore()
    case .http: relayHTTP()
    case .http2: relayHTTP2()
    case .stream: relay()
    case .tls where proxied != nil: refuseOther()
    case .tls:
      isLeftAlone = services.passthrough.contains { $0.covers(report.domain, port: report.port) }
      if isLeftAlone || scheme == .https { return relay() }
      var parser = ClientHelloParser()
      let result = parser.append(guestBytes)
      guestBytes.clear()
      greet(result, parser)
    }
  }

  private func waitForMore() {
    guest.channel.read()
    decideLater()
  }

  /// Of a replay: whether it depends on what the guest says next which conversation this is. Git sends the length of its first line, and then the line.
  private var isOpen: Bool {
    guard upstream == nil else { return false }
    let said = Array(guestBytes.readableBytesView)
    let mayBePush = !services.allowsPush && GitPush.verdict(said) == .open
    return mayBePush
      || services.recordedStreams?.isOpen(
        report.domain, port: report.port, isTLS: scheme == .https, after: said) == true
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
    let offered = protocols.filter(Self.protocols.contains)
    guard protocols.isEmpty || !offered.isEmpty else {
      report.refused(
        "the client speaks \(protocols.joined(separator: ", ")) alone, which is not recorded; --net-passthrough leaves it alone"
      )
      return refuse(.noApplicationProtocol)
    }
    let server = name ?? report.domain.description
    guard let upstream else {
      switch services.record.handshake(with: report.domain, port: report.port) {
      case .established, nil: identify(server, recordedProtocol(offered), parser)
      case .failed: refuse(.handshakeFailure)
      case .untrusted: refuse(.badCertificate)
      }
      return
    }
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

  /// What the recorded run's guest was told, of what this one offers.
  private func recordedProtocol(_ offered: [String]) -> String? {
    let isHTTP2 = services.recorded?.speaksHTTP2(report.domain, port: report.port) == true
    return offered.first { ($0 == "h2") == isHTTP2 } ?? offered.first
  }

  func tlsChanged(_ event: TLSEvent, at end: ConversationEnd) {
    switch (event, phase) {
    case (.established(let chosen, _), .upstreamHandshake(let parser, let name)) where end === upstream:
      services.record.note(.established, of: report.domain, port: report.port)
      identify(name, chosen, parser)
    case (.established, .guestHandshake) where end === guest:
      phase = .listening
      if isHTTP2 { return relayHTTP2() }
      // Some servers speak first in TLS, too.
      if upstreamBytes.readableBytes > 0 { return relay() }
      if upstream == nil, guestBytes.readableBytes == 0, replaySilence() { return }
      if guestBytes.readableBytes > 0 { listen() } else { guest.channel.read() }
      upstream?.channel.read()
    case (.failed(let reason, let verifyError), .upstreamHandshake) where end === upstream:
      services.record.note(verifyError == nil ? .failed : .untrusted, of: report.domain, port: report.port)
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
      isHTTP2 = chosen == "h2"
      try guest.channel.pipeline.syncOperations.addHandler(handler, position: .before(guest))
      guest.channel.read()
    } catch {
      report.refused("TLS cannot begin: \(error)")
      refuse(.internalError)
    }
  }

  private func refuse(_ alert: TLSAlert) {
    answerLast(TLSAlert.record(alert))
  }

  private func answerLast(_ bytes: ByteBuffer) {
    phase = .refused
    guest.channel.end(after: bytes)
    upstream?.channel.close(promise: nil)
  }

  private func close() {
    for end in [guest, upstream] { end?.channel.close(promise: nil) }
  }

  // MARK: Who takes over

  /// What comes from now on goes to the handlers that `body` adds.
  func handOver(_ body: () throws -> Void) {
    phase = .over
    for end in [guest, upstream] { end?.release() }
    do { try body() } catch {
      report.refused("it cannot be relayed: \(error)")
      for end in [guest, upstream] { end?.channel.reset() }
      ended(0, 0)
    }
  }

  func refuseOther() {
    report.refused("the upstream proxy makes no connection to that port, and takes requests of HTTP alone")
    for end in [guest, upstream] { end?.channel.reset() }
  }

  private func relay() {
    if proxied != nil { return refuseOther() }
    let verdict = services.allowsPush || isLeftAlone ? .other : GitPush.verdict(guestBytes.readableBytesView)
    if verdict == .push { return refusePush() }
    guard let upstream else {
      let isSilent = guestBytes.readableBytes == 0
      if !replayStream(after: isSilent ? .ended : .said(Array(guestBytes.readableBytesView))) {
        // Clients make connections that they then do not need, at one time more than at another: who has said nothing misses nothing.
        if isSilent { return close() }
        report.missed("no such conversation is kept", on: number)
        guest.channel.reset()
      }
      return
    }
    handOver {
      let recorder = isLeftAlone ? nil : try services.streams.begin(streamHeader, of: report.domain, by: queue)
      if verdict == .open, !hasGuestEnded { try addPushGuard() }
      try ByteRelay.join(
        guest.channel, upstream.channel, after: guestBytes, upstreamBytes, firstEnded: hasGuestEnded,
        secondEnded: hasUpstreamEnded, recorder: recorder, recordingFailed: recordingFailed, ended: ended)
    }
  }

  func recordingFailed(_ error: Errno) { report.refused("it could not be recorded: \(error)") }

  private func addPushGuard() throws {
    let handler = PushGuard(after: Array(guestBytes.readableBytesView)) { [report] in report.refused(GitPush.refusal) }
    try guest.channel.pipeline.syncOperations.addHandler(handler)
  }

  private func refusePush() {
    report.refused(GitPush.refusal)
    answerLast(ByteBuffer(bytes: GitPush.answer))
  }

  private var streamHeader: StreamHeader {
    StreamHeader(port: report.port, isTLS: scheme == .https, connection: number, process: report.process)
  }

  /// For a guest that has said nothing yet: a server that speaks first does so at once, one that only ends it when the guest does not speak.
  /// - Returns: whether there is one that speaks first.
  private func replaySilence() -> Bool {
    if replayStream(after: .silence) { return true }
    loop.assumeIsolated().scheduleTask(in: Self.patience) { [self] in
      if case .listening = phase, guestBytes.readableBytes == 0 { _ = replayStream(after: .longSilence) }
    }
    return false
  }

  /// - Returns: whether there is one that begins so.
  private func replayStream(after beginning: StreamIndex.Beginning) -> Bool {
    let reader = services.recordedStreams?.take(
      report.domain, port: report.port, isTLS: scheme == .https, process: report.process, after: beginning)
    guard let reader else { return false }
    handOver {
      try StreamReplay.start(
        reader, guest: guest.channel, after: guestBytes, hasEnded: hasGuestEnded,
        missed: { [self] in report.missed($0, on: number) }, ended: ended)
    }
    return true
  }
}

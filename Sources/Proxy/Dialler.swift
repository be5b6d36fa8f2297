import Glibc
import NIOCore
import NIOPosix
import Network
import SystemPackage
import Tracing

/// Decides on each connection that the guest asks for, makes its other side, and joins the two.
public final class Dialler: Sendable {
  private let gate: Gate
  private let control: ControlChannel
  private let policy: NetworkPolicy
  private let proxies: UpstreamProxies
  private let domains: Domains
  private let keyStores: KeyStores
  private let services: Conversation.Services
  private let resolver: NameResolver
  /// What comes of connections and names is kept there, or in a replay read from there.
  private let record: NetworkRecord
  private let names: NameServer
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// For what waits: the host's resolver, and the moment until the guest has taken a connection.
  private let threads = NIOThreadPool(numberOfThreads: 32)
  private let diallers = Diallers()
  private let connections: OpenConnections
  /// The guest's end.
  private let endings: SharedNumber

  init(
    _ gate: Gate, _ control: ControlChannel, _ policy: NetworkPolicy, _ proxies: UpstreamProxies, _ domains: Domains,
    _ keyStores: KeyStores,
    _ services: Conversation.Services, _ record: NetworkRecord, hostname: String, numbers: SharedNumber,
    endings: SharedNumber
  ) {
    connections = OpenConnections(numbers: numbers)
    self.endings = endings
    self.record = record
    self.keyStores = keyStores
    self.services = services
    self.gate = gate
    self.control = control
    self.policy = policy
    self.proxies = proxies
    self.domains = domains
    threads.start()
    resolver = NameResolver(policy: policy, domains: domains, proxies: proxies)
    let isReplay = services.recorded != nil
    names = NameServer(
      isReplay ? RecordedNames(record: record, domains: domains) : resolver, domains, isReplay ? nil : record,
      hostname: hostname, control, threads, diallers)
  }

  /// Lets a server of the guest's be reached from the host.
  /// - Throws: a message for the user.
  public func publish(_ port: PublishedPort) throws {
    try PublishedPorts(gate: gate, group: group, threads: threads).open(port) { [self] outside, guest, port in
      let peer =
        outside.remoteAddress.flatMap { address in address.ipAddress.map { "\($0):\(address.port ?? 0)" } } ?? ""
      let domain = Domain(address: port.endpoint.address)
      let report = Report(control: control, domain: domain, port: port.endpoint.port, process: 0)
      relay(guest, outside, "published \(port) from \(peer)", report, isPublished: true)
    }
  }

  /// Waits for what the guest and the supervisor do, until the guest has ended.
  public func run() {
    let families = [gate.sockets.ipv4, gate.sockets.ipv6].compactMap { $0 }
    for family in families { serveNames(at: family.nameConnections) }
    let sockets = [control.socket] + families.flatMap { [$0.requests, $0.datagrams] }
    var polled = sockets.map { pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0) }
    while true {
      if poll(&polled, nfds_t(polled.count), -1) < 0, errno != EINTR { return }
      // Who is about to connect has said so before its request came.
      guard hear() else { break }
      gate.receive { [self] in dial($0) }
      for family in families { names.receive(family.datagrams) }
    }
    connections.end()
  }

  /// - Returns: false when the guest has ended.
  private func hear() -> Bool {
    do throws(Errno) {
      while let message = try control.receive() {
        switch message {
        case .dialling(let process, let endpoint): diallers.add(process, to: endpoint)
        case .splice: control.send(.spliced(keyStores.splice()))
        case .finish:
          _ = endings.next()
          return false
        default: break
        }
      }
      return true
    } catch { return false }
  }

  private func serveNames(at socket: SystemPackage.FileDescriptor) {
    let names = names
    ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(NameConnections(names)) }
      }
      .withBoundSocket(socket.rawValue).whenFailure { _ in }
  }

  private func dial(_ request: ConnectionRequest) {
    // It comes again, as long as the guest waits: meanwhile others may end.
    guard connections.hasRoom(beside: gate.count) else { return gate.forget(request) }
    let process = diallers.take(for: request.target)
    guard let domain = domains.domain(at: request.target.address) else {
      return gate.refuse(request, .networkUnreachable)
    }
    let report = Report(control: control, domain: domain, port: request.target.port, process: process)
    guard report.isLetThrough(policy.decision(domain: domain, port: report.port)) else {
      return gate.refuse(request, .networkUnreachable)
    }
    let loop = group.next()
    if services.recorded != nil { return replay(request, on: loop, report) }
    // What the user says of a name's addresses is meant for here.
    let isGiven = policy.addresses(of: domain, port: report.port) != nil
    switch isGiven ? .direct : proxies.route(to: domain, port: report.port) {
    case .direct: find(request, on: loop, report)
    case .tunnel(let proxy, let other): connect(request, by: proxy, isTunnel: true, else: other, on: loop, report)
    case .requests(let proxy): connect(request, by: proxy, isTunnel: false, else: nil, on: loop, report)
    }
  }

  private func find(_ request: ConnectionRequest, on loop: any EventLoop, _ report: Report) {
    let domain = report.domain
    let found = threads.runIfActive(eventLoop: loop) { [policy, resolver] in
      try policy.addresses(of: domain, port: report.port) ?? resolver.addresses(of: domain).get()
    }
    found.whenFailure { [gate, record] _ in
      record.note(.unreachable, of: domain, port: report.port)
      gate.refuse(request, .hostUnreachable)
    }
    found.whenSuccess { [self] addresses in
      func decision(_ address: IPAddress) -> NetworkPolicy.Decision {
        policy.permits(upstream: address, for: domain, port: report.port)
      }
      let permitted = addresses.filter { decision($0) == .allowed }
      if permitted.isEmpty, let first = addresses.first {
        _ = report.isLetThrough(decision(first), at: first)
        return gate.refuse(request, .networkUnreachable)
      }
      connect(request, permitted, on: loop, report)
    }
  }

  private func connect(
    _ request: ConnectionRequest, _ addresses: [IPAddress], on loop: any EventLoop, _ report: Report
  ) {
    let upstream = Bootstrap.client(loop)
      .connectTimeout(.seconds(120))
      .resolver(FixedAddresses(addresses: addresses, loop: loop))
      .connect(host: report.domain.description, port: Int(report.port))
    upstream.whenFailure { [gate, record] error in
      guard let refusal = Refusal(error) else { return gate.forget(request) }
      let outcome: NetworkRecord.Connection = if case .reset = refusal { .refused } else { .unreachable }
      record.note(outcome, of: report.domain, port: report.port)
      gate.refuse(request, refusal)
    }
    upstream.whenSuccess { [self] upstream in
      let place = upstream.remoteAddress.flatMap(\.ipAddress) ?? ""
      accept(request, upstream, "\(report.place) at \(place)", report)
    }
  }

  /// The proxy finds where a name leads, and the rules for addresses are its own.
  private func connect(
    _ request: ConnectionRequest, by proxy: UpstreamProxy, isTunnel: Bool, else other: UpstreamProxy?,
    on loop: any EventLoop, _ report: Report
  ) {
    let found = threads.runIfActive(eventLoop: loop) { [resolver] in try resolver.addresses(of: proxy.host).get() }
    let upstream = found.flatMap { addresses in
      Bootstrap.client(loop)
        .connectTimeout(.seconds(120))
        .resolver(FixedAddresses(addresses: addresses, loop: loop))
        .connect(host: proxy.host.description, port: Int(proxy.port))
    }.flatMap { (channel: any Channel) -> EventLoopFuture<any Channel> in
      guard isTunnel else { return loop.makeSucceededFuture(channel) }
      return UpstreamTunnel.open(channel, proxy, to: report.domain, port: report.port).map { channel }
    }
    upstream.whenFailure { [self] error in
      let failure = UpstreamFailure(error, of: proxy)
      if failure.isForbidden, let other {
        return connect(request, by: other, isTunnel: false, else: nil, on: loop, report)
      }
      report.refused(failure.reason)
      record.note(.unreachable, of: report.domain, port: report.port)
      gate.refuse(request, .hostUnreachable)
    }
    upstream.whenSuccess { [self] upstream in
      let proxied = isTunnel ? nil : ProxiedRequests(proxy, to: report.domain, port: report.port)
      accept(request, upstream, "\(report.place) by way of \(proxy)", report, proxied: proxied)
    }
  }

  private func accept(
    _ request: ConnectionRequest, _ upstream: any Channel, _ text: String, _ report: Report,
    proxied: ProxiedRequests? = nil
  ) {
    record.note(.connected, of: report.domain, port: report.port)
    let loop = upstream.eventLoop
    let accepted = threads.runIfActive(eventLoop: loop) { [gate] in try gate.accept(request) }
      .flatMap { Bootstrap.client(loop).withConnectedSocket($0.rawValue) }
    accepted.whenFailure { _ in upstream.close(promise: nil) }
    accepted.whenSuccess { [self] in relay($0, upstream, text, report, proxied: proxied) }
  }

  private func replay(_ request: ConnectionRequest, on loop: any EventLoop, _ report: Report) {
    switch record.connection(to: report.domain, port: report.port) {
    case .connected: break
    case .refused: return gate.refuse(request, .reset)
    case .unreachable: return gate.refuse(request, .hostUnreachable)
    case nil:
      report.missed("nobody has connected to it")
      return gate.refuse(request, .networkUnreachable)
    }
    let accepted = threads.runIfActive(eventLoop: loop) { [gate] in try gate.accept(request) }
      .flatMap { Bootstrap.client(loop).withConnectedSocket($0.rawValue) }
    accepted.whenSuccess { [self] in relay($0, nil, "\(report.place) as recorded", report) }
  }

  /// - Parameter text: who is at the other side, for the record.
  private func relay(
    _ guest: any Channel, _ other: (any Channel)?, _ text: String, _ report: Report, isPublished: Bool = false,
    proxied: ProxiedRequests? = nil
  ) {
    let number = connections.add([guest, other].compactMap { $0 })
    report.connected(number, text)
    // NIO says that a channel is there before it is active.
    guest.eventLoop.execute { [self] in begin(guest, other, number, report, isPublished: isPublished, proxied) }
  }

  private func begin(
    _ guest: any Channel, _ other: (any Channel)?, _ number: UInt32, _ report: Report, isPublished: Bool,
    _ proxied: ProxiedRequests?
  ) {
    let queue = services.store.queue()
    let ended = { [connections] (sent: UInt64, received: UInt64) in
      queue.end {
        report.ended(number, sent: sent, received: received)
        connections.remove(number)
      }
    }
    do {
      if isPublished, let other {
        try ByteRelay.join(
          guest, other, after: ByteBuffer(), ByteBuffer(), firstEnded: false, secondEnded: false, ended: ended)
      } else {
        try Conversation.begin(
          guest, other, services, report, number: number, by: queue, proxied: proxied, ended: ended)
      }
      for channel in [guest, other].compactMap({ $0 }) { HeldInput.release(channel) }
    } catch {
      for channel in [guest, other] { channel?.close(promise: nil) }
      ended(0, 0)
    }
  }
}

extension Refusal {
  /// What the guest is told where its upstream cannot be reached: as the kernel told it here. Of an upstream that does not answer the guest
  /// hears nothing, too.
  init?(_ error: any Error) {
    let errors = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
    let codes = errors.compactMap { ($0 as? IOError)?.errnoCode }
    if codes.contains(ECONNREFUSED) {
      self = .reset
    } else if codes.contains(ENETUNREACH) {
      self = .networkUnreachable
    } else if errors.allSatisfy({ $0 is ChannelError }), !errors.isEmpty {
      return nil
    } else {
      self = .hostUnreachable
    }
  }
}

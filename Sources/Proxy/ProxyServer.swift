import Certificates
import HelperWalls
import NIOPosix
import Network
import SystemPackage
import TLS

/// The whole of uwrx-proxy: the other side of one run's network.
public enum ProxyServer {
  /// They wait for the disk, and for each other where they make files in one directory.
  private static let recordingThreads = 2

  /// Waits for guest init, serves, and returns when the guest has ended. To be called while the process has one thread.
  /// - Parameters:
  ///   - control: to the supervisor.
  ///   - channel: to guest init.
  ///   - network: the trace's directory for what is on the network.
  ///   - recorded: of a replay, that of the earlier run.
  /// - Returns: how the process is to end.
  /// - Throws: a message for the user.
  public static func run(
    _ configuration: ProxyConfiguration, control: ControlChannel, channel: SystemPackage.FileDescriptor,
    network: SystemPackage.FileDescriptor, recorded: SystemPackage.FileDescriptor?
  ) throws -> Int32 {
    OpenConnections.raiseLimit()
    let seed = configuration.authoritySeed
    let authority =
      configuration.authority.isEmpty
      ? try CertificateAuthority(seed: seed)
      : try CertificateAuthority(seed: seed, certificate: configuration.authority)
    control.send(
      .authority(certificate: authority.pem, hashes: [authority.subjectHash, authority.oldSubjectHash]))
    let policy = NetworkPolicy(
      allow: try configuration.allowed.map { try NetworkRule($0) },
      deny: try configuration.denied.map { try NetworkRule($0) },
      resolve: try configuration.resolutions.map { try ResolveRule($0) })
    func proxy(_ text: String) throws -> UpstreamProxy? { text.isEmpty ? nil : try UpstreamProxy(text) }
    let proxies = UpstreamProxies(
      http: try proxy(configuration.httpProxy), https: try proxy(configuration.httpsProxy),
      exceptions: ProxyExceptions(configuration.noProxy))
    let directory = NetworkDirectory(network)
    let earlier = recorded.map { NetworkDirectory($0) }
    // A credential has the same digest in a replay.
    let key = Array("credentials".utf8) + seed
    let record = NetworkRecord(earlier ?? directory)
    // The host's trust is read while it can be, and so is what was recorded.
    let pool = NIOThreadPool(numberOfThreads: recordingThreads)
    let services = Conversation.Services(
      policy: policy,
      store: ExchangeStore(directory, key: key, threads: RecordingThreads(pool)), streams: StreamStore(directory),
      identities: Identities(authority, directory),
      trust: try TLSContext.client(extraTrust: configuration.upstreamAuthority),
      passthrough: try configuration.passthrough.map { try NetworkRule($0) },
      injections: try configuration.injections.map { try InjectionRule($0) }, record: record,
      allowsPush: configuration.allowsPush,
      recorded: try earlier.map { try ExchangeIndex($0, key: key) },
      recordedStreams: try earlier.map { try StreamIndex($0) })
    let sockets = try GuestSockets.wait(for: channel)
    let (numbers, endings) = (SharedNumber(), SharedNumber())
    return try ProxyWarden(control: control, endings: endings).run {
      try Walls.raise(filter: configuration.filter, writable: network.rawValue, recorded: recorded?.rawValue)
      pool.start()
      let gate = Gate(GuestSockets(sockets, channel: channel))
      let dialler = Dialler(
        gate, control, policy, proxies, Domains(directory, recorded: earlier), KeyStores(authority, directory),
        services,
        record, hostname: configuration.hostname, numbers: numbers, endings: endings)
      for text in configuration.published { try dialler.publish(try PublishedPort(text)) }
      control.send(.ready)
      dialler.run()
      services.store.finish()
      control.send(.finished)
    }
  }
}

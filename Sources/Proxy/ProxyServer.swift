import Certificates
import NIOPosix
import Network
import SystemPackage
import TLS

/// The whole of uwrx-proxy: the other side of one run's network.
public enum ProxyServer {
  /// They wait for the disk, and for each other where they make files in one directory.
  private static let recordingThreads = 2

  /// Waits for guest init, serves, and returns when the guest has ended.
  /// - Parameters:
  ///   - control: to the supervisor.
  ///   - channel: to guest init.
  ///   - network: the trace's directory for what is on the network.
  ///   - recorded: of a replay, that of the earlier run.
  /// - Throws: a message for the user.
  public static func run(
    _ configuration: ProxyConfiguration, control: ControlChannel, channel: SystemPackage.FileDescriptor,
    network: SystemPackage.FileDescriptor, recorded: SystemPackage.FileDescriptor?
  ) throws {
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
    let directory = NetworkDirectory(network)
    let earlier = recorded.map { NetworkDirectory($0) }
    // A credential has the same digest in a replay.
    let key = Array("credentials".utf8) + seed
    // The host's trust is read while it can be, and so is what was recorded.
    let pool = NIOThreadPool(numberOfThreads: recordingThreads)
    let threads = RecordingThreads(pool)
    let services = Conversation.Services(
      store: ExchangeStore(directory, key: key, threads: threads), streams: StreamStore(directory, threads: threads),
      identities: Identities(authority, directory),
      trust: try TLSContext.client(extraTrust: configuration.upstreamAuthority),
      passthrough: try configuration.passthrough.map { try NetworkRule($0) },
      injections: try configuration.injections.map { try InjectionRule($0) },
      recorded: try earlier.map { try ExchangeIndex($0, key: key) },
      recordedStreams: try earlier.map { try StreamIndex($0) })
    try Walls.raise(filter: configuration.filter, network: network.rawValue, recorded: recorded?.rawValue)
    pool.start()
    let gate = Gate(try GuestSockets(channel: channel))
    let dialler = Dialler(
      gate, control, policy, Domains(directory, recorded: earlier), KeyStores(authority, directory), services,
      NetworkRecord(earlier ?? directory), hostname: configuration.hostname)
    for text in configuration.published { try dialler.publish(try PublishedPort(text)) }
    control.send(.ready)
    dialler.run()
    threads.finish()
    control.send(.finished)
  }
}

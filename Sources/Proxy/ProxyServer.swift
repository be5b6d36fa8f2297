import Certificates
import Network
import SystemPackage
import TLS

/// The whole of uwrx-proxy: the other side of one run's network.
public enum ProxyServer {
  /// Waits for guest init, serves, and returns when the guest has ended.
  /// - Parameters:
  ///   - control: to the supervisor.
  ///   - channel: to guest init.
  ///   - network: the trace's directory for what is on the network.
  /// - Throws: a message for the user.
  public static func run(
    _ configuration: ProxyConfiguration, control: ControlChannel, channel: SystemPackage.FileDescriptor,
    network: SystemPackage.FileDescriptor
  ) throws {
    let authority = try CertificateAuthority(seed: configuration.authoritySeed)
    control.send(
      .authority(certificate: authority.pem, hashes: [authority.subjectHash, authority.oldSubjectHash]))
    let policy = NetworkPolicy(
      allow: try configuration.allowed.map { try NetworkRule($0) },
      deny: try configuration.denied.map { try NetworkRule($0) },
      resolve: try configuration.resolutions.map { try ResolveRule($0) })
    let directory = NetworkDirectory(network)
    // The host's trust is read while it can be.
    let services = Conversation.Services(
      store: ExchangeStore(directory, key: configuration.digestKey), identities: Identities(authority, directory),
      trust: try TLSContext.client(extraTrust: configuration.upstreamAuthority),
      passthrough: try configuration.passthrough.map { try NetworkRule($0) })
    try Walls.raise(filter: configuration.filter, network: network.rawValue)
    let gate = Gate(try GuestSockets(channel: channel))
    let dialler = Dialler(
      gate, control, policy, Domains(directory), KeyStores(authority, directory), services,
      hostname: configuration.hostname)
    for text in configuration.published { try dialler.publish(try PublishedPort(text)) }
    control.send(.ready)
    dialler.run()
    control.send(.finished)
  }
}

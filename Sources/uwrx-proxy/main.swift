import Certificates
import Glibc
import Network
import Proxy
import SystemPackage

// Started by uwrx run --net with descriptors 3 to 6: the socket to the supervisor, the socket to guest init, the trace's directory for what was
// on the network, and what is to be done.

/// Waits for guest init, serves, and ends with the guest.
func serve(_ control: ControlChannel) throws {
  var given = [UInt8](repeating: 0, count: 1 << 25)
  let file = FileDescriptor(rawValue: 6)
  var length = 0
  while true {
    let count = try given[length...].withUnsafeMutableBytes { try file.read(into: $0) }
    if count == 0 { break }
    length += count
  }
  try file.close()
  guard let configuration = ProxyConfiguration(Array(given[..<length])) else { throw Errno.invalidArgument }
  let authority = try CertificateAuthority(seed: configuration.authoritySeed)
  control.send(.authority(certificate: authority.pem, hashes: [authority.subjectHash, authority.oldSubjectHash]))
  let policy = NetworkPolicy(
    allow: try configuration.allowed.map { try NetworkRule($0) },
    deny: try configuration.denied.map { try NetworkRule($0) },
    resolve: try configuration.resolutions.map { try ResolveRule($0) })
  try Walls.raise(filter: configuration.filter, network: 5)
  let gate = Gate(try GuestSockets(channel: FileDescriptor(rawValue: 4)))
  let directory = NetworkDirectory(FileDescriptor(rawValue: 5))
  let domains = Domains(directory)
  let dialler = Dialler(gate, control, policy, domains, KeyStores(authority, directory), hostname: configuration.hostname)
  for text in configuration.published { try dialler.publish(try PublishedPort(text)) }
  control.send(.ready)
  dialler.run()
  control.send(.finished)
}

signal(SIGPIPE, SIG_IGN)
let control = ControlChannel(socket: FileDescriptor(rawValue: 3))
do {
  try serve(control)
} catch {
  control.send(.failed("\(error)"))
  exit(125)
}

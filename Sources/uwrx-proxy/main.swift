import Glibc
import Network
import Proxy
import SystemPackage

// Started by uwrx run --net with descriptors 3 to 7: the socket to the supervisor, the socket to guest init, the trace's directory for what was
// on the network, what is to be done,
// and of a replay the directory of the run that is made again.

func configuration(_ file: FileDescriptor) throws -> ProxyConfiguration {
  defer { try? file.close() }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
    bytes += buffer[..<count]
  }
  guard let configuration = ProxyConfiguration(bytes) else { throw Errno.invalidArgument }
  return configuration
}

signal(SIGPIPE, SIG_IGN)
let control = ControlChannel(socket: FileDescriptor(rawValue: 3))
do {
  let code = try ProxyServer.run(
    try configuration(FileDescriptor(rawValue: 6)), control: control, channel: FileDescriptor(rawValue: 4),
    network: FileDescriptor(rawValue: 5),
    recorded: fcntl(7, F_GETFD) < 0 ? nil : FileDescriptor(rawValue: 7))
  exit(code)
} catch {
  control.send(.failed("\(error)"))
  exit(125)
}

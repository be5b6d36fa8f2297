import CLinux
import Glibc
import HelperWalls
import NIOPosix
import RemoteCache
import Skipping
import SystemPackage

// Started by uwrx run --cache with descriptor 3, which says what is to be done, and from 4 on sockets to the supervisor, a thread for each; or by
// uwrx cache key with a path.

/// What the process may have, whatever it is sent.
func limit() {
  for (resource, most) in [
    (RLIMIT_CORE, 0), (RLIMIT_FSIZE, 0), (RLIMIT_NOFILE, 256), (RLIMIT_DATA, 2 << 30),
  ] as [(__rlimit_resource, rlim_t)] {
    let resource = __rlimit_resource_t(resource.rawValue)
    var limit = rlimit()
    getrlimit(resource, &limit)
    limit.rlim_max = min(limit.rlim_max, most)
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
  }
}

func configuration() throws -> CacheConfiguration {
  let file = FileDescriptor(rawValue: 3)
  defer { try? file.close() }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
    bytes += buffer[..<count]
  }
  guard let configuration = CacheConfiguration(bytes) else { throw Errno.invalidArgument }
  return configuration
}

signal(SIGPIPE, SIG_IGN)
if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "key" { exit(makeKey(CommandLine.arguments[2])) }
let channels = (0..<CacheClient.sockets).map { index in
  CacheChannel(socket: FileDescriptor(rawValue: Int32(4 + index)), patience: -1)
}

/// Says that all is ready, and answers, with a thread for each socket, until the supervisor is gone.
func serve(_ body: @escaping @Sendable (CacheChannel) -> Void) throws {
  let left = Monitor(channels.count)
  let threads = NIOThreadPool(numberOfThreads: channels.count)
  threads.start()
  try channels[channels.count - 1].send(.end)
  for channel in channels {
    threads.submit { _ in
      body(channel)
      channel.cut()
      left.withLock { $0 -= 1 }
    }
  }
  _ = left.wait { $0 == 0 ? true : nil }
}

do {
  let configuration = try configuration()
  limit()
  if configuration.address.isEmpty {
    let notary = RecordNotary(try RecordKey(pem: configuration.key))
    try Walls.raise(filter: configuration.filter, readable: [])
    try serve { notary.serve($0) }
  } else {
    let trust = try CacheService.trust(configuration)
    try Walls.raise(filter: configuration.filter)
    let service = try CacheService(configuration, trust)
    try serve { service.serve($0) }
  }
  exit(0)
} catch {
  try? channels[channels.count - 1].send(.failed((error as? CacheFailure)?.reason ?? "\(error)"))
  exit(125)
}

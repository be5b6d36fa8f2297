import Glibc
import NIOCore
import NIOPosix
import Network
import Synchronization
import SystemPackage
import Testing
import Tracing

@testable import Proxy

/// A proxy on a port of loopback in front of one server, that records into a folder of its own or answers from one.
final class ProxyHarness: Sendable {
  /// What was told of, in order.
  struct Told: Sendable {
    var exchanges: [HTTPExchange] = []
    var misses: [String] = []
    var failures: [Errno] = []
    var ended = 0
  }

  let port: Int
  let told: Told.Box
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let server: any Channel
  private let store: ExchangeStore?

  /// - Parameters:
  ///   - domain: that the guest dialled.
  ///   - join: given the guest's channel, the upstream's if there is one, and the number of the connection.
  private init(
    upstream: Int?, store: ExchangeStore? = nil,
    _ join: @escaping @Sendable (any Channel, (any Channel)?, UInt32, Told.Box) throws -> Void
  ) throws {
    let told = Told.Box()
    let numbers = Counter()
    server = try ServerBootstrap(group: group)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { guest in
        do { try guest.pipeline.syncOperations.addHandler(PatientClose()) } catch {
          return guest.eventLoop.makeFailedFuture(error)
        }
        let number = UInt32(numbers.next() + 1)
        // NIO says that a channel is there some tasks before it is active.
        @Sendable func begin(_ upstream: (any Channel)?, _ patience: Int = 100) {
          guest.eventLoop.execute {
            if !guest.isActive, patience > 0 { return begin(upstream, patience - 1) }
            do { try join(guest, upstream, number, told) } catch {
              for channel in [guest, upstream] { channel?.close(promise: nil) }
            }
            if let upstream { HeldInput.release(upstream) }
          }
        }
        guard let upstream else {
          begin(nil)
          return guest.eventLoop.makeSucceededVoidFuture()
        }
        return Bootstrap.client(guest.eventLoop).connect(host: "127.0.0.1", port: upstream).map { begin($0) }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    port = server.localAddress!.port!
    self.told = told
    self.store = store
  }

  static func record(
    _ domain: String = "example.org", upstream: Int, into directory: Directory, injecting: [HTTPHeaderField] = [],
    process: UInt32 = 7, isHTTP2: Bool = false, threads: NIOThreadPool = .singleton
  ) throws -> ProxyHarness {
    let store = ExchangeStore(directory.network, key: [1], threads: RecordingThreads(threads))
    let domain = Domain(domain)!
    return try ProxyHarness(upstream: upstream, store: store) { guest, upstream, number, told in
      let connection = HTTPConnection(domain: domain, port: 80, number: number, process: process)
      let queue = store.queue()
      let events = HTTPRelay.Events(
        exchanges: { exchanges in told.value.withLock { $0.exchanges += exchanges } },
        recordingFailed: { error in told.value.withLock { $0.failures.append(error) } },
        ended: { _, _ in queue.end { told.value.withLock { $0.ended += 1 } } })
      if isHTTP2 {
        try HTTP2Relay.start(
          connection, guest: guest, upstream: upstream!, injecting: injecting, into: store, by: queue, events: events)
      } else {
        try HTTPRelay.start(
          connection, guest: guest, upstream: upstream!, injecting: injecting, into: store, by: queue, events: events)
      }
    }
  }

  static func replay(
    _ domain: String = "example.org", from directory: Directory, process: UInt32 = 7, isHTTP2: Bool = false
  ) throws -> ProxyHarness {
    let index = try ExchangeIndex(directory.network, key: [1])
    let domain = Domain(domain)!
    return try ProxyHarness(upstream: nil) { guest, _, number, told in
      let connection = HTTPConnection(domain: domain, port: 80, number: number, process: process)
      let events = HTTPReplay.Events(
        exchange: { exchange in told.value.withLock { $0.exchanges.append(exchange) } },
        missed: { _, text in told.value.withLock { $0.misses.append(text) } },
        ended: { _, _ in told.value.withLock { $0.ended += 1 } })
      if isHTTP2 {
        try HTTP2Replay.start(connection, guest: guest, from: index, events: events)
      } else {
        try HTTPReplay.start(connection, guest: guest, from: index, events: events)
      }
    }
  }

  /// What was told when all of a number of connections have ended.
  func told(after connections: Int) -> Told {
    for _ in 0..<4000 {
      let told = told.value.withLock { $0 }
      if told.ended >= connections { return told }
      usleep(5000)
    }
    return told.value.withLock { $0 }
  }

  func stop() {
    try? server.close().wait()
    try? group.syncShutdownGracefully()
    store?.finish()
  }

  /// A folder that is gone with its owner.
  final class Directory: Sendable {
    let path: String
    private let descriptor: SystemPackage.FileDescriptor

    init() {
      var template = Array("/var/tmp/proxy-tests-XXXXXX".utf8CString)
      path = String(cString: mkdtemp(&template)!)
      descriptor = SystemPackage.FileDescriptor(rawValue: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    deinit {
      try? descriptor.close()
      remove(path)
    }

    var network: NetworkDirectory { NetworkDirectory(descriptor) }

    /// The exchanges that were recorded.
    func records(of domain: String = "example.org") -> [ExchangeRecord] {
      (try? log(of: domain)?.contents().records) ?? []
    }

    private func log(of domain: String) throws -> ExchangeLog? {
      let requests = try DirectoryHandle("\(path)/\(domain)/requests")
      return try ExchangeLog(in: FileDescriptor(rawValue: requests.descriptor))
    }

    /// A part of a record as text, `1/response-body`, or its head, `1/meta`; nil if it is not there.
    func text(_ name: String, of domain: String = "example.org") -> String? {
      let words = name.split(separator: "/")
      guard let log = try? log(of: domain), let contents = try? log.contents(),
        let place = contents.records.firstIndex(where: { "\($0.number)" == words[0] })
      else { return nil }
      let record = contents.records[place]
      if words[1] == "meta" {
        let start = place == 0 ? 0 : contents.records[place - 1].end
        let end = ExchangeRecord.Part.allCases.compactMap { part -> Int? in
          guard case .log(let range)? = record.place(of: part) else { return nil }
          return range.lowerBound
        }.min()
        return end.flatMap { try? log.bytes(start..<$0) }.map { String(decoding: $0, as: UTF8.self) }
      }
      guard let part = ExchangeRecord.Part(rawValue: String(words[1])) else { return nil }
      switch record.place(of: part) {
      case nil: return nil
      case .log(let range): return (try? log.bytes(range)).map { String(decoding: $0, as: UTF8.self) }
      case .file: return file(record.fileName(of: part), of: domain)
      }
    }

    /// Has a record say something else; of `meta`, that is all of its head.
    func replace(_ name: String, of number: Int, by text: String, in domain: String = "example.org") throws {
      let meta = try #require(self.text("\(number)/meta", of: domain))
      var head = name == "meta" ? text + "\n" : ""
      var body = ""
      for line in meta.components("\n") where name != "meta" && !line.isEmpty {
        let key = line.components("\t")[0]
        let size = key == name ? "\(text.utf8.count)" : line.components("\t")[1]
        head += "\(key)\t\(size)\n"
      }
      for part in ExchangeRecord.Part.allCases {
        body += part.rawValue == name ? text : self.text("\(number)/\(part.rawValue)", of: domain) ?? ""
      }
      write(head + (name == "meta" ? "" : "\n") + body + "\n", to: ExchangeLog.name, of: domain)
    }

    /// The bytes of a file below `requests` as text; nil if it is not there.
    func file(_ name: String, of domain: String = "example.org") -> String? {
      let file = open("\(path)/\(domain)/requests/\(name)", O_RDONLY)
      guard file >= 0 else { return nil }
      defer { close(file) }
      var status = stat()
      fstat(file, &status)
      var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
      let count = read(file, &bytes, bytes.count)
      return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    func write(_ text: String, to name: String, of domain: String = "example.org") {
      let file = open("\(path)/\(domain)/requests/\(name)", O_WRONLY | O_TRUNC | O_CREAT, 0o644)
      _ = Glibc.write(file, text, text.utf8.count)
      close(file)
    }

    /// Of a file below `requests`; 0 if it is not there.
    func size(_ name: String, of domain: String = "example.org") -> Int {
      var status = stat()
      return stat("\(path)/\(domain)/requests/\(name)", &status) == 0 ? Int(status.st_size) : 0
    }

    /// The numbers of the exchanges that were recorded, and the names of what is beside the log, sorted.
    func names(of domain: String = "example.org") -> [String] {
      let handle = try? DirectoryHandle("\(path)/\(domain)/requests")
      let names = ((try? handle?.names()) ?? []).map { String(decoding: $0, as: UTF8.self) }
      return (names.filter { $0 != ExchangeLog.name } + records(of: domain).map { "\($0.number)" }).sorted()
    }

    private func remove(_ path: String) {
      for name in (try? DirectoryHandle(path).names()) ?? [] {
        let below = "\(path)/\(String(decoding: name, as: UTF8.self))"
        var status = stat()
        if lstat(below, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(below) } else { unlink(below) }
      }
      rmdir(path)
    }
  }
}

extension ProxyHarness.Told {
  final class Box: Sendable {
    let value = Mutex(ProxyHarness.Told())
  }
}

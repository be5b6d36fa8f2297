import CacheKit
import Glibc
import SystemPackage
import Testing
import Tracing

@testable import RemoteCache
@testable import Skipping

/// A shared cache by HTTP, with a helper's work done in this process.
@Suite("Remote cache")
struct RemoteCacheTests {
  static let key = SHA256.digest(Array("what was started".utf8))
  static let otherKey = SHA256.digest(Array("something else".utf8))
  static let pair = RecordKey.make()!
  static let started = StartedCommand(
    arguments: ["cc", "-c", "a.c"].map { Array($0.utf8) },
    variables: ["PATH=/bin", "GITHUB_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345"].map { Array($0.utf8) },
    directory: Array("/home/me/project".utf8))

  /// A machine with a directory of its own.
  final class Machine {
    let directory: String
    let cache: SharedCache
    private let local: SkipCache

    init(
      _ address: String, readOnly: Bool = false, key: [UInt8]? = nil, headers: [String] = [], directory: String? = nil
    ) throws {
      var template = Array("/tmp/uwrx-remote-XXXXXX".utf8CString)
      self.directory = directory ?? String(cString: mkdtemp(&template))
      local = try SkipCache(self.directory)
      var configuration = CacheConfiguration()
      configuration.address = address
      configuration.headers = headers
      let service = try CacheService(try #require(CacheConfiguration(configuration.bytes)), nil)
      let notary = try key.map { RecordNotary(try RecordKey(pem: $0)) }
      cache = try SharedCache(
        local, SharedCache.Rules(isReadOnly: readOnly, trustsUnsigned: key == nil), server: Self.client(service.serve),
        notary: notary.map { Self.client($0.serve) }, start: Self.thread)
    }

    private static func client(_ serve: @escaping @Sendable (CacheChannel) -> Void) -> CacheClient {
      let ours = (0..<CacheClient.sockets).map { _ in
        var sockets: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets)
        let theirs = CacheChannel(socket: FileDescriptor(rawValue: sockets[1]), patience: -1)
        _ = thread {
          serve(theirs)
          theirs.cut()
        }
        return FileDescriptor(rawValue: sockets[0])
      }
      return CacheClient(ours) {}
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) -> Bool {
      final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
      }
      var thread = pthread_t()
      let result = pthread_create(
        &thread, nil,
        {
          Unmanaged<Box>.fromOpaque($0!).takeRetainedValue().body()
          return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
      pthread_detach(thread)
      return result == 0
    }

    static func file(_ bytes: [UInt8] = []) throws -> FileDescriptor {
      var template = Array("/tmp/uwrx-contents-XXXXXX".utf8CString)
      let file = FileDescriptor(rawValue: mkstemp(&template))
      unlink(template)
      try file.writeAll(bytes)
      lseek(file.rawValue, 0, SEEK_SET)
      return file
    }

    /// As a process that has read `a.c` and made `a.o`.
    func record(_ output: [UInt8], of key: [UInt8] = RemoteCacheTests.key, started: StartedCommand? = started) throws
      -> SkipRecord
    {
      let file = try Self.file(output)
      defer { try? file.close() }
      let kept = try cache.keep(file)
      func digest(_ text: String) -> [UInt8] { SHA256.digest(Array(text.utf8)) }
      let record = SkipRecord(
        origin: Array("/trace/0".utf8), process: 4, duration: 5,
        questions: [
          SkipRecord.Question(
            path: Array("/home/me/project/a.c".utf8),
            answer: .contents(SkipRecord.Status(mode: 0o100644, uid: 0, gid: 0, size: 3), digest: digest("a.c"))),
          SkipRecord.Question(
            path: Array("/usr/bin/cc".utf8),
            answer: .contents(SkipRecord.Status(mode: 0o100755, uid: 0, gid: 0, size: 2), digest: digest("cc"))),
          SkipRecord.Question(path: Array("/usr/lib/none.so".utf8), answer: .missing),
          SkipRecord.Question(path: Array("/bin".utf8), answer: .link(target: Array("usr/bin".utf8))),
        ],
        outputs: [
          SkipRecord.Output(
            path: Array("/home/me/project/a.o".utf8), before: nil,
            after: .file(SkipRecord.File(mode: 0o644, size: Int64(output.count), digest: kept.bytes)))
        ], said: [SkipRecord.Piece(descriptor: 2, bytes: Array("warning\n".utf8))], status: 0)
      try cache.add(record, of: key, near: RecordHint([]), started: started)
      return record
    }

    /// What is found, with the contents of each outcome.
    func find(_ key: [UInt8] = RemoteCacheTests.key) throws -> [[UInt8]] {
      try cache.furtherRecords(of: key, near: RecordHint([])).map { record in
        let file = try Self.file()
        defer { try? file.close() }
        try cache.copy(record.contents[0].digest, to: file)
        let size = Int(lseek(file.rawValue, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: size)
        let read = try file.readFully(at: 0, into: &bytes)
        #expect(read == size)
        return bytes
      }
    }

    func remove() {
      _ = cache.finish()
      for name in ["records", "contents", "new"] { Self.remove("\(directory)/\(name)") }
      unlink("\(directory)/digests")
      rmdir(directory)
    }

    private static func remove(_ path: String) {
      for name in SkipCache.names(in: open(path, O_RDONLY | O_DIRECTORY)) {
        if unlink("\(path)/\(name)") < 0 { remove("\(path)/\(name)") }
      }
      rmdir(path)
    }
  }

  private func withServer(_ body: (CacheServer, String) throws -> Void) throws {
    let server = CacheServer()
    defer { server.end() }
    try body(server, "http://127.0.0.1:\(server.port)/team/cache")
  }

  private static func bytes(_ count: Int, _ start: UInt8 = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) &+ start }
  }

  private func upload(
    to address: String, _ outputs: [[UInt8]], key: [UInt8]? = nil, headers: [String] = [], of what: [UInt8] = key
  ) throws -> [String] {
    let machine = try Machine(address, key: key, headers: headers)
    defer { machine.remove() }
    for output in outputs { _ = try machine.record(output, of: what) }
    return machine.cache.finish()
  }

  private func find(
    at address: String, key: [UInt8]? = nil, of what: [UInt8] = key, headers: [String] = []
  ) throws -> (found: [[UInt8]]?, told: [String]) {
    let machine = try Machine(address, readOnly: true, key: key, headers: headers)
    defer { machine.remove() }
    return (try? machine.find(what), machine.cache.finish())
  }

  @Test("what one machine has done another has, the newest first, large and small")
  func sharing() throws {
    try withServer { server, address in
      let outputs = [Self.bytes(10), [], Self.bytes(3 << 20)]
      #expect(try upload(to: address, outputs) == [])
      let (found, told) = try find(at: address)
      #expect(found == outputs.reversed())
      #expect(told == [])
      #expect(try find(at: address, of: Self.otherKey).found == [])
    }
  }

  @Test("entries are the Remote Execution API's, whole, and hold no secrets")
  func entries() throws {
    try withServer { server, address in
      #expect(try upload(to: address, [Self.bytes(10)]) == [])
      let files = server.files
      func content(_ digest: RemoteDigest) throws -> [UInt8] {
        let bytes = try #require(files["/team/cache/cas/\(digest.hash)"])
        #expect(
          bytes.count == digest.sizeBytes
            && String(decoding: SHA256.text(SHA256.digest(bytes)), as: UTF8.self) == digest.hash)
        return bytes
      }
      let results = files.keys.filter { $0.hasPrefix("/team/cache/ac/") }
      #expect(results.count == 2)
      var seen: Set<String> = []
      for path in results {
        let result = try RemoteActionResult(serializedBytes: files[path]!)
        let action = try RemoteAction(serializedBytes: #require(files[path.replacing("/ac/", with: "/cas/")]))
        let command = try RemoteCommand(serializedBytes: content(action.commandDigest))
        let root = try RemoteDirectory(serializedBytes: content(action.inputRootDigest))
        if action.hasPlatform {
          #expect(action.platform.properties.map(\.name) == ["uwrx-skip-key"])
          #expect(root == RemoteDirectory())
          _ = try content(result.outputFiles[0].digest)
          seen.insert("key")
          continue
        }
        seen.insert("process")
        #expect(command.arguments == ["cc", "-c", "a.c"])
        #expect(command.workingDirectory == "home/me/project")
        #expect(command.outputPaths == ["a.o"])
        #expect(
          command.environmentVariables.map { "\($0.name)=\($0.value)" } == ["GITHUB_TOKEN=<secret>", "PATH=/bin"])
        #expect(root.directories.map(\.name) == ["home", "usr"])
        #expect(root.symlinks.map { "\($0.name) \($0.target)" } == ["bin usr/bin"])
        let usr = try RemoteDirectory(serializedBytes: content(root.directories[1].digest))
        let bin = try RemoteDirectory(serializedBytes: content(usr.directories[0].digest))
        #expect(bin.files.map { "\($0.name) \($0.isExecutable) \($0.digest.sizeBytes)" } == ["cc true 2"])
        #expect(result.outputFiles.map(\.path) == ["a.o"])
        #expect(try content(result.outputFiles[0].digest) == Self.bytes(10))
        #expect(try content(result.stderrDigest) == Array("warning\n".utf8))
        #expect(try content(result.stdoutDigest) == [])
      }
      #expect(seen == ["key", "process"])
      for file in files.values { #expect(!String(decoding: file, as: UTF8.self).contains("ghp_")) }
    }
  }

  @Test(
    "a server that fails in any way gives nothing that is wrong, and is left out",
    arguments: [
      CacheServer.Fault.silent, .dripping, .lying, .truncating, .halving, .endless, .rubbish, .failing, .locked,
    ])
  func faults(_ fault: CacheServer.Fault) throws {
    try withServer { server, address in
      #expect(try upload(to: address, [Self.bytes(1000)]) == [])
      server.fault = fault
      let reader = try Machine(address, readOnly: true)
      defer { reader.remove() }
      #expect(try reader.find() == [])
      for _ in 0..<4 { #expect(try reader.find(Self.otherKey) == []) }
      let told = reader.cache.finish()
      #expect(told.count == 1 && told[0].hasPrefix("the shared cache at http://127.0.0.1:\(server.port) "), "\(told)")
      // It was well, but for what it has.
      if [.lying, .halving, .truncating, .endless, .dripping].contains(fault) { return }
      let requests = server.takeRequests().filter { $0.hasPrefix("GET") }
      #expect(requests.count <= 3 + 2, "\(requests)")
      let lost = try upload(to: address, [Self.bytes(1), Self.bytes(2), Self.bytes(3), Self.bytes(4)])
      #expect(lost.count == 1 && lost[0].hasPrefix("the shared cache was not given 4 outcomes: "), "\(lost)")
    }
  }

  @Test(
    "a server that does not speak gRPC is left out as any other",
    arguments: [
      CacheServer.Fault.silent, .rubbish, .failing, .none,
    ])
  func noRemoteExecution(_ fault: CacheServer.Fault) throws {
    try withServer { server, _ in
      server.fault = fault
      let machine = try Machine("grpc://127.0.0.1:\(server.port)/team")
      defer { machine.remove() }
      _ = try machine.record(Self.bytes(10))
      for _ in 0..<4 { #expect(try machine.find() == []) }
      let told = machine.cache.finish()
      #expect(
        told.count == 2 && told[0].contains("was not given 1 outcomes") && told[1].contains("was left out"), "\(told)")
    }
  }

  @Test("contents that are not what they should be are fetched in vain, and nothing is kept of them")
  func contents() throws {
    try withServer { server, address in
      let output = Self.bytes(100_000)
      #expect(try upload(to: address, [output]) == [])
      for fault in [CacheServer.Fault.lying, .truncating, .halving, .endless] {
        let reader = try Machine(address, readOnly: true)
        defer { reader.remove() }
        #expect(reader.cache.furtherRecords(of: Self.key, near: RecordHint([])).count == 1)
        server.fault = fault
        let file = try Machine.file()
        defer { try? file.close() }
        #expect(throws: Errno.noSuchFileOrDirectory) { try reader.cache.copy(SHA256.digest(output), to: file) }
        #expect(SkipCache.names(in: open("\(reader.directory)/new", O_RDONLY | O_DIRECTORY)) == [])
        server.fault = .none
        try reader.cache.copy(SHA256.digest(output), to: file)
        #expect(lseek(file.rawValue, 0, SEEK_END) == output.count)
        #expect(reader.cache.finish().count == 1)
      }
    }
  }

  @Test("nobody listens, or the host is not there")
  func unreachable() throws {
    let server = CacheServer()
    server.end()
    for address in ["http://127.0.0.1:\(server.port)/", "http://name.invalid/"] {
      let machine = try Machine(address)
      defer { machine.remove() }
      #expect(try machine.find() == [])
      let output = Self.bytes(5)
      for _ in 0..<5 { _ = try machine.record(output) }
      // What is done here is kept here.
      #expect(machine.cache.records(of: Self.key, near: RecordHint([])).count == 1)
      let told = machine.cache.finish()
      #expect(told.count == 2 && told[0].contains("was not given 5 outcomes: no connection"), "\(told)")
    }
  }

  @Test("a connection that the server has closed is made anew")
  func forgetful() throws {
    try withServer { (server, address) throws in
      server.fault = .forgetful
      let outputs = [1, 2, 3, 4, 5].map { Self.bytes(10, $0) }
      #expect(try upload(to: address, outputs) == [])
      #expect(try find(at: address).found == outputs.reversed())
    }
  }

  @Test("credentials are in a header; who has the wrong ones is told so, and asks no more")
  func credentials() throws {
    try withServer { server, address in
      server.fault = .locked
      let right = ["Authorization: Bearer right"]
      #expect(try upload(to: address, [Self.bytes(10)], headers: right) == [])
      #expect(try find(at: address, headers: right).found?.count == 1)
      _ = server.takeRequests()
      let (found, told) = try find(at: address, headers: ["Authorization: Bearer wrong"])
      #expect(found == [])
      #expect(told.count == 1 && told[0].hasSuffix("was left out: it answers GET with 401 Unauthorized"), "\(told)")
      #expect(server.takeRequests().count == 1)
    }
  }

  @Test("a server that takes nothing is read all the same")
  func readOnlyServer() throws {
    try withServer { server, address in
      #expect(try upload(to: address, [Self.bytes(10)]) == [])
      server.fault = .readOnly
      let machine = try Machine(address)
      defer { machine.remove() }
      for count in 1...5 { _ = try machine.record(Self.bytes(count)) }
      #expect(try machine.find() == [Self.bytes(10)])
      let told = machine.cache.finish()
      #expect(told == ["the shared cache was not given 5 outcomes: it answers PUT with 405 Method Not Allowed"])
    }
  }

  @Test("who only reads writes nothing")
  func readOnly() throws {
    try withServer { server, address in
      let machine = try Machine(address, readOnly: true)
      defer { machine.remove() }
      _ = try machine.record(Self.bytes(10))
      #expect(machine.cache.finish() == [])
      #expect(server.files.isEmpty)
    }
  }

  @Test("with a key only what is signed with it is believed, of the very thing that was started")
  func signatures() throws {
    let (own, others) = (Self.pair, RecordKey.make()!)
    try withServer { server, address in
      #expect(try upload(to: address, [Self.bytes(1)]) == [])
      #expect(try upload(to: address, [Self.bytes(2)], key: others.privateKey) == [])
      #expect(try upload(to: address, [Self.bytes(3)], key: own.privateKey) == [])
      #expect(try find(at: address).found?.count == 3)
      for key in [own.privateKey, own.publicKey] {
        let (found, told) = try find(at: address, key: key)
        #expect(found == [Self.bytes(3)])
        #expect(told.count == 1 && told[0].hasPrefix("2 records of the shared cache were left out"), "\(told)")
      }
      // A signed record under another key, by whoever can write to the server.
      let (one, other) = (
        KeyAction(SharedCache.key(Self.key, RecordHint([]))).name.text,
        KeyAction(SharedCache.key(Self.otherKey, RecordHint([]))).name.text
      )
      server.files["/team/cache/ac/\(other)"] = server.files["/team/cache/ac/\(one)"]
      #expect(try find(at: address, key: own.publicKey, of: Self.otherKey).found == [])
      #expect(try find(at: address, of: Self.otherKey).found == [])
      // What was signed is kept, what was not is not.
      for (key, count) in [(own.publicKey, 1), (nil, 0)] {
        let reader = try Machine(address, readOnly: true, key: key)
        defer { reader.remove() }
        _ = try reader.find()
        #expect(reader.cache.records(of: Self.key, near: RecordHint([])).count == count)
      }
    }
  }

  @Test("a record that was changed is not signed any more")
  func changedRecords() throws {
    let key = try RecordKey(pem: Self.pair.privateKey)
    let shared = SharedRecord(key: Self.key, text: Array("text".utf8))
    var signed = shared
    signed.signature = key.sign(shared.signed)
    #expect(SharedRecord(signed.bytes, of: Self.key) == signed)
    #expect(SharedRecord(shared.bytes, of: Self.key) == shared)
    for place in signed.bytes.indices {
      var bytes = signed.bytes
      bytes[place] ^= 1
      guard let read = SharedRecord(bytes, of: Self.key), let signature = read.signature else { continue }
      #expect(!key.verify(read.signed, signature: signature), "\(place)")
    }
    #expect(try RecordKey(pem: Self.pair.publicKey).sign([1]) == nil)
    for rubbish in ["", "rubbish", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"] {
      #expect(throws: CacheFailure.self) { try RecordKey(pem: Array(rubbish.utf8)) }
    }
  }

  @Test("messages and configurations read as they were written, and nothing else does")
  func messages() throws {
    let name = ContentName(digest: Self.key, size: 5)
    let messages: [CacheMessage] = [
      .lookUp(key: Self.key), .fetch(name), .missing([name, name]), .put(name),
      .publish(key: Self.key, record: [1, 2], Self.started), .publish(key: Self.key, record: [], nil), .sign([1]),
      .verify([1], signature: [2]), .report, .record([3]), .data([]), .names([]), .signature([4]), .note("a"),
      .failed("b"),
      .end,
    ]
    for message in messages {
      let bytes = message.bytes
      #expect(CacheMessage(kind: bytes[0], Array(bytes[5...])) == message)
      #expect(CacheMessage(kind: bytes[0], Array(bytes[5...]) + [0]) == nil)
      for count in 0..<max(0, bytes.count - 5) where count > 0 {
        let cut = CacheMessage(kind: bytes[0], Array(bytes[5..<5 + count]))
        if case .publish(_, _, nil) = cut { continue }
        #expect(cut == nil, "\(message) \(count)")
      }
    }
    var configuration = CacheConfiguration()
    configuration.address = "http://a"
    configuration.headers = ["a: b", ""]
    configuration.filter = [1, .max]
    configuration.key = [0, 1]
    #expect(CacheConfiguration(configuration.bytes) == configuration)
    #expect(CacheConfiguration(configuration.bytes + [0]) == nil)
  }

  @Test(
    "addresses",
    arguments: [
      ("http://host", "host", 80, ""), ("https://Host:8443/a/b/", "Host", 8443, "/a/b"),
      ("grpc://h:50051/team/x", "h", 50051, "team/x"),
      ("grpcs://[::1]", "::1", 443, ""), ("http://[fe80::1]:81/", "fe80::1", 81, ""),
    ])
  func addresses(_ text: String, _ host: String, _ port: Int, _ path: String) throws {
    let address = try CacheAddress(text)
    #expect((address.host, address.port, address.path) == (host, port, path))
  }

  @Test(
    "no addresses",
    arguments: [
      "ftp://a", "http://", "http:///a", "http://a:0", "http://a:b", "http://a:99999", "http://u:p@a/", "http://a/b?c",
      "http://a/b c",
      "http://a/\u{e9}", "http://[::1", "http://[::1]x", "http://a/\r\nX: y",
    ])
  func noAddresses(_ text: String) { #expect(throws: SkipCacheError.self) { try CacheAddress(text) } }

  @Test("no headers", arguments: ["", "a", "a b: c", "a:\r\nb", ": a", "Host: a", "content-length: 5", "a: b\u{e9}"])
  func noHeaders(_ text: String) { #expect(throws: SkipCacheError.self) { try CacheHeader(text) } }

  @Test("output paths lead out of the working directory and back")
  func paths() {
    for (path, directory, relative) in [
      ("/a/b/c", "/a/b", "c"), ("/a/x", "/a/b", "../x"), ("/t", "/a/b", "../../t"), ("/a/b/c/d", "/", "a/b/c/d"),
    ] { #expect(RecordedAction.relative(path, to: directory) == relative) }
  }
}

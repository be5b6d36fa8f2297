import Glibc
import NIOCore
import NIOPosix
import Skipping
import SystemPackage
import TLS
import Tracing

/// What uwrx-cache does for one run: speaks with the server.
package final class CacheService: Sendable {
  private let address: CacheAddress
  private let headers: [(name: String, value: String)]
  private let tls: TLSContext?
  private let group: MultiThreadedEventLoopGroup
  private let health = ServerHealth()
  /// Of contents that were uploaded.
  private let known = Monitor<Set<[UInt8]>>([])

  /// The host's trust is read, which is not to be had any more when walls stand.
  package static func trust(_ configuration: CacheConfiguration) throws -> TLSContext? {
    guard try CacheAddress(configuration.address).isEncrypted else { return nil }
    return try TLSContext.client(extraTrust: configuration.authority)
  }

  package init(_ configuration: CacheConfiguration, _ tls: TLSContext?) throws {
    address = try CacheAddress(configuration.address)
    headers = try configuration.headers.map { try CacheHeader($0) }.map { ($0.name, $0.value) }
    self.tls = tls
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  }

  /// Answers until the supervisor is gone. Each thread has a connection of its own.
  package func serve(_ channel: CacheChannel) {
    let access = ServerAccess(address, headers: headers, group, tls)
    let backend: any CacheBackend =
      address.isRemoteExecution ? RemoteExecutionCache(access) : HTTPCache(access, known: known)
    while let message = try? channel.receive() {
      do throws(Errno) { try answer(message, channel, backend) } catch { return }
    }
  }

  private func answer(
    _ message: CacheMessage, _ channel: CacheChannel, _ backend: any CacheBackend
  ) throws(Errno) {
    switch message {
    case .lookUp(let key):
      try answer(channel) { () throws(CacheFailure) in
        try health.attempt(.reading) { () throws(CacheFailure) in try Self.records(of: key, backend) }.map {
          .record($0)
        }
      }
    case .fetch(let name): try fetch(name, channel, backend)
    case .missing(let names):
      try answer(channel, ends: false) { () throws(CacheFailure) in
        [.names(try health.attempt(.writing) { () throws(CacheFailure) in try backend.missing(of: names) })]
      }
    case .put(let name): try put(name, channel, backend)
    case .publish(let key, let record, let started):
      try answer(channel) { () throws(CacheFailure) in
        try health.attempt(.writing) { () throws(CacheFailure) in try Self.publish(key, record, started, backend) }
        return []
      }
    case .report:
      for line in health.report(address) { try channel.send(.note(line)) }
      try channel.send(.end)
    default: throw .badMessage
    }
  }

  /// Says what `body` gives, or why there is nothing.
  private func answer(
    _ channel: CacheChannel, ends: Bool = true, _ body: () throws(CacheFailure) -> [CacheMessage]
  ) throws(Errno) {
    let messages: [CacheMessage]
    do throws(CacheFailure) { messages = try body() + (ends ? [.end] : []) } catch {
      messages = [.failed(error.reason)]
    }
    for message in messages { try channel.send(message) }
  }

  // MARK: Reading

  private static func records(of key: [UInt8], _ backend: any CacheBackend) throws(CacheFailure) -> [[UInt8]] {
    guard let result = try backend.actionResult(of: KeyAction(key).name) else { return [] }
    let names = KeyAction.records(of: result)
    let found = try backend.read(names)
    var lie = false
    let records = names.compactMap { name -> [UInt8]? in
      guard let bytes = found[name] else { return nil }
      if ContentName(of: bytes) != name {
        lie = true
        return nil
      }
      return bytes
    }
    if lie { throw CacheFailure("it gives other contents than those that it was asked for") }
    return records
  }

  private func fetch(_ name: ContentName, _ channel: CacheChannel, _ backend: any CacheBackend) throws(Errno) {
    var broken: Errno?
    var end = CacheMessage.end
    do throws(CacheFailure) {
      let isThere = try health.attempt(.reading) { () throws(CacheFailure) in
        let digest = DigestOfPieces()
        let isThere = try backend.read(name) { piece throws(CacheFailure) in
          digest.add(piece)
          guard digest.size <= name.size else {
            throw CacheFailure("it gives other contents than those that it was asked for")
          }
          for start in stride(from: 0, to: piece.count, by: CacheMessage.piece) where broken == nil {
            let part = Array(piece[start..<min(start + CacheMessage.piece, piece.count)])
            do throws(Errno) { try channel.send(.data(part)) } catch { broken = error }
          }
        }
        if isThere, digest.finish() != name {
          throw CacheFailure("it gives other contents than those that it was asked for")
        }
        return isThere
      }
      if !isThere { end = .failed("it is not there") }
    } catch { end = .failed(error.reason) }
    if let broken { throw broken }
    try channel.send(end)
  }

  // MARK: Writing

  private func put(_ name: ContentName, _ channel: CacheChannel, _ backend: any CacheBackend) throws(Errno) {
    var broken: Errno?
    var isAtEnd = false
    var isDamaged = false
    /// The next piece of what the supervisor says, which is heard to its end in any case.
    func next() -> [UInt8]? {
      guard !isAtEnd, broken == nil else { return nil }
      do throws(Errno) {
        switch try channel.receive() {
        case .data(let bytes): return bytes
        case .end: break
        case .failed: isDamaged = true
        default: throw .badMessage
        }
      } catch { broken = error }
      isAtEnd = true
      return nil
    }
    var size: Int64 = 0
    var answer = CacheMessage.end
    do throws(CacheFailure) {
      try health.attempt(.writing) { () throws(CacheFailure) in
        // The last piece is given away when all are known to be whole: who has half of it has none.
        var held = next()
        try backend.write(name) { () throws(CacheFailure) in
          guard let piece = held else {
            guard !isDamaged, broken == nil, size == name.size else {
              throw CacheFailure("what was to be uploaded is damaged")
            }
            return nil
          }
          held = next()
          if held == nil, isDamaged || broken != nil {
            throw CacheFailure("what was to be uploaded is damaged")
          }
          size += Int64(piece.count)
          return piece
        }
      }
    } catch { answer = .failed(error.reason) }
    while next() != nil {}
    if let broken { throw broken }
    try channel.send(answer)
  }

  private static func publish(
    _ key: [UInt8], _ bytes: [UInt8], _ started: StartedCommand?, _ backend: any CacheBackend
  ) throws(CacheFailure) {
    guard let shared = SharedRecord(bytes, of: key), let record = SkipRecord(text: shared.text) else {
      throw CacheFailure("what was to be uploaded is damaged", isOfOne: true)
    }
    let keyAction = KeyAction(key)
    let name = ContentName(of: bytes)
    let action = started.flatMap { RecordedAction(record, $0) }
    var contents = [(name: name, bytes: bytes)] + keyAction.contents + (action?.contents ?? [])
    let missing = Set(try backend.missing(of: contents.map(\.name)))
    var seen: Set<ContentName> = []
    contents.removeAll { !missing.contains($0.name) || !seen.insert($0.name).inserted }
    try backend.write(contents)
    if let action { try backend.update(action.name, action.result) }
    // Two that do this at a time lose one of their records, which somebody will make again.
    let others = try backend.actionResult(of: keyAction.name).map(KeyAction.records) ?? []
    try backend.update(keyAction.name, KeyAction.result([name] + others.filter { $0 != name }))
  }
}

/// The digest of contents that come in pieces.
private final class DigestOfPieces {
  private var digest: SHA256? = SHA256()
  private(set) var size: Int64 = 0

  func add(_ piece: [UInt8]) {
    digest?.add(piece)
    size += Int64(piece.count)
  }

  /// To be called once.
  func finish() -> ContentName? {
    guard let digest = digest.take() else { return nil }
    return ContentName(digest: digest.finish(), size: size)
  }
}

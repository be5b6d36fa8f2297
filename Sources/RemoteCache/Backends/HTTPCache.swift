import NIOCore
import NIOHTTP1
import Skipping
import SwiftProtobuf

/// Bazel's HTTP cache protocol: `GET` and `PUT` of `/ac/<SHA-256>`, an action's result, and `/cas/<SHA-256>`, contents.
final class HTTPCache: CacheBackend {
  private let access: ServerAccess
  /// Of contents that the server has been given: the protocol cannot ask it.
  private let known: Monitor<Set<[UInt8]>>

  private static let mostKnown = 200_000
  /// Bytes of an action's result.
  static let largestResult = 4 << 20

  init(_ access: ServerAccess, known: Monitor<Set<[UInt8]>>) {
    self.access = access
    self.known = known
  }

  private func path(_ folder: String, _ name: ContentName) -> String { "\(access.address.path)/\(folder)/\(name.text)" }

  /// - Returns: whether it is there.
  private func get(_ path: String, _ body: ([UInt8]) throws(CacheFailure) -> Void) throws(CacheFailure) -> Bool {
    try access.exchange { exchange throws(CacheFailure) in
      try exchange.send(access.head(.GET, path, []))
      try exchange.finishSending()
      let head = try exchange.head()
      let isThere = try Self.isSuccess(head, of: "GET")
      while let piece = try exchange.body().bytes {
        if isThere { try body(Array(piece.readableBytesView)) }
      }
      return isThere
    }
  }

  private static func isSuccess(_ head: HTTPResponseHead, of method: String) throws(CacheFailure) -> Bool {
    switch head.status.code {
    case 200...299: return true
    case 404, 410: return false
    case 401, 403, 405, 407, 501:
      throw CacheFailure("it answers \(method) with \(head.status.code) \(text(head.status))", isFinal: true)
    case 413, 507:
      throw CacheFailure("it answers \(method) with \(head.status.code) \(text(head.status))", isOfOne: true)
    default: throw CacheFailure("it answers \(method) with \(head.status.code) \(text(head.status))")
    }
  }

  /// What it calls the status, as far as that is text.
  private static func text(_ status: HTTPResponseStatus) -> String {
    String(decoding: status.reasonPhrase.utf8.prefix(64).filter { (0x20...0x7e).contains($0) }, as: UTF8.self)
  }

  private func put(
    _ path: String, size: Int64, isRepeatable: Bool, _ body: (inout Exchange) throws(CacheFailure) -> Void
  ) throws(CacheFailure) {
    try access.exchange(isRepeatable: isRepeatable) { exchange throws(CacheFailure) in
      try exchange.send(
        access.head(.PUT, path, [("content-length", "\(size)"), ("content-type", "application/octet-stream")]))
      try body(&exchange)
      try exchange.finishSending()
      let head = try exchange.head()
      _ = try exchange.wholeBody(atMost: 1 << 20)
      guard try Self.isSuccess(head, of: "PUT") else {
        throw CacheFailure("it answers PUT with \(head.status.code)", isFinal: true)
      }
    }
  }

  private func put(_ path: String, _ bytes: [UInt8]) throws(CacheFailure) {
    try put(path, size: Int64(bytes.count), isRepeatable: true) { exchange throws(CacheFailure) in
      try exchange.send(bytes)
    }
  }

  // MARK: CacheBackend

  func actionResult(of action: ContentName) throws(CacheFailure) -> RemoteActionResult? {
    var bytes: [UInt8] = []
    let isThere = try get(path("ac", action)) { piece throws(CacheFailure) in
      guard bytes.count + piece.count <= Self.largestResult else {
        throw CacheFailure("an action's result is too long")
      }
      bytes += piece
    }
    guard isThere else { return nil }
    do { return try RemoteActionResult(serializedBytes: bytes) } catch {
      throw CacheFailure("what it gives as an action's result is none")
    }
  }

  func update(_ action: ContentName, _ result: RemoteActionResult) throws(CacheFailure) {
    try put(path("ac", action), result.bytes)
  }

  func missing(of names: [ContentName]) throws(CacheFailure) -> [ContentName] {
    known.withLock { known in names.filter { !known.contains($0.digest) } }
  }

  func read(_ name: ContentName, _ body: ([UInt8]) throws(CacheFailure) -> Void) throws(CacheFailure) -> Bool {
    try get(path("cas", name), body)
  }

  func read(_ names: [ContentName]) throws(CacheFailure) -> [ContentName: [UInt8]] {
    var found: [ContentName: [UInt8]] = [:]
    for name in names {
      found[name] = try readWhole(name)
    }
    return found
  }

  func write(_ name: ContentName, _ next: () throws(CacheFailure) -> [UInt8]?) throws(CacheFailure) {
    try put(path("cas", name), size: name.size, isRepeatable: false) { exchange throws(CacheFailure) in
      while let piece = try next() { try exchange.send(piece) }
    }
    didWrite(name)
  }

  func write(_ contents: [(name: ContentName, bytes: [UInt8])]) throws(CacheFailure) {
    for (name, bytes) in contents {
      try put(path("cas", name), bytes)
      didWrite(name)
    }
  }

  private func didWrite(_ name: ContentName) {
    known.withLock { known in
      if known.count < Self.mostKnown { known.insert(name.digest) }
    }
  }
}

extension Message {
  /// Serialised; a message without required fields always can be.
  var bytes: [UInt8] { (try? serializedBytes()) ?? [] }
}

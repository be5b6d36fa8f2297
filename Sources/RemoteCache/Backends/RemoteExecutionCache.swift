import NIOCore
import NIOHTTP1
import Skipping
import SwiftProtobuf
import Tracing

/// The Remote Execution API's ActionCache, ContentAddressableStorage, ByteStream and Capabilities, by gRPC on HTTP/2: a message is five bytes, of which
/// four are its length, and itself; how a call ended stands in the trailers (grpc.io, "gRPC over HTTP2").
final class RemoteExecutionCache: CacheBackend {
  private let access: ServerAccess
  private var instance: String { access.address.path }
  /// Bytes of a batch's contents; nil until the server has been asked.
  private var batch: Int?

  /// What a message of gRPC's has by default at most, less what stands around contents.
  private static let usualBatch = (4 << 20) - (64 << 10)
  private static let largestMessage = 20 << 20

  private static let service = "/build.bazel.remote.execution.v2."
  private static let stream = "/google.bytestream.ByteStream/"

  private enum Status {
    static let ok = 0, notFound = 5, alreadyExists = 6, permissionDenied = 7, resourceExhausted = 8
    static let unimplemented = 12, unauthenticated = 16
  }

  init(_ access: ServerAccess) { self.access = access }

  // MARK: Calls

  /// - Parameters:
  ///   - request: sends messages.
  ///   - answer: is given each message.
  /// - Returns: false if what was asked for is not there.
  private func call(
    _ method: String, isRepeatable: Bool = true, _ request: (inout Exchange) throws(CacheFailure) -> Void,
    _ answer: ([UInt8]) throws(CacheFailure) -> Void
  ) throws(CacheFailure) -> Bool {
    try access.exchange(isRepeatable: isRepeatable) { exchange throws(CacheFailure) in
      try exchange.send(
        access.head(
          .POST, method, [("te", "trailers"), ("content-type", "application/grpc+proto"), ("user-agent", "uwrx")]))
      try request(&exchange)
      try exchange.finishSending()
      let head = try exchange.head()
      guard head.status.code == 200 else {
        let isFinal = [401, 403, 404].contains(head.status.code)
        throw CacheFailure("it answers \(method) with \(head.status.code)", isFinal: isFinal)
      }
      var messages = MessageReader(largest: Self.largestMessage)
      var end = head.headers
      while true {
        let (bytes, trailers) = try exchange.body()
        guard let bytes else {
          // An answer without messages has them in its head.
          if let trailers { end = trailers }
          break
        }
        messages.add(bytes)
        while let message = try messages.next() { try answer(message) }
      }
      guard let code = end.first(name: "grpc-status").flatMap({ Int($0) }) else {
        throw CacheFailure("its answer is none of gRPC's")
      }
      switch code {
      case Status.ok where messages.isAtEnd: return true
      case Status.ok: throw CacheFailure("its answer was cut")
      case Status.notFound: return false
      case Status.alreadyExists: return true
      default: throw Self.failure(code, end.first(name: "grpc-message") ?? "", method)
      }
    }
  }

  private static func failure(_ code: Int, _ text: String, _ method: String) -> CacheFailure {
    let text = String(decoding: text.utf8.prefix(200).filter { (0x20...0x7e).contains($0) }, as: UTF8.self)
    let name = method.split(separator: "/").last ?? ""
    return CacheFailure(
      "it answers \(name) with status \(code)\(text.isEmpty ? "" : ": \(text)")",
      isFinal: [Status.permissionDenied, Status.unimplemented, Status.unauthenticated].contains(code),
      isOfOne: code == Status.resourceExhausted)
  }

  /// One message for one; nil if what was asked for is not there.
  private func call<Answer: Message>(_ method: String, _ request: some Message) throws(CacheFailure) -> Answer? {
    var found: [UInt8]?
    let isThere = try call(Self.service + method) { exchange throws(CacheFailure) in
      try exchange.send(Self.framed(request.bytes))
    } _: {
      found = $0
    }
    guard isThere else { return nil }
    do { return try Answer(serializedBytes: found ?? []) } catch {
      throw CacheFailure("its answer to \(method) is none")
    }
  }

  private static func framed(_ message: [UInt8]) -> [UInt8] {
    [0] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: message.count >> (8 * $0)) } + message
  }

  /// What the server can do, asked once.
  private func batchSize() throws(CacheFailure) -> Int {
    if let batch { return batch }
    var request = RemoteGetCapabilitiesRequest()
    request.instanceName = instance
    var size = Self.usualBatch
    let answer: RemoteServerCapabilities?
    do throws(CacheFailure) { answer = try call("Capabilities/GetCapabilities", request) } catch {
      // Who has no such service may have the others.
      guard error.isFinal else { throw error }
      answer = nil
    }
    if let cache = answer?.cacheCapabilities {
      guard cache.digestFunctions.isEmpty || cache.digestFunctions.contains(.sha256) else {
        throw CacheFailure("it has no SHA-256", isFinal: true)
      }
      if cache.maxBatchTotalSizeBytes > 0 { size = min(size, Int(clamping: cache.maxBatchTotalSizeBytes)) }
    }
    batch = size
    return size
  }

  // MARK: CacheBackend

  func actionResult(of action: ContentName) throws(CacheFailure) -> RemoteActionResult? {
    _ = try batchSize()
    var request = RemoteGetActionResultRequest()
    request.instanceName = instance
    request.actionDigest = action.message
    return try call("ActionCache/GetActionResult", request)
  }

  func update(_ action: ContentName, _ result: RemoteActionResult) throws(CacheFailure) {
    var request = RemoteUpdateActionResultRequest()
    request.instanceName = instance
    request.actionDigest = action.message
    request.actionResult = result
    let answer: RemoteActionResult? = try call("ActionCache/UpdateActionResult", request)
    if answer == nil { throw CacheFailure("it does not keep an action's result") }
  }

  func missing(of names: [ContentName]) throws(CacheFailure) -> [ContentName] {
    if names.isEmpty { return [] }
    _ = try batchSize()
    var request = RemoteFindMissingBlobsRequest()
    request.instanceName = instance
    request.blobDigests = names.map(\.message)
    let answer: RemoteFindMissingBlobsResponse? = try call("ContentAddressableStorage/FindMissingBlobs", request)
    let missing = Set((answer?.missingBlobDigests ?? request.blobDigests).compactMap { ContentName($0) })
    return names.filter { missing.contains($0) }
  }

  func read(_ name: ContentName, _ body: ([UInt8]) throws(CacheFailure) -> Void) throws(CacheFailure) -> Bool {
    if name.size <= (try batchSize()) {
      guard let bytes = try read([name])[name] else { return false }
      try body(bytes)
      return true
    }
    var request = RemoteReadRequest()
    request.resourceName = "\(resource)blobs/\(name.text)/\(name.size)"
    return try call(Self.stream + "Read") { exchange throws(CacheFailure) in
      try exchange.send(Self.framed(request.bytes))
    } _: { message throws(CacheFailure) in
      guard let answer = try? RemoteReadResponse(serializedBytes: message) else {
        throw CacheFailure("its answer to Read is none")
      }
      try body(Array(answer.data))
    }
  }

  private var resource: String { instance.isEmpty ? "" : instance + "/" }

  func read(_ names: [ContentName]) throws(CacheFailure) -> [ContentName: [UInt8]] {
    let size = try batchSize()
    var found: [ContentName: [UInt8]] = [:]
    for name in names where name.size > size {
      found[name] = try readWhole(name)
    }
    for some in Self.batches(names.filter { $0.size <= size }, of: size, \.size) {
      var request = RemoteBatchReadBlobsRequest()
      request.instanceName = instance
      request.digests = some.map(\.message)
      let answer: RemoteBatchReadBlobsResponse? = try call("ContentAddressableStorage/BatchReadBlobs", request)
      for response in answer?.responses ?? [] {
        guard let name = ContentName(response.digest), some.contains(name) else { continue }
        switch Int(response.status.code) {
        case Status.ok: found[name] = Array(response.data)
        case Status.notFound: break
        case let code: throw Self.failure(code, response.status.message, "BatchReadBlobs")
        }
      }
    }
    return found
  }

  func write(_ name: ContentName, _ next: () throws(CacheFailure) -> [UInt8]?) throws(CacheFailure) {
    if name.size <= (try batchSize()) {
      var bytes: [UInt8] = []
      while let piece = try next() { bytes += piece }
      return try write([(name, bytes)])
    }
    let upload = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
    let id = Array(String(decoding: SHA256.text(upload), as: UTF8.self))
    let uuid = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(id[$0]) }.joined(separator: "-")
    var request = RemoteWriteRequest()
    request.resourceName = "\(resource)uploads/\(uuid)/blobs/\(name.text)/\(name.size)"
    var committed: Int64?
    _ = try call(Self.stream + "Write", isRepeatable: false) { exchange throws(CacheFailure) in
      while let piece = try next() {
        request.data = .init(piece)
        request.finishWrite = request.writeOffset + Int64(piece.count) == name.size
        try exchange.send(Self.framed(request.bytes))
        request.writeOffset += Int64(piece.count)
        // It stands in the first of them.
        request.resourceName = ""
      }
    } _: { message throws(CacheFailure) in
      committed = (try? RemoteWriteResponse(serializedBytes: message))?.committedSize
    }
    // Who has it already says so, in either way, before all has come.
    guard committed == name.size || committed == -1 else {
      throw CacheFailure("it has not kept all of what it was given")
    }
  }

  func write(_ contents: [(name: ContentName, bytes: [UInt8])]) throws(CacheFailure) {
    let size = try batchSize()
    for (name, bytes) in contents where bytes.count > size {
      var rest = bytes[...]
      try write(name) { () throws(CacheFailure) in
        let piece = rest.prefix(CacheMessage.piece)
        rest = rest.dropFirst(piece.count)
        return piece.isEmpty ? nil : Array(piece)
      }
    }
    for some in Self.batches(contents.filter({ $0.bytes.count <= size }), of: size, { Int64($0.bytes.count) }) {
      var request = RemoteBatchUpdateBlobsRequest()
      request.instanceName = instance
      request.requests = some.map { content in
        var one = RemoteBatchUpdateBlobsRequest.Request()
        one.digest = content.name.message
        one.data = .init(content.bytes)
        return one
      }
      let answer: RemoteBatchUpdateBlobsResponse? = try call("ContentAddressableStorage/BatchUpdateBlobs", request)
      guard let responses = answer?.responses else { throw CacheFailure("it does not keep contents") }
      for response in responses where Int(response.status.code) != Status.ok {
        throw Self.failure(Int(response.status.code), response.status.message, "BatchUpdateBlobs")
      }
    }
  }

  /// What stands around contents in a batch.
  private static let overhead: Int64 = 128

  private static func batches<Element>(
    _ elements: [Element], of size: Int, _ measure: (Element) -> Int64
  ) -> [[Element]] {
    var batches: [[Element]] = []
    var left: Int64 = 0
    for element in elements {
      let count = measure(element) + overhead
      if batches.isEmpty || count > left {
        batches.append([])
        left = Int64(size) + overhead
      }
      batches[batches.count - 1].append(element)
      left -= count
    }
    return batches
  }
}

/// Takes messages of gRPC's from bytes that come in pieces.
private struct MessageReader {
  let largest: Int
  private var bytes = ByteBuffer()

  init(largest: Int) { self.largest = largest }

  var isAtEnd: Bool { bytes.readableBytes == 0 }

  mutating func add(_ piece: ByteBuffer) {
    if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeImmutableBuffer(piece) }
  }

  /// - Throws: for a message that is compressed, which was not asked for, or too long.
  mutating func next() throws(CacheFailure) -> [UInt8]? {
    guard let compression = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self),
      let count = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self)
    else { return nil }
    guard compression == 0, Int(count) <= largest else { throw CacheFailure("its answer is none of gRPC's") }
    guard bytes.readableBytes >= 5 + Int(count) else { return nil }
    bytes.moveReaderIndex(forwardBy: 5)
    let message = bytes.readBytes(length: Int(count))
    bytes.discardReadBytes()
    return message
  }
}

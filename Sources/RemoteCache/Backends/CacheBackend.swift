import Skipping
import Tracing

/// A server's action cache and content-addressable storage, as one thread uses them. What it gives is verified by who asks.
protocol CacheBackend: AnyObject {
  /// - Returns: nil if there is none.
  func actionResult(of action: ContentName) throws(CacheFailure) -> RemoteActionResult?
  func update(_ action: ContentName, _ result: RemoteActionResult) throws(CacheFailure)
  /// Which of these the server has not, as far as it can be asked.
  func missing(of names: [ContentName]) throws(CacheFailure) -> [ContentName]
  /// - Parameter body: is given what comes, in pieces.
  /// - Returns: whether the server has it.
  func read(_ name: ContentName, _ body: ([UInt8]) throws(CacheFailure) -> Void) throws(CacheFailure) -> Bool
  /// Small contents; those that the server has not are left out.
  func read(_ names: [ContentName]) throws(CacheFailure) -> [ContentName: [UInt8]]
  /// - Parameter next: more of it, nil at its end. It is heard to its end only if all went well.
  func write(_ name: ContentName, _ next: () throws(CacheFailure) -> [UInt8]?) throws(CacheFailure)
  /// Small contents.
  func write(_ contents: [(name: ContentName, bytes: [UInt8])]) throws(CacheFailure)
}

extension CacheBackend {
  /// - Returns: nil if the server has it not.
  func readWhole(_ name: ContentName) throws(CacheFailure) -> [UInt8]? {
    var bytes: [UInt8] = []
    let isThere = try read(name) { piece throws(CacheFailure) in
      guard Int64(bytes.count + piece.count) <= name.size else {
        throw CacheFailure("contents are longer than they are")
      }
      bytes += piece
    }
    return isThere ? bytes : nil
  }
}

extension ContentName {
  init(of bytes: [UInt8]) { self.init(digest: SHA256.digest(bytes), size: Int64(bytes.count)) }

  /// As the Remote Execution API has it.
  var message: RemoteDigest {
    var message = RemoteDigest()
    message.hash = text
    message.sizeBytes = size
    return message
  }

  /// nil for what is none.
  init?(_ message: RemoteDigest) {
    guard let digest = SkipCache.digest(text: message.hash.utf8), message.sizeBytes >= 0 else { return nil }
    self.init(digest: digest, size: message.sizeBytes)
  }

  /// The digest in hexadecimal.
  var text: String { String(decoding: SHA256.text(digest), as: UTF8.self) }
}

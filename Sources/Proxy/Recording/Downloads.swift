import Glibc
import NIOCore
import Network
import Synchronization

/// What a run has downloaded as files, below the directories of domains: by the paths that they have there (``RecordedPath``).
///
/// A file is a second name of the body's own file, where it has one and the file system has such, and else a copy of what stands in the log. Of several answers
/// for one path the file is the last one. What came range by range is put together when the run ends.
final class Downloads: Sendable {
  private struct Key: Hashable {
    let domain: Domain
    let path: String
  }

  private struct State {
    var partial: [Key: PartialDownload] = [:]
    var parts = 0
    /// Digests of what stands in files that are copies: what comes again is not written again.
    var copies: [Key: [UInt8]] = [:]
  }

  private let state = Mutex(State())
  /// Held by the thread that has a file of the temporary name.
  private let replacing = Mutex(())
  /// Of all partial ones; more are not put together.
  private static let mostParts = 1 << 14
  /// While the file that was there is replaced. No URL has such a name.
  private static let temporary = "%%new"

  /// Takes an answer to a GET without a body.
  /// - Parameters:
  ///   - body: the answer's.
  ///   - target: as it is recorded.
  ///   - isComplete: whether it came to its end.
  ///   - contents: of a body that stands in the log.
  func take(
    _ body: RecordedBody, of domain: Domain, target: [UInt8], _ answer: HTTPHead, isComplete: Bool,
    contents: () -> [ByteBuffer]
  ) {
    guard answer.status == 200 || answer.status == 206,
      answer.members(of: "content-encoding").allSatisfy({ $0.elementsEqual("identity".utf8) }),
      let components = RecordedPath.components(target: target)
    else { return }
    let path = components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    let key = Key(domain: domain, path: path)
    if answer.status == 200, isComplete { return keep(body, key, contents) }
    guard let range = range(of: answer, body) else { return }
    if range.bytes == 0..<range.total, isComplete { return keep(body, key, contents) }
    guard var new = PartialDownload(answer, total: range.total, in: body.requests) else { return }
    state.withLock { state in
      guard state.parts < Self.mostParts else { return }
      if let known = state.partial[key], known.isOfSameVersion(as: new) { new = known }
      state.parts += 1 - (state.partial[key]?.count ?? 0) + new.count
      new.add(range.bytes, body)
      state.partial[key] = new
    }
  }

  /// What an answer has of the whole: the range that it names, or what has come of a whole until it was broken off.
  private func range(of answer: HTTPHead, _ body: RecordedBody) -> ContentRange? {
    guard let size = body.size.map({ UInt64($0) }), size > 0 else { return nil }
    if answer.status == 206 {
      guard let range = answer.values(of: "content-range").first.flatMap({ ContentRange($0) }),
        size <= UInt64(range.bytes.count)
      else { return nil }
      return ContentRange(bytes: range.bytes.lowerBound..<range.bytes.lowerBound + size, total: range.total)
    }
    guard let total = answer.values(of: "content-length").first.flatMap({ HTTPToken.number($0) }), size <= total else {
      return nil
    }
    return ContentRange(bytes: 0..<size, total: UInt64(total))
  }

  private func forget(_ key: Key) {
    state.withLock { state in
      guard let known = state.partial.removeValue(forKey: key) else { return }
      state.parts -= known.count
    }
  }

  /// Puts together what came in parts. No exchange is written any more.
  func finish() {
    for (key, download) in state.withLock({ $0.partial }) where download.isWhole {
      replace(key.path, in: download.requests) { download.write(to: $0) }
    }
  }

  private func keep(_ body: RecordedBody, _ key: Key, _ contents: () -> [ByteBuffer]) {
    forget(key)
    guard body.place != nil else {
      state.withLock { _ = $0.copies.removeValue(forKey: key) }
      guard [ENOENT, EEXIST].contains(body.link(to: "../\(key.path)")) else { return }
      return replace(key.path, in: body.requests) { body.link(to: $0) == 0 }
    }
    let parts = contents()
    var digest = SHA256()
    for part in parts { part.withUnsafeReadableBytes { digest.add($0) } }
    let value = digest.digest
    let isNew = state.withLock { state in
      if state.copies[key] == value { return false }
      if state.copies.count >= Self.mostParts { state.copies = [:] }
      state.copies[key] = value
      return true
    }
    guard isNew else { return }
    replace(key.path, in: body.requests) { new in
      guard let file = try? body.requests.createFile(new) else { return false }
      return (try? file.write(parts)) != nil
    }
  }

  /// - Parameter make: makes the file at a path from `requests` on; false if there is none then.
  private func replace(_ path: String, in requests: DirectoryHandle, _ make: (String) -> Bool) {
    let directory = requests.descriptor
    var parent = "../"
    for component in path.split(separator: "/").dropLast() {
      parent += component
      if mkdirat(directory, parent, 0o755) < 0, errno != EEXIST { return }
      parent += "/"
    }
    let new = parent + Self.temporary
    replacing.withLock { _ in
      if !make(new) {
        // Who was killed in the middle may have left one.
        unlinkat(directory, new, 0)
        guard make(new) else { return }
      }
      if renameat(directory, new, directory, "../\(path)") < 0 { unlinkat(directory, new, 0) }
    }
  }
}

/// A GET whose answer may become a file.
struct Download: Sendable {
  private let downloads: Downloads
  private let domain: Domain

  init(_ downloads: Downloads, of domain: Domain) {
    self.downloads = downloads
    self.domain = domain
  }

  /// - Parameter target: as it is recorded.
  func keep(
    _ body: RecordedBody, target: [UInt8], _ answer: HTTPHead, isComplete: Bool, contents: () -> [ByteBuffer]
  ) {
    downloads.take(body, of: domain, target: target, answer, isComplete: isComplete, contents: contents)
  }
}

import Glibc
import Network
import Synchronization

/// What a run has downloaded as files, below the directories of domains: by the paths that they have there (``RecordedPath``).
///
/// A file is a second name of the answer's `response-body`; it is there only where the file system has such. Of several answers for one
/// path the file is the last one. What came range by range is put together when the run ends.
final class Downloads: Sendable {
  private struct Key: Hashable {
    let domain: Domain
    let path: String
  }

  private struct State {
    var partial: [Key: PartialDownload] = [:]
    var parts = 0
  }

  private let state = Mutex(State())
  /// Held by the thread that has a file of the temporary name.
  private let replacing = Mutex(())
  /// Of all partial ones; more are not put together.
  private static let mostParts = 1 << 14
  /// While the file that was there is replaced. No URL has such a name.
  private static let temporary = "%%new"

  /// Takes an answer to a GET without a body, which stands in `requests`.
  /// - Parameters:
  ///   - target: as it is recorded.
  ///   - isComplete: whether it came to its end.
  func take(
    _ number: UInt64, of domain: Domain, target: [UInt8], _ answer: HTTPHead, isComplete: Bool,
    in requests: DirectoryHandle
  ) {
    guard answer.status == 200 || answer.status == 206,
      answer.members(of: "content-encoding").allSatisfy({ $0.elementsEqual("identity".utf8) }),
      let components = RecordedPath.components(target: target)
    else { return }
    let path = components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    let key = Key(domain: domain, path: path)
    if answer.status == 200, isComplete {
      forget(key)
      return link(number, to: path, in: requests)
    }
    guard let range = range(of: answer, number, in: requests) else { return }
    if range.bytes == 0..<range.total, isComplete {
      forget(key)
      return link(number, to: path, in: requests)
    }
    guard var new = PartialDownload(answer, total: range.total, in: requests) else { return }
    state.withLock { state in
      guard state.parts < Self.mostParts else { return }
      if let known = state.partial[key], known.isOfSameVersion(as: new) { new = known }
      state.parts += 1 - (state.partial[key]?.count ?? 0) + new.count
      new.add(range.bytes, number)
      state.partial[key] = new
    }
  }

  /// What an answer has of the whole: the range that it names, or what has come of a whole until it was broken off.
  private func range(of answer: HTTPHead, _ number: UInt64, in requests: DirectoryHandle) -> ContentRange? {
    var status = stat()
    guard fstatat(requests.descriptor, "\(number)/response-body", &status, AT_SYMLINK_NOFOLLOW) == 0,
      status.st_size > 0
    else { return nil }
    let size = UInt64(status.st_size)
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

  private func link(_ number: UInt64, to path: String, in requests: DirectoryHandle) {
    let directory = requests.descriptor
    let body = "\(number)/response-body"
    if linkat(directory, body, directory, "../\(path)", 0) == 0 { return }
    guard errno == ENOENT || errno == EEXIST else { return }
    replace(path, in: requests) { new in
      if linkat(directory, body, directory, new, 0) == 0 { return true }
      // An empty body has no file.
      return errno == ENOENT && (try? requests.createFile(new)) != nil
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
      guard make(new) else { return }
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

  /// Its exchange stands in `requests`.
  /// - Parameter target: as it is recorded.
  func keep(
    _ number: UInt64, target: [UInt8], _ answer: HTTPHead, isComplete: Bool, in requests: DirectoryHandle
  ) {
    downloads.take(number, of: domain, target: target, answer, isComplete: isComplete, in: requests)
  }
}

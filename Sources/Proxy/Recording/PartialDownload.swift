import Glibc

/// Parts of one thing that was downloaded range by range, as long as they are of the same version of it.
struct PartialDownload {
  private struct Part {
    let bytes: Range<UInt64>
    let body: RecordedBody
  }

  let requests: DirectoryHandle
  private let total: UInt64
  /// By which the server tells versions (RFC 9110, 8.8): parts of one may be put together.
  private let validator: [UInt8]
  private var parts: [Part] = []

  /// - Returns: nil if the answer does not say of which version it is.
  init?(_ answer: HTTPHead, total: UInt64, in requests: DirectoryHandle) {
    guard let validator = Self.validator(answer) else { return nil }
    self.requests = requests
    self.total = total
    self.validator = validator
  }

  /// A weak entity tag is that of several versions.
  private static func validator(_ answer: HTTPHead) -> [UInt8]? {
    if let tag = answer.values(of: "etag").first, tag.first == UInt8(ascii: "\"") { return Array(tag) }
    return answer.values(of: "last-modified").first.map { Array($0) }
  }

  func isOfSameVersion(as other: PartialDownload) -> Bool { total == other.total && validator == other.validator }

  var count: Int { parts.count }

  mutating func add(_ bytes: Range<UInt64>, _ body: RecordedBody) { parts.append(Part(bytes: bytes, body: body)) }

  /// Whether nothing is missing.
  var isWhole: Bool {
    var end: UInt64 = 0
    for part in parts.sorted(by: { $0.bytes.lowerBound < $1.bytes.lowerBound }) {
      guard part.bytes.lowerBound <= end else { return false }
      end = max(end, part.bytes.upperBound)
    }
    return end == total
  }

  /// Writes the whole to a path from `requests` on, which leads to no file yet. What cannot be written is not there.
  func write(to path: String) -> Bool {
    guard isWhole, let file = try? requests.createFile(path) else { return false }
    for part in parts {
      let count = part.bytes.upperBound - part.bytes.lowerBound
      guard part.body.copy(count, to: file, at: part.bytes.lowerBound) else {
        unlinkat(requests.descriptor, path, 0)
        return false
      }
    }
    return true
  }
}

import Glibc
import Supervisor
import SystemPackage
import Tracing

/// Finds the certificates of runs' own authorities in what the runs have left.
///
/// Whoever trusts such a file on the host trusts whoever has the trace, which holds the authority's key. A certificate is found as bytes, as
/// in DER files and Java's keystores, and as base64, as in PEM; not in what is compressed or encrypted.
struct AuthoritySearch {
  static let reason = "it holds the certificate of the run's own authority"

  private var searches: [ContentSearch] = []
  private static let blockSize = 1 << 20
  /// An authority's certificate takes about 800 bytes.
  private static let longestFile = 1 << 16

  /// - Returns: nil if none of the runs had a network: then there is nothing to find.
  init?(_ layers: RunLayers) throws(TraceError) {
    for case .run(let trace) in layers.layers.map(\.owner) {
      guard let text = try trace.contents(of: "ca.pem", limit: Self.longestFile) else { continue }
      let lines = text.split(separator: UInt8(ascii: "\n"))
      guard lines.count > 2, lines.first!.starts(with: "-----BEGIN CERTIFICATE-----".utf8) else {
        throw TraceError("the file \(trace.path)/ca.pem is damaged")
      }
      let digits = lines.dropFirst().prefix { $0.first != UInt8(ascii: "-") }.joined().filter(Base64.isDigit)
      let bytes = Base64.decode(digits)
      guard bytes.count > 64 else { throw TraceError("the file \(trace.path)/ca.pem is damaged") }
      // The last digit may stand for bits of what follows.
      searches.append(ContentSearch(for: digits.dropLast(bytes.count % 3 == 0 ? 0 : 1), onlyDigits: true))
      searches.append(ContentSearch(for: bytes, onlyDigits: false))
    }
    if searches.isEmpty { return nil }
  }

  /// Whether a regular file that runs have left holds one.
  func isIn(_ found: MergedView.Found, of view: MergedView) throws(Errno) -> Bool {
    let file = try view.open(found)
    defer { close(file.rawValue) }
    var searches = searches
    var block = [UInt8](repeating: 0, count: Self.blockSize)
    var offset: Int64 = 0
    while true {
      let data = FileContents.nextData(file, offset)
      if data == .max { return false }
      if data != offset { for index in searches.indices { searches[index].restart() } }
      offset = data
      let count = try file.readFully(at: offset, into: &block)
      if count == 0 { return false }
      let isFound = block.withUnsafeBytes { bytes in
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        return searches.indices.contains { searches[$0].isIn(part) }
      }
      if isFound { return true }
      offset += Int64(count)
    }
  }
}

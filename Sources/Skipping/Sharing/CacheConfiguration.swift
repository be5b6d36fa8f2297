/// What uwrx-cache is to do, as the supervisor tells it: nothing of it stands in an argument or a variable, which others may read.
package struct CacheConfiguration: Equatable, Sendable {
  /// As ``CacheAddress`` reads it. Empty for a process that has no network, but the key.
  package var address = ""
  /// `Name: value`
  package var headers: [String] = []
  /// Certificates in PEM that are trusted beside the host's.
  package var authority: [UInt8] = []
  /// In PEM.
  package var key: [UInt8] = []
  /// A seccomp filter that the process puts itself under: `struct sock_filter`s.
  package var filter: [UInt64] = []

  package init() {}

  package var bytes: [UInt8] {
    var fields = WireWriter()
    fields.add(address.utf8)
    fields.add(headers.map { Array($0.utf8) })
    fields.add(authority)
    fields.add(key)
    fields.add(filter.count)
    for instruction in filter { fields.add(instruction) }
    return fields.bytes
  }

  /// nil for what the supervisor cannot have written.
  package init?(_ bytes: [UInt8]) {
    var fields = WireReader(bytes)
    guard let address = fields.bytes(), let headers = fields.list({ $0.bytes() }), let authority = fields.bytes(),
      let key = fields.bytes(), let filter = fields.list({ $0.number() }), fields.isAtEnd
    else { return nil }
    self.address = String(decoding: address, as: UTF8.self)
    self.headers = headers.map { String(decoding: $0, as: UTF8.self) }
    self.authority = authority
    self.key = key
    self.filter = filter.map { UInt64(bitPattern: $0) }
  }
}

/// A field of HTTP's that goes with each request.
package struct CacheHeader: Equatable, Sendable {
  package let name: String
  package let value: String

  /// Those that say how a message is sent, which is not the user's.
  private static let reserved: Set<String> = [
    "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect", "content-type",
  ]

  /// - Parameter text: `Name: value`.
  /// - Throws: a message for the user, without the value.
  package init(_ text: String) throws(SkipCacheError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    let isToken =
      !name.isEmpty
      && name.utf8.allSatisfy { byte in
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
          || "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
    guard parts.count == 2, isToken else { throw SkipCacheError("a header of the shared cache is no 'Name: value'") }
    guard !Self.reserved.contains(name.lowercased()) else {
      throw SkipCacheError("a header of the shared cache cannot be \(name)")
    }
    let value = parts[1].drop { $0 == " " }
    guard value.utf8.allSatisfy({ (0x20...0x7e).contains($0) || $0 == 0x09 }) else {
      throw SkipCacheError("the value of the header \(name) has characters that a header has not")
    }
    self.value = String(value)
  }
}

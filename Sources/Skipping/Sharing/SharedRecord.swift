import Tracing

/// A record as others are given it: with the key that it is of, and a signature of both.
///
/// ```
/// uwrx shared record 1
/// key <SHA-256 in hexadecimal>
/// signature <Ed25519 (RFC 8032) in hexadecimal, or - for none>
///
/// <the record's text>
/// ```
package struct SharedRecord: Equatable {
  package let key: [UInt8]
  /// Of ``signed``; nil for none.
  package var signature: [UInt8]?
  /// As ``SkipRecord`` has it.
  package let text: [UInt8]

  private static let heading = Array("uwrx shared record 1\n".utf8)

  package init(key: [UInt8], signature: [UInt8]? = nil, text: [UInt8]) {
    self.key = key
    self.signature = signature
    self.text = text
  }

  /// What a signature is of: a record that stands under another key is not signed.
  package var signed: [UInt8] { Self.heading + key + SHA256.digest(text) }

  package var bytes: [UInt8] {
    Self.heading + "key ".utf8 + SHA256.text(key) + "\nsignature ".utf8
      + (signature.map(SHA256.text) ?? Array("-".utf8))
      + "\n\n".utf8 + text
  }

  /// nil for what is no record of the key's.
  package init?(_ bytes: [UInt8], of key: [UInt8]) {
    let head = Self.heading + "key ".utf8 + SHA256.text(key) + "\nsignature ".utf8
    guard bytes.starts(with: head), let end = bytes[head.count...].firstIndex(of: 0x0a), end + 1 < bytes.count,
      bytes[end + 1] == 0x0a
    else { return nil }
    let text = bytes[head.count..<end]
    if !text.elementsEqual("-".utf8) {
      guard text.count == 128, let first = SkipCache.digest(text: text.prefix(64)),
        let second = SkipCache.digest(text: text.suffix(64))
      else { return nil }
      signature = first + second
    }
    self.key = key
    self.text = Array(bytes[(end + 2)...])
  }
}

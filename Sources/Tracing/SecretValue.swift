import Glibc

/// Values of environment variables that look like secrets, whatever their names.
enum SecretValue {
  typealias Bytes = UnsafeRawBufferPointer

  /// What tokens begin with, and of how many more letters, digits, `-`, `_` and dots they are at least.
  private static let tokens: [(start: StaticString, rest: Int)] = [
    ("ghp_", 16), ("gho_", 16), ("ghu_", 16), ("ghs_", 16), ("ghr_", 16), ("github_pat_", 16), ("glpat-", 16),
    ("gldt-", 16), ("glsa_", 16), ("xoxa-", 10), ("xoxb-", 10), ("xoxp-", 10), ("xoxr-", 10), ("xoxs-", 10),
    ("xapp-", 10), ("AKIA", 16), ("ASIA", 16), ("AIza", 30), ("ya29.", 16), ("sk-", 20), ("sk_live_", 10),
    ("sk_test_", 10), ("rk_live_", 10), ("npm_", 30), ("pypi-", 20), ("hf_", 20), ("dop_v1_", 16), ("SG.", 20),
    ("shpat_", 16), ("dckr_pat_", 16), ("hvs.", 16), ("AGE-SECRET-KEY-", 10), ("ATATT3", 20),
    ("Bearer ", 8), ("Basic ", 8), ("hooks.slack.com/services/", 8), ("discord.com/api/webhooks/", 8),
    ("discordapp.com/api/webhooks/", 8),
  ]
  /// Of connection strings and keys in PEM (RFC 7468): certificates are for everybody.
  private static let phrases: [(start: StaticString, rest: Int)] = [
    ("PRIVATE KEY-----", 1), ("PRIVATE KEY BLOCK-----", 1), ("AccountKey=", 8), ("SharedAccessKey=", 8),
    ("password=", 8),
  ]
  /// What follows `user:password` where no scheme stands before it, as in Go's data source names.
  private static let transports: [StaticString] = ["@tcp(", "@unix("]

  static func matches(_ value: Bytes) -> Bool {
    var hasColon = false
    for start in value.indices {
      if start == 0 || !SecretName.isWordByte(value[start - 1]) {
        for token in tokens where isToken(value, start, token.start, token.rest) { return true }
        if isWebToken(value, start) { return true }
      }
      if phrases.contains(where: {
        value.begins(start, $0.start) && value.count - start >= $0.start.utf8CodeUnitCount + $0.rest
      }) {
        return true
      }
      if value[start] == UInt8(ascii: ":") {
        if isLogin(value, start) { return true }
        hasColon = true
      }
      if hasColon, transports.contains(where: { value.begins(start, $0) }) { return true }
    }
    return false
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    SecretName.isWordByte(byte) || "-._+/=".utf8.contains(byte)
  }

  private static func isToken(_ value: Bytes, _ start: Int, _ prefix: StaticString, _ rest: Int) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard value.count - start >= count + rest, memcmp(value.baseAddress! + start, prefix.utf8Start, count) == 0 else {
      return false
    }
    let end = tokenEnd(value, start + count)
    return end - start - count >= rest && isRandom(Bytes(rebasing: value[(start + count)..<end]))
  }

  private static func tokenEnd(_ value: Bytes, _ start: Int) -> Int {
    var end = start
    while end < value.count, isTokenByte(value[end]) { end += 1 }
    return end
  }

  /// Whether eight letters and digits in a row are no word: letters of both cases (but for the first), or some and
  /// digits, or more digits or capitals than a word or a number has.
  private static func isRandom(_ text: Bytes) -> Bool {
    var (start, digits, small, capitals) = (0, 0, 0, 0)
    for (index, byte) in text.enumerated() {
      switch byte {
      case 0x30...0x39: digits += 1
      case 0x61...0x7a: small += 1
      case 0x41...0x5a: capitals += index > start ? 1 : 0
      default: (start, digits, small, capitals) = (index + 1, 0, 0, 0)
      }
      let kinds = (digits > 0 ? 1 : 0) + (small > 0 ? 1 : 0) + (capitals > 0 ? 1 : 0)
      if index - start >= 7, kinds > 1 || digits > 7 || capitals > 12 { return true }
    }
    return false
  }

  /// A JWT (RFC 7519): three parts, of which the first begins with `{"` in base64.
  private static func isWebToken(_ value: Bytes, _ start: Int) -> Bool {
    guard value.count - start > 20, memcmp(value.baseAddress! + start, "eyJ", 3) == 0 else { return false }
    var dots = 0
    for index in start..<tokenEnd(value, start) where value[index] == UInt8(ascii: ".") { dots += 1 }
    return dots >= 2
  }

  /// Whether a colon is that of a URL with a login that lets in: `scheme://user:password@`, or a token in the user's place.
  private static func isLogin(_ value: Bytes, _ colon: Int) -> Bool {
    guard value.count - colon > 3, value[colon + 1] == 0x2f, value[colon + 2] == 0x2f else { return false }
    var separator: Int?
    for index in (colon + 3)..<value.count {
      switch value[index] {
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), 0...0x20: return false
      case UInt8(ascii: ":"): separator = separator ?? index
      case UInt8(ascii: "@"):
        if let separator { return index > separator + 1 }
        return index - colon > 16 && isRandom(Bytes(rebasing: value[(colon + 3)..<index]))
      default: break
      }
    }
    return false
  }
}

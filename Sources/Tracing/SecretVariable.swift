import Glibc

/// Environment variables that look like secrets: by their names, or by their values.
///
/// What looks like one is not given to a guest unasked, and a trace never holds it.
public struct SecretVariable: Sendable {
  private let key: [UInt8]

  /// - Parameter key: for digests of values, up to 64 bytes. Nil means one that nobody knows.
  public init(key: [UInt8]? = nil) {
    self.key = key ?? (0..<32).map { _ in UInt8.random(in: .min ... .max) }
  }

  /// What a trace holds of a variable that looks like a secret: its name and a keyed digest of its value.
  public func withoutValue(_ variable: UnsafeRawBufferPointer) -> [UInt8] {
    let (name, value) = Self.parts(variable)
    let digest = SHA256.text(Array(SHA256.authenticate(value, key: key).prefix(16)))
    return Array(name) + Array("=<secret:".utf8) + digest + [UInt8(ascii: ">")]
  }

  /// `NAME=value` as a trace holds it.
  public func recorded(_ variable: String) -> String {
    var variable = variable
    return variable.withUTF8 { bytes in
      let raw = UnsafeRawBufferPointer(bytes)
      return String(decoding: Self.isSecret(raw) ? withoutValue(raw) : Array(raw), as: UTF8.self)
    }
  }

  /// Whether `NAME=value` looks like a secret. Without a value there is none.
  public static func isSecret(_ variable: UnsafeRawBufferPointer) -> Bool {
    let (name, value) = parts(variable)
    if places.contains(where: { isEqual(name, $0) }) { return false }
    return !value.isEmpty && (isSecretName(name) || isSecretValue(value))
  }

  public static func isSecret(_ variable: String) -> Bool {
    var variable = variable
    return variable.withUTF8 { isSecret(UnsafeRawBufferPointer($0)) }
  }

  private static func parts(
    _ variable: UnsafeRawBufferPointer
  ) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    let equals = variable.firstIndex(of: UInt8(ascii: "=")) ?? variable.count
    return (
      UnsafeRawBufferPointer(rebasing: variable[..<equals]),
      UnsafeRawBufferPointer(rebasing: variable[min(equals + 1, variable.count)...])
    )
  }

  // MARK: Names

  /// Of no secrets, though they look like it: a fingerprint, a directory, a switch.
  private static let innocent: [StaticString] = ["GPG_KEY", "GPG_KEYS", "PASSWORD_STORE_DIR", "TOKENIZERS_PARALLELISM"]
  /// Of places, whose values are names of directories.
  private static let places: [StaticString] = [
    "PATH", "PWD", "OLDPWD", "HOME", "SHELL", "LD_LIBRARY_PATH", "VIRTUAL_ENV",
  ]
  /// Names of settings for git, which wants all of them or none (git-config(1), GIT_CONFIG_COUNT).
  private static let gitSetting: StaticString = "GIT_CONFIG_KEY_"
  /// Wherever they stand in a name.
  private static let fragments: [StaticString] = [
    "TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY", "ACCESSKEY", "PRIVATEKEY", "AUTHKEY",
  ]
  /// Whole words of a name, so that KEYBOARD, KEYMAP, XAUTHORITY and GIT_AUTHOR_NAME pass: those are no secrets.
  private static let words: [StaticString] = [
    "KEY", "KEYS", "AUTH", "PASS", "SSHPASS", "CREDS", "COOKIE", "COOKIES", "JWT", "BEARER", "PAT",
  ]
  /// Words that count unless the name begins with them: PWD is a directory, MYSQL_PWD is not.
  private static let laterWords: [StaticString] = ["PWD"]

  private static func isSecretName(_ name: UnsafeRawBufferPointer) -> Bool {
    if innocent.contains(where: { isEqual(name, $0) }) || begins(name, 0, gitSetting) { return false }
    for start in name.indices where fragments.contains(where: { begins(name, start, $0) }) { return true }
    var start = 0
    while start <= name.count {
      var end = start
      while end < name.count, isWordByte(name[end]) { end += 1 }
      let word = UnsafeRawBufferPointer(rebasing: name[start..<end])
      if words.contains(where: { isEqual(word, $0) }) { return true }
      if start > 0, laterWords.contains(where: { isEqual(word, $0) }) { return true }
      start = end + 1
    }
    return false
  }

  private static func isEqual(_ bytes: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
    bytes.count == word.utf8CodeUnitCount && begins(bytes, 0, word)
  }

  /// Whatever the case.
  private static func begins(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.count - start >= count else { return false }
    for offset in 0..<count where upper(bytes[start + offset]) != upper(word.utf8Start[offset]) { return false }
    return true
  }

  private static func upper(_ byte: UInt8) -> UInt8 { byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: false
    }
  }

  // MARK: Values

  /// What tokens begin with, and of how many more letters, digits, `-`, `_` and dots they are at least.
  private static let tokens: [(start: StaticString, rest: Int)] = [
    ("ghp_", 16), ("gho_", 16), ("ghu_", 16), ("ghs_", 16), ("ghr_", 16), ("github_pat_", 16), ("glpat-", 16),
    ("gldt-", 16), ("glsa_", 16), ("xoxa-", 10), ("xoxb-", 10), ("xoxp-", 10), ("xoxr-", 10), ("xoxs-", 10),
    ("xapp-", 10), ("AKIA", 16), ("ASIA", 16), ("AIza", 30), ("ya29.", 16), ("sk-", 20), ("sk_live_", 10),
    ("sk_test_", 10), ("rk_live_", 10), ("npm_", 30), ("pypi-", 20), ("hf_", 20), ("dop_v1_", 16), ("SG.", 20),
    ("shpat_", 16), ("dckr_pat_", 16), ("hvs.", 16), ("AGE-SECRET-KEY-", 10), ("ATATT3", 20),
  ]
  /// Of connection strings and headers.
  private static let phrases: [StaticString] = [
    "-----BEGIN ", "AccountKey=", "SharedAccessKey=", "password=", "Bearer ", "Basic ",
  ]

  private static func isSecretValue(_ value: UnsafeRawBufferPointer) -> Bool {
    for start in value.indices {
      if start == 0 || !isWordByte(value[start - 1]) {
        for token in tokens where isToken(value, start, token.start, token.rest) { return true }
        if isWebToken(value, start) { return true }
      }
      if phrases.contains(where: { begins(value, start, $0) && value.count - start > $0.utf8CodeUnitCount + 7 }) {
        return true
      }
      if value[start] == UInt8(ascii: ":"), hasPassword(value, start) { return true }
    }
    return false
  }

  private static func tokenLength(_ value: UnsafeRawBufferPointer, _ start: Int) -> Int {
    var end = start
    while end < value.count, isTokenByte(value[end]) { end += 1 }
    return end - start
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    isWordByte(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
  }

  private static func isToken(
    _ value: UnsafeRawBufferPointer, _ start: Int, _ prefix: StaticString, _ rest: Int
  ) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard value.count - start >= count + rest, memcmp(value.baseAddress! + start, prefix.utf8Start, count) == 0 else {
      return false
    }
    return tokenLength(value, start + count) >= rest
  }

  /// A JWT (RFC 7519): three parts, of which the first begins with `{"` in base64.
  private static func isWebToken(_ value: UnsafeRawBufferPointer, _ start: Int) -> Bool {
    guard value.count - start > 20, memcmp(value.baseAddress! + start, "eyJ", 3) == 0 else { return false }
    let end = start + tokenLength(value, start)
    var dots = 0
    for index in start..<end where value[index] == UInt8(ascii: ".") { dots += 1 }
    return dots >= 2
  }

  /// Whether a colon is that of a URL with a password: `scheme://user:password@`.
  private static func hasPassword(_ value: UnsafeRawBufferPointer, _ colon: Int) -> Bool {
    guard value.count - colon > 3, value[colon + 1] == 0x2f, value[colon + 2] == 0x2f else { return false }
    var separator: Int?
    for index in (colon + 3)..<value.count {
      switch value[index] {
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), 0...0x20: return false
      case UInt8(ascii: ":"): separator = separator ?? index
      case UInt8(ascii: "@"): return separator.map { index > $0 + 1 } ?? false
      default: break
      }
    }
    return false
  }
}

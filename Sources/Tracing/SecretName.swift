/// Names of environment variables that look like those of secrets.
enum SecretName {
  typealias Bytes = UnsafeRawBufferPointer

  /// Of no secrets, though they look like it: a fingerprint, a directory.
  private static let innocent: [StaticString] = ["GPG_KEY", "GPG_KEYS", "PASSWORD_STORE_DIR"]
  /// Of places, whose values are names of directories.
  private static let places: [StaticString] = [
    "PATH", "PWD", "OLDPWD", "HOME", "SHELL", "LD_LIBRARY_PATH", "VIRTUAL_ENV",
  ]
  /// Names of settings for git, which wants all of them or none (git-config(1), GIT_CONFIG_COUNT).
  private static let gitSetting: StaticString = "GIT_CONFIG_KEY_"
  /// First words of bounds: MAX_TOKENS is a number.
  private static let bounds: [StaticString] = ["MAX", "MIN", "NUM"]
  /// Last words of what is said about a secret: where it lies, how long it is, who gives it.
  private static let aspects: [StaticString] = [
    "FILE", "PATH", "DIR", "DIRECTORY", "PROVIDER", "HELPER", "LENGTH", "LEN", "SIZE", "BITS", "LIMIT", "COUNT", "TTL",
    "TIMEOUT", "TYPE", "NAME", "FORMAT", "ALGORITHM", "ALGO", "MODE", "HOST", "PORT", "REGION", "VERSION", "ENABLED",
    "EXPIRY", "EXPIRES", "PARALLELISM", "URL", "URI", "ENDPOINT",
  ]
  /// Wherever they stand in a name, whatever the last word is: who has the address may use it.
  private static let addresses: [StaticString] = ["WEBHOOK"]
  /// Wherever they stand in a name.
  private static let fragments: [StaticString] = [
    "TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY", "ACCESSKEY", "PRIVATEKEY", "AUTHKEY", "SIGNKEY",
    "SIGNINGKEY", "DEPLOYKEY", "MASTERKEY", "ENCRYPTIONKEY", "SSHKEY", "DBPASS", "SSHPASS", "USERPASS", "ROOTPASS",
    "FTPPASS", "SMTPPASS", "MYSQLPWD", "USERPWD", "DBPWD", "ROOTPWD",
  ]
  /// What a fragment is not one in: of text that is cut into tokens.
  private static let otherTokens: [StaticString] = ["TOKENIZ"]
  /// Whole words of a name, but for digits at their ends, so that KEYBOARD, KEYMAP, XAUTHORITY and GIT_AUTHOR_NAME pass.
  private static let words: [StaticString] = [
    "KEY", "KEYS", "AUTH", "PASS", "CREDS", "COOKIE", "COOKIES", "JWT", "BEARER", "PAT", "GHPAT", "GLPAT",
  ]
  /// Words that count unless the name begins with them: PWD is a directory, MYSQL_PWD is not.
  private static let laterWords: [StaticString] = ["PWD", "PW"]

  static func isPlace(_ name: Bytes) -> Bool { isEqual(name, places) }

  static func matches(_ name: Bytes) -> Bool {
    if isEqual(name, innocent) || name.begins(0, gitSetting) { return false }
    if contains(name, addresses) { return true }
    var (isBound, isAspect, hasWord) = (false, false, false)
    var start = 0
    while start <= name.count {
      var end = start
      while end < name.count, isWordByte(name[end]) { end += 1 }
      var last = end
      while last > start, name[last - 1] <= UInt8(ascii: "9") { last -= 1 }
      let word = Bytes(rebasing: name[start..<last])
      if start == 0 { isBound = isEqual(word, bounds) }
      isAspect = isEqual(word, aspects)
      hasWord = hasWord || isEqual(word, words) || start > 0 && isEqual(word, laterWords)
      start = end + 1
    }
    return !isBound && !isAspect && (hasWord || contains(name, fragments))
  }

  private static func contains(_ name: Bytes, _ fragments: [StaticString]) -> Bool {
    name.indices.contains { start in
      fragments.contains { name.begins(start, $0) } && !otherTokens.contains { name.begins(start, $0) }
    }
  }

  private static func isEqual(_ bytes: Bytes, _ words: [StaticString]) -> Bool {
    words.contains { bytes.count == $0.utf8CodeUnitCount && bytes.begins(0, $0) }
  }

  static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: false
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether a word stands at an offset, whatever the case of its letters.
  func begins(_ start: Int, _ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    guard count - start >= length else { return false }
    for offset in 0..<length where Self.upper(self[start + offset]) != Self.upper(word.utf8Start[offset]) {
      return false
    }
    return true
  }

  private static func upper(_ byte: UInt8) -> UInt8 { byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte }
}

import Tracing

/// Command lines that a shell takes for what they were.
public enum CommandText {
  public static func text(_ arguments: [[UInt8]]) -> [UInt8] {
    Array(arguments.map { quoted($0) { !Escaping.isHidden($0) } }.joined(separator: " ").utf8)
  }

  /// A word, quoted where it must be. Bytes that cannot be shown stand in `$'...'`, which bash, zsh, ksh and a POSIX shell of 2024
  /// understand.
  public static func quoted(_ word: some Collection<UInt8>, canShow: (Unicode.Scalar) -> Bool) -> String {
    if word.isEmpty { return "''" }
    var isPlain = true
    var isShown = true
    Characters.decode(word) { scalar, _ in
      guard let scalar, canShow(scalar) else { return isShown = false }
      if scalar.isASCII, !isSafe(scalar) { isPlain = false }
    }
    if isShown {
      let text = String(decoding: word, as: UTF8.self)
      if isPlain { return text }
      return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
    var result = "$'"
    Characters.decode(word) { scalar, raw in
      guard let scalar, canShow(scalar) else {
        // Octal, since a hexadecimal escape has no end where a digit follows.
        if let scalar, scalar.value >= 0x80 {
          for byte in UTF8.encode(scalar)! { result += octal(byte) }
        } else {
          let byte = scalar.map { UInt8($0.value) } ?? raw
          result += [0x09: "\\t", 0x0a: "\\n", 0x0d: "\\r"][byte] ?? octal(byte)
        }
        return
      }
      if scalar == "'" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result + "'"
  }

  private static func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
  }

  private static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".", "/", ":", "=", ",", "+", "@", "%": true
    default: false
    }
  }
}

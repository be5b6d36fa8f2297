import Tracing

/// Arguments as a shell takes them; what `Escaping` escapes stands as `\xHH`.
public enum CommandText {
  public static func text(_ arguments: [[UInt8]]) -> [UInt8] {
    Array(arguments.map(quoted).joined(separator: [UInt8(ascii: " ")]))
  }

  private static func quoted(_ argument: [UInt8]) -> [UInt8] {
    let text = Escaping.escape(argument)
    if !text.isEmpty, text.allSatisfy({ isPlain[Int($0)] }) { return text }
    var result = [quote]
    for byte in text {
      if byte == quote { result += "'\\'".utf8 }
      result.append(byte)
    }
    return result + [quote]
  }

  private static let quote = UInt8(ascii: "'")

  /// What no shell gives a meaning to.
  private static let isPlain: [Bool] = {
    var table = [Bool](repeating: false, count: 128) + [Bool](repeating: true, count: 128)
    for byte in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-".utf8 {
      table[Int(byte)] = true
    }
    return table
  }()
}

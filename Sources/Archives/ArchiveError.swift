import CLinux
import SystemPackage

/// An archive that cannot be used, with one message that says why.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }

  /// What was kept is not what the archive has.
  static let difference = ArchiveError("")
  var isDifference: Bool { description.isEmpty }

  /// A failed call of libc's: "cannot open x: No such file or directory".
  static func system(_ action: String, _ path: String) -> ArchiveError {
    ArchiveError("cannot \(action) \(path): \(Errno(rawValue: uwrx_errno()))")
  }
}

/// A name from an archive as part of a message: no control characters of an attacker's reach the user's terminal.
func printable(_ name: some Sequence<UInt8>, limit: Int = 200) -> String {
  var text = ""
  for byte in name.prefix(limit) {
    if byte >= 0x20, byte < 0x7f {
      text.unicodeScalars.append(Unicode.Scalar(byte))
    } else {
      let digits = String(byte, radix: 16)
      text += "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
  }
  return text
}

/// Chromium and Chrome have their own list of authorities and trust no file of the system; an administrator's policy adds
/// to it ("CACertificates", tried with Chromium 156).
public enum ChromiumPolicy {
  /// Where Chromium and Chrome look for policies: all files of these directories count.
  public static let directories = ["/etc/chromium/policies/managed", "/etc/opt/chrome/policies/managed"]

  public static let fileName = "uwrx-ca.json"

  /// The policy's file.
  /// - Parameter certificate: one PEM certificate.
  public static func contents(trusting certificate: [UInt8]) -> [UInt8] {
    let lines = certificate.split { $0 == 0x0a || $0 == 0x0d }
    // The armour's lines begin with a dash, and base64 has no byte that JSON would want escaped.
    let body = lines.filter { $0.first != UInt8(ascii: "-") }.joined().filter(isBase64)
    return Array("{\"CACertificates\": [\"".utf8) + body + Array("\"]}\n".utf8)
  }

  private static func isBase64(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): true
    default: false
    }
  }
}

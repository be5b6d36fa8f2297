import Glibc

/// A `sockaddr` as text.
enum SocketAddress {
  static func text(_ bytes: [UInt8], _ glyphs: Glyphs) -> String {
    guard bytes.count >= 2 else { return "no address" }
    let family = Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
    let rest = bytes.dropFirst(2)
    switch family {
    case AF_UNIX: return "unix " + unix(rest, glyphs)
    case AF_INET where bytes.count >= 8: return "\(bytes[4...7].map(String.init).joined(separator: ".")):\(port(bytes))"
    case AF_INET6 where bytes.count >= 24:
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      let address = Array(bytes[8..<24])
      guard inet_ntop(AF_INET6, address, &text, socklen_t(text.count)) != nil else { return "inet6" }
      return "[\(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))]:\(port(bytes))"
    case AF_NETLINK: return "netlink"
    case AF_PACKET: return "packet"
    default: return "family \(family)"
    }
  }

  private static func port(_ bytes: [UInt8]) -> Int { Int(bytes[2]) << 8 | Int(bytes[3]) }

  private static func unix(_ path: ArraySlice<UInt8>, _ glyphs: Glyphs) -> String {
    guard let first = path.first else { return "(unnamed)" }
    // A name that begins with a NUL is no file's; all its bytes count.
    if first == 0 { return "@" + glyphs.text(path.dropFirst()) }
    return glyphs.text(path.prefix { $0 != 0 })
  }
}

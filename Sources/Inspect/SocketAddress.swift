import Tracing

/// A `sockaddr` as a person reads it.
public enum SocketAddress {
  /// `127.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@abstract`, `unix:` for one without a name, `netlink:pid/groups`, or the family
  /// and the bytes. Escaped as `Escaping` says.
  public static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    guard bytes.count >= 2 else { return Array("unknown".utf8) }
    let family = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    let rest = bytes.dropFirst(2)
    switch family {
    case 1: return Array("unix:".utf8) + unixName(rest)
    case 2 where bytes.count >= 8:
      return Array((bytes[4..<8].map { String($0) }.joined(separator: ".") + ":\(port(bytes))").utf8)
    case 10 where bytes.count >= 24: return Array("[\(ipv6(Array(bytes[8..<24])))]:\(port(bytes))".utf8)
    case 16 where bytes.count >= 12:
      let numbers = UnsafeRawBufferPointer(bytes)
      return Array(
        "netlink:\(numbers.loadUnaligned(fromByteOffset: 4, as: UInt32.self))/\(numbers.loadUnaligned(fromByteOffset: 8, as: UInt32.self))"
          .utf8)
    default:
      let digits = rest.prefix(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      return Array("family \(family) \(digits)".utf8)
    }
  }

  private static func unixName(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
    guard let first = bytes.first else { return [] }
    if first == 0 { return [UInt8(ascii: "@")] + Escaping.escape(bytes.dropFirst()) }
    return Escaping.escape(bytes.prefix { $0 != 0 })
  }

  private static func port(_ bytes: UnsafeBufferPointer<UInt8>) -> Int { Int(bytes[2]) << 8 | Int(bytes[3]) }

  /// RFC 5952: the first of the longest runs of zeros is left out.
  private static func ipv6(_ bytes: [UInt8]) -> String {
    let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
    var best = 0..<0
    for start in groups.indices {
      let run = groups[start...].prefix { $0 == 0 }.indices
      if run.count > max(1, best.count) { best = run }
    }
    func hex(_ groups: ArraySlice<UInt16>) -> String { groups.map { String($0, radix: 16) }.joined(separator: ":") }
    return best.isEmpty ? hex(groups[...]) : hex(groups[..<best.lowerBound]) + "::" + hex(groups[best.upperBound...])
  }
}

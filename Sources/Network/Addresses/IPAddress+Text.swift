extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
  /// What inet_pton(3) takes and nothing else: four decimal numbers without leading zeros, or IPv6 (RFC 4291, section 2.2) without
  /// brackets and zone.
  public init?(_ text: some StringProtocol) { self.init(text: text.utf8) }

  /// The same for a `String`.
  public init?(_ text: String) { self.init(text: text.utf8) }

  /// - Parameter text: as of `init(_: String)`.
  public init?(text: some Sequence<UInt8>) {
    // The longest has 45 bytes.
    let bytes = Array(text.prefix(46))
    if bytes.contains(UInt8(ascii: ":")) {
      guard let groups = Self.groups(bytes) else { return nil }
      self.init(
        ipv6High: groups.prefix(4).reduce(0) { $0 << 16 | UInt64($1) },
        low: groups.dropFirst(4).reduce(0) { $0 << 16 | UInt64($1) })
    } else {
      guard let number = Self.number(bytes[...]) else { return nil }
      self.init(ipv4: number)
    }
  }

  /// The number of an IPv4 address.
  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32? {
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var result: UInt32 = 0
    for part in parts {
      guard let byte = DecimalNumber.parse(part, limit: 255) else { return nil }
      result = result << 8 | UInt32(byte)
    }
    return result
  }

  /// The eight numbers of an IPv6 address.
  private static func groups(_ bytes: [UInt8]) -> [UInt16]? {
    let colon = UInt8(ascii: ":")
    var groups: [UInt16] = []
    var gap: Int?
    var index = 0
    if bytes.starts(with: [colon, colon]) {
      gap = 0
      index = 2
    }
    while index < bytes.count {
      let end = bytes[index...].firstIndex(of: colon) ?? bytes.count
      let part = bytes[index..<end]
      if part.isEmpty {
        // A second colon, once.
        guard gap == nil, !groups.isEmpty, index > 0 else { return nil }
        gap = groups.count
        index += 1
        continue
      }
      if part.contains(UInt8(ascii: ".")) {
        guard end == bytes.count, let number = number(part) else { return nil }
        groups += [UInt16(number >> 16), UInt16(truncatingIfNeeded: number)]
        break
      }
      guard part.count <= 4, let value = Hexadecimal.number(part) else { return nil }
      groups.append(UInt16(value))
      if end == bytes.count { break }
      index = end + 1
      // A single colon at the end.
      if index == bytes.count { return nil }
    }
    guard let gap else { return groups.count == 8 ? groups : nil }
    guard groups.count < 8 else { return nil }
    return groups[..<gap] + [UInt16](repeating: 0, count: 8 - groups.count) + groups[gap...]
  }

  /// As RFC 5952 has it: lower case, the first of the longest runs of two or more zeros as `::`, a mapped IPv4 address with dots.
  public var description: String {
    if family == .ipv4 { return Self.dotted(UInt32(low)) }
    if high == 0, low >> 32 == 0xffff { return "::ffff:" + Self.dotted(UInt32(truncatingIfNeeded: low)) }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * ($0 % 4))) }
    var gap = 0..<0
    var index = 0
    while index < 8 {
      let end = groups[index...].firstIndex { $0 != 0 } ?? 8
      if end - index > max(1, gap.count) { gap = index..<end }
      index = max(end, index + 1)
    }
    let text = groups.map { String($0, radix: 16) }
    if gap.isEmpty { return text.joined(separator: ":") }
    return text[..<gap.lowerBound].joined(separator: ":") + "::" + text[gap.upperBound...].joined(separator: ":")
  }

  private static func dotted(_ number: UInt32) -> String {
    "\(number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
  }
}

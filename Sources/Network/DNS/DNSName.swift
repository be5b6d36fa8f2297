/// A domain name (RFC 1035, section 3.1): labels of 1 to 63 bytes of any value, 255 bytes at most as a message holds them.
///
/// The case of letters is kept, and makes no difference when names are compared (RFC 4343).
public struct DNSName: Sendable {
  /// As a message holds the name when it is not compressed: each label after a byte with its length, then a zero.
  public let wire: [UInt8]

  /// The name without labels.
  public static let root = DNSName(unchecked: [0])

  /// - Parameter wire: known to be a whole name.
  init(unchecked wire: [UInt8]) { self.wire = wire }

  /// - Returns: nil if a label is empty or longer than 63 bytes, or all is longer than 255.
  public init?(labels: some Sequence<some Collection<UInt8>>) {
    var wire: [UInt8] = []
    for label in labels {
      guard (1...63).contains(label.count), wire.count + label.count + 2 <= 255 else { return nil }
      wire.append(UInt8(label.count))
      wire += label
    }
    wire.append(0)
    self.wire = wire
  }

  public var isRoot: Bool { wire.count == 1 }

  /// From the host's on the left to the top level's on the right.
  public var labels: [ArraySlice<UInt8>] {
    var labels: [ArraySlice<UInt8>] = []
    var index = 0
    while wire[index] != 0 {
      let end = index + 1 + Int(wire[index])
      labels.append(wire[index + 1..<end])
      index = end
    }
    return labels
  }

  /// The name with its letters in lower case: what to compare as bytes.
  public var lowercased: DNSName {
    // Lengths are below 64, where there are no letters: so the case of all bytes can be changed.
    DNSName(unchecked: wire.map(ASCII.lowercased))
  }

  /// Whether this is `other` or a name below it.
  public func isWithin(_ other: DNSName) -> Bool {
    let start = wire.count - other.wire.count
    guard start >= 0 else { return false }
    var index = 0
    while index < start { index += 1 + Int(wire[index]) }
    return index == start && DNSName(unchecked: Array(wire[start...])) == other
  }

  /// Whether the last label is a number, as no top-level domain is: what is spelled like that is meant as an IPv4 address by one or
  /// another program (0x7f.1, 0177.0.0.1, 2130706433).
  public var endsInNumber: Bool {
    guard let last = labels.last else { return false }
    if last.allSatisfy({ (0x30...0x39).contains($0) }) { return true }
    return last.starts(with: Array("0x".utf8)) || last.starts(with: Array("0X".utf8))
      ? last.dropFirst(2).allSatisfy { Hexadecimal.value($0) != nil } : false
  }
}

extension DNSName: Hashable {
  public static func == (left: DNSName, right: DNSName) -> Bool {
    left.wire.count == right.wire.count
      && zip(left.wire, right.wire).allSatisfy { ASCII.lowercased($0) == ASCII.lowercased($1) }
  }

  public func hash(into hasher: inout Hasher) {
    lowercased.wire.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}

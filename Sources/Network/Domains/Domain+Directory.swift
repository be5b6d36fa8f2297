extension Domain {
  /// The longest name of a file that Linux has.
  static let longestFileName = 255

  /// The name of the domain's directory below `net/` of a trace: 1 to 255 bytes.
  ///
  /// Letters, digits, `-` and `_` of a name's labels stand as they are, in lower case, all other bytes as `%hh`; labels have dots between. A
  /// name that begins with `-` begins with `%2d`, lest it be taken for an option. If that is longer than 255 bytes, then `~` and a digest
  /// of it follow its first 222 bytes. Addresses stand as they are written. So no two domains share a directory, and none is `.`, `..` or
  /// empty, or has a slash or a NUL.
  public var directoryName: [UInt8] {
    guard let name else { return text }
    var result: [UInt8] = []
    for label in name.labels {
      if !result.isEmpty { result.append(UInt8(ascii: ".")) }
      for byte in label {
        let isKept =
          ASCII.isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") && !result.isEmpty
        if isKept { result.append(byte) } else { result += [UInt8(ascii: "%")] + Hexadecimal.digits(byte) }
      }
    }
    if result.count <= Self.longestFileName { return result }
    return result.prefix(Self.longestFileName - 33) + [UInt8(ascii: "~")] + NameDigest.text(result)
  }

  /// The domain whose directory has that name.
  /// - Returns: nil if no domain has it, and if it holds a digest: which domain that is the name does not say.
  public init?(directoryName: [UInt8]) {
    if let address = IPAddress(text: directoryName) {
      self.init(address: address)
    } else {
      var labels: [[UInt8]] = [[]]
      var rest = directoryName[...]
      while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "."): labels.append([])
        case UInt8(ascii: "%"):
          guard let code = Hexadecimal.number(rest.prefix(2)) else { return nil }
          labels[labels.count - 1].append(UInt8(code))
          rest = rest.dropFirst(2)
        default: labels[labels.count - 1].append(byte)
        }
      }
      guard let name = DNSName(labels: labels) else { return nil }
      self.init(name: name)
    }
    // There is one way to write each.
    guard self.directoryName == directoryName else { return nil }
  }
}

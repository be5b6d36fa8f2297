/// Which hosts a rule of the policy is for.
public enum HostPattern: Hashable, Sendable {
  /// `*`: all names, and all addresses that are reached on the Internet.
  case any
  case name(DNSName)
  /// `*.example.org`: all names below, at any depth, but not this one.
  case below(DNSName)
  /// An address, or a block of them.
  case addresses(AddressBlock)

  /// - Parameter text: `*`, `*.example.org`, a name, an address (IPv6 in brackets or with a length), or a block as `10.0.0.0/8`; without a
  ///   port.
  public init(_ text: Substring) throws(NetworkOptionError) {
    if text == "*" {
      self = .any
    } else if text.hasPrefix("*.") {
      self = .below(try Self.name(text.dropFirst(2), of: text))
    } else if let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) {
      self = .addresses(try Self.block(text, slash: slash))
    } else if let address = IPAddress(Self.unbracketed(text)) {
      self = .addresses(AddressBlock(address.unmapped))
    } else {
      self = .name(try Self.name(text, of: text))
    }
  }

  private static func unbracketed(_ text: Substring) -> String {
    text.hasPrefix("[") && text.hasSuffix("]") && text.utf8.contains(UInt8(ascii: ":"))
      ? String(text.dropFirst().dropLast()) : String(text)
  }

  private static func block(_ text: Substring, slash: String.Index) throws(NetworkOptionError) -> AddressBlock {
    guard let address = IPAddress(unbracketed(text[..<slash])),
      let length = DecimalNumber.parse(text[text.index(after: slash)...].utf8, limit: address.width)
    else {
      throw NetworkOptionError(
        text, "is no block of addresses: write one as 10.0.0.0/8 or fd00::/8, and a host without a path")
    }
    guard let block = AddressBlock(address, length: length) else {
      throw NetworkOptionError(
        text, "has bits set beyond its length: write \(AddressBlock(address.prefix(length), length: length)!)")
    }
    // Guests and upstreams are judged by the address that is mapped.
    guard address.unmapped != address, length >= 96 else { return block }
    return AddressBlock(address.unmapped, length: length - 96)!
  }

  private static func name(
    _ name: Substring, of text: Substring
  ) throws(NetworkOptionError) -> DNSName {
    if name.utf8.contains(where: { $0 >= 0x80 }) {
      throw NetworkOptionError(text, "is not ASCII: write an international name in its ASCII form, xn--…")
    }
    if name.utf8.contains(UInt8(ascii: ":")) {
      throw NetworkOptionError(text, "is no host: write an IPv6 address in brackets, [2001:db8::1], and without a zone")
    }
    let isPlain = name.utf8.allSatisfy {
      ASCII.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
    }
    guard isPlain, let result = DNSName(String(name)), !result.isRoot else {
      throw NetworkOptionError(
        text, "is no host: write a name (example.org), *.example.org for all names below one, an address, or * for all")
    }
    if result.endsInNumber {
      throw NetworkOptionError(text, "is no host: write an IPv4 address as four decimal numbers, 192.0.2.1")
    }
    return result.lowercased
  }
}

/// What a guest connects to: a host by its name, or an address that it dialled without one. Case makes no difference.
public struct Domain: Hashable, Sendable, CustomStringConvertible {
  private enum Host: Hashable {
    case name(DNSName)
    case address(IPAddress)
  }

  private let host: Host

  /// - Returns: nil for the root, and for what is spelled like an address (``DNSName/endsInNumber``).
  public init?(name: DNSName) {
    guard !name.isRoot, !name.endsInNumber else { return nil }
    host = .name(name.lowercased)
  }

  /// - Parameter address: one that maps an IPv4 address stands for that.
  public init(address: IPAddress) { host = .address(address.unmapped) }

  /// - Parameter text: a name with or without a dot at its end, an IPv4 address, or an IPv6 address with or without brackets: as it
  ///   stands in a Host header, in a URL, in SNI, or in a file.
  /// - Returns: nil if it is neither.
  public init?(text: [UInt8]) {
    var address = text[...]
    if text.count > 2, text.first == UInt8(ascii: "["), text.last == UInt8(ascii: "]") {
      address = text.dropFirst().dropLast()
      guard address.contains(UInt8(ascii: ":")) else { return nil }
    }
    if let address = IPAddress(text: address) {
      self.init(address: address)
    } else {
      // No bytes that a name has only when they are escaped: a colon and a port, a slash, a space.
      guard let name = DNSName(text: text),
        [[], [UInt8(ascii: ".")]].contains(where: { name.lowercased.text + $0 == text.map(ASCII.lowercased) })
      else { return nil }
      self.init(name: name)
    }
  }

  public init?(_ text: String) { self.init(text: Array(text.utf8)) }

  /// The address that was dialled without a name.
  public var address: IPAddress? { if case .address(let address) = host { address } else { nil } }

  /// The name, in lower case; nil for an address.
  public var name: DNSName? { if case .name(let name) = host { name } else { nil } }

  /// The name in lower case, without a dot at its end and with odd bytes escaped (``DNSName/text``); or the address without brackets.
  public var text: [UInt8] {
    switch host {
    case .name(let name): name.text
    case .address(let address): Array(address.description.utf8)
    }
  }

  public var description: String { String(decoding: text, as: UTF8.self) }

  /// As it stands before a port: an IPv6 address in brackets.
  public var bracketed: String { address?.family == .ipv6 ? "[\(self)]" : description }
}

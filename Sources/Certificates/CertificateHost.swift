import Glibc

/// Whom a leaf certificate is for, in its one spelling.
enum CertificateHost: Equatable, Sendable {
  /// A DNS name in lower case without a dot at its end.
  case name(String)
  /// An address as inet_ntop(3) writes it, and its 4 or 16 bytes.
  case address(String, [UInt8])

  /// The host's spelling.
  var text: String {
    switch self {
    case .name(let text), .address(let text, _): text
    }
  }

  /// - Parameter bytes: a DNS name of letters, digits, hyphens and underscores (of IDNs the A-labels), or an address
  ///   without brackets or zone. Wildcards are refused: each host has a certificate of its own.
  init(_ bytes: [UInt8]) throws(CertificateError) {
    if let address = Self.address(bytes) {
      self = address
      return
    }
    let name = bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes[...]
    let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    // The last label is no number, or the name is an address to some: 127.1 and 0x7f.1 are to inet_aton(3).
    guard name.count <= 253, labels.allSatisfy(Self.isLabel), let last = labels.last, !Self.isNumber(last) else {
      throw .host(bytes)
    }
    self = .name(String(decoding: name.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self))
  }

  private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
    (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
      && label.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
      }
  }

  private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
    if label.allSatisfy({ (0x30...0x39).contains($0) }) { return true }
    guard label.count > 1, label.first == 0x30, label.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "x") else {
      return false
    }
    return label.dropFirst(2).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }
  }

  private static func address(_ bytes: [UInt8]) -> CertificateHost? {
    guard bytes.count < Int(INET6_ADDRSTRLEN), !bytes.contains(0) else { return nil }
    let text = bytes.map(CChar.init(bitPattern:)) + [0]
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var address = [UInt8](repeating: 0, count: count)
      guard inet_pton(family, text, &address) == 1 else { continue }
      var spelling = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      guard inet_ntop(family, address, &spelling, socklen_t(spelling.count)) != nil else { continue }
      let end = spelling.firstIndex(of: 0) ?? spelling.endIndex
      return .address(String(decoding: spelling[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self), address)
    }
    return nil
  }
}

/// What a client asks for in its first message (RFC 8446, section 4.1.2), as far as a proxy needs it to choose an upstream.
public struct ClientHello: Sendable, Equatable {
  /// The host's name of SNI (RFC 6066, section 3), in lower case; nil without the extension.
  public var serverName: String?
  /// What ALPN (RFC 7301) offers, in the client's order. Names that are not printable ASCII (GREASE, RFC 8701) are left out.
  public var protocols: [String]

  /// - Parameter body: the message without its four bytes of type and length.
  /// - Returns: nil if it is malformed.
  init?(body: [UInt8]) {
    var reader = ByteReader(body[...])
    // Version and random; then session, cipher suites and compression methods.
    guard reader.skip(2 + 32),
      let session = reader.vector8(), session.count <= 32,
      let suites = reader.vector16(), suites.count >= 2, suites.count.isMultiple(of: 2),
      let compressions = reader.vector8(), !compressions.isEmpty
    else { return nil }
    serverName = nil
    protocols = []
    // A client of TLS 1.2 may have no extensions at all.
    if reader.isEmpty { return }
    guard var extensions = reader.vector16().map(ByteReader.init), reader.isEmpty else { return nil }
    var hasNames = false
    var hasProtocols = false
    while !extensions.isEmpty {
      guard let type = extensions.uint16(), let content = extensions.vector16() else { return nil }
      switch type {
      case 0:
        guard !hasNames, let name = Self.serverName(content) else { return nil }
        hasNames = true
        serverName = name
      case 16:
        guard !hasProtocols, let offered = Self.protocols(content) else { return nil }
        hasProtocols = true
        protocols = offered
      default: break
      }
    }
  }

  private static func serverName(_ content: ArraySlice<UInt8>) -> String? {
    var reader = ByteReader(content)
    // A list, but only one name of each type is allowed, and there is but one type.
    guard var list = reader.vector16().map(ByteReader.init), reader.isEmpty,
      list.uint8() == 0, let name = list.vector16(), list.isEmpty, (1...255).contains(name.count)
    else { return nil }
    for byte in name {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        continue
      // Some clients send an IPv6 address, which RFC 6066 forbids.
      case UInt8(ascii: ":"): continue
      default: return nil
      }
    }
    return String(decoding: name, as: UTF8.self).lowercased()
  }

  private static func protocols(_ content: ArraySlice<UInt8>) -> [String]? {
    var reader = ByteReader(content)
    guard var list = reader.vector16().map(ByteReader.init), reader.isEmpty, !list.isEmpty else { return nil }
    var protocols: [String] = []
    while !list.isEmpty {
      guard let name = list.vector8(), !name.isEmpty else { return nil }
      if name.allSatisfy({ (0x21...0x7e).contains($0) }) { protocols.append(String(decoding: name, as: UTF8.self)) }
    }
    return protocols
  }
}

/// Reads TLS's presentation language (RFC 8446, section 3): numbers, and vectors after their length. Nothing is read past the end.
private struct ByteReader {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  var isEmpty: Bool { bytes.isEmpty }

  mutating func skip(_ count: Int) -> Bool { take(count) != nil }

  mutating func uint8() -> Int? { bytes.popFirst().map(Int.init) }

  mutating func uint16() -> Int? {
    guard let two = take(2) else { return nil }
    return Int(two[two.startIndex]) << 8 | Int(two[two.startIndex + 1])
  }

  mutating func vector8() -> ArraySlice<UInt8>? { uint8().flatMap { take($0) } }

  mutating func vector16() -> ArraySlice<UInt8>? { uint16().flatMap { take($0) } }

  private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard bytes.count >= count else { return nil }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }
}

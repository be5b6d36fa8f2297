import Glibc

/// A `sockaddr` as people write it.
enum SocketAddress {
  /// - Returns: nil if it is none of a known family.
  static func text(_ address: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard address.count >= 2, let base = address.baseAddress else { return nil }
    let family = Int32(UnsafeRawPointer(base).loadUnaligned(as: UInt16.self))
    switch family {
    case AF_UNIX:
      let path = address.dropFirst(2)
      // An address without a path in the file system begins with a NUL; ss(8) and others write it with an @.
      if path.first == 0 { return [UInt8(ascii: "@")] + Escaping.escape(path.dropFirst()) }
      return Escaping.escape(path.prefix { $0 != 0 })
    case AF_INET where address.count >= 8:
      return Array("\(host(family, base + 4)):\(port(base))".utf8)
    case AF_INET6 where address.count >= 24:
      return Array("[\(host(family, base + 8))]:\(port(base))".utf8)
    default: return nil
    }
  }

  private static func port(_ base: UnsafePointer<UInt8>) -> UInt16 { UInt16(base[2]) << 8 | UInt16(base[3]) }

  private static func host(_ family: Int32, _ bytes: UnsafePointer<UInt8>) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      guard inet_ntop(family, bytes, buffer.baseAddress!, socklen_t(buffer.count)) != nil else { return "?" }
      return String(cString: buffer.baseAddress!)
    }
  }
}

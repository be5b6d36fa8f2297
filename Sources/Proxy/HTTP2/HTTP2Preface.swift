/// What each side says first on a connection of HTTP/2 (RFC 9113, 3.4).
enum HTTP2Preface {
  private static let client = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  /// No method of HTTP/1.x begins so.
  private static let word = 5

  /// - Returns: whether all of it is there; nil if it is something else, or may be.
  static func clients(begins bytes: some Collection<UInt8>) -> Bool? {
    guard bytes.count >= word, zip(bytes, client).allSatisfy({ $0 == $1 }) else { return nil }
    return bytes.count >= client.count
  }

  /// Whether a server has sent SETTINGS, or begins to: some do before they hear of a client.
  static func mayBeServers(_ bytes: some Collection<UInt8>) -> Bool {
    let head = Array(bytes.prefix(9))
    // Length, type, flags and stream (RFC 9113, 4.1); a setting has six bytes, and nobody has a hundred of them.
    guard head.first ?? 0 == 0, head.dropFirst().first.map({ $0 < 3 }) ?? true else { return false }
    if head.count >= 3, (Int(head[1]) << 8 | Int(head[2])) % 6 != 0 { return false }
    return zip(head.dropFirst(3), [4, 0, 0, 0, 0, 0]).allSatisfy { $0 == $1 }
  }
}

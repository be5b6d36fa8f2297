/// What begins a push over git's own protocol (gitprotocol-pack(5)): a line whose length is told by four hexadecimal digits, and which names
/// the service.
enum GitPush {
  enum Verdict {
    case push, other
    /// It may yet be one.
    case open
  }

  static let service = Array("git-receive-pack".utf8)
  static let digits = 4
  /// What the guest's user reads, and the line at the end of the run.
  static let refusal = "pushing with git is refused; --allow-push lets it through"

  /// - Parameter bytes: the first ones of a conversation.
  static func verdict(_ bytes: some Collection<UInt8>) -> Verdict {
    for (place, byte) in bytes.prefix(digits + service.count).enumerated() {
      let fits = place < digits ? HTTPToken.hexadecimal([byte]) != nil : byte == service[place - digits]
      if !fits { return .other }
    }
    return bytes.count < digits + service.count ? .open : .push
  }

  /// The server's line to a client that is turned away.
  static var answer: [UInt8] {
    let line = "ERR uwrx: \(refusal)\n"
    let length = String(line.utf8.count + digits, radix: 16)
    return Array((String(repeating: "0", count: digits - length.utf8.count) + length + line).utf8)
  }

  /// Whether a request of HTTP's is part of a push (gitprotocol-http(5)): what it asks for, in whatever spelling, or what it brings.
  static func isPush(_ head: HTTPHead) -> Bool {
    let types = head.values(of: "content-type").map { HTTPToken.trimmed($0.prefix { $0 != UInt8(ascii: ";") }) }
    if types.contains(where: { HTTPToken.equals($0, "application/x-git-receive-pack-request") }) { return true }
    // Escapes make it longer, never shorter.
    if head.target.count < service.count { return false }
    let target = decoded(head.target)
    let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    // Whoever only reads such a page does not push: git's manual has one.
    let isRead = ["GET", "HEAD"].contains { head.method.elementsEqual($0.utf8) }
    let names = target[..<end].split(separator: UInt8(ascii: "/"))
    if !isRead, names.contains(where: { $0.elementsEqual(service) }) { return true }
    return target[end...].split(whereSeparator: { "?&;".utf8.contains($0) }).contains {
      $0.elementsEqual("service=".utf8 + service)
    }
  }

  /// Without `%hh`.
  private static func decoded(_ target: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = target
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2, let code = HTTPToken.hexadecimal(rest.prefix(2)) {
        result.append(UInt8(code))
        rest = rest.dropFirst(2)
      } else {
        result.append(byte)
      }
    }
    return result
  }
}

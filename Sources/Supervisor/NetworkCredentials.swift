import Glibc
import Skipping
import SystemPackage
import Tracing

/// A user's name and password for a host, from ~/.netrc or the file that NETRC names (the format is ftp's; curl's manual, "netrc").
struct NetworkCredentials: Equatable {
  var login = ""
  var password = ""

  private static let largest = 1 << 20

  /// As HTTP's Basic scheme has it (RFC 7617).
  var basic: String { "Basic " + Base64.text(Array("\(login):\(password)".utf8)) }

  /// - Throws: a message for the user if others may read the file.
  static func find(for host: String) throws(SkipCacheError) -> NetworkCredentials? {
    guard
      let path = getenv("NETRC").map({ String(cString: $0) }) ?? getenv("HOME").map({ String(cString: $0) + "/.netrc" })
    else { return nil }
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= largest else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    guard (try? FileDescriptor(rawValue: file).readFully(at: 0, into: &bytes)) == bytes.count,
      let found = parse(String(decoding: bytes, as: UTF8.self), host)
    else { return nil }
    guard status.st_mode & 0o077 == 0 else {
      throw SkipCacheError("others may read the password in \(path): chmod 600")
    }
    return found
  }

  /// - Returns: what the first entry that is for the host says, if it has a password.
  static func parse(_ text: String, _ host: String) -> NetworkCredentials? {
    var words = Words(text)
    var current: NetworkCredentials?
    func isFound() -> Bool { !(current?.password.isEmpty ?? true) }
    while let word = words.next() {
      switch word {
      case "machine":
        if isFound() { return current }
        current = words.next()?.lowercased() == host.lowercased() ? NetworkCredentials() : nil
      case "default":
        if isFound() { return current }
        current = NetworkCredentials()
      case "login": if let login = words.next() { current?.login = login }
      case "password": if let password = words.next() { current?.password = password }
      case "account": _ = words.next()
      case "macdef": words.skipMacro()
      default: break
      }
    }
    return isFound() ? current : nil
  }

  private struct Words {
    private var rest: Substring

    init(_ text: String) { rest = text[...] }

    mutating func next() -> String? {
      while true {
        rest = rest.drop { $0.isWhitespace }
        guard rest.hasPrefix("#") else { break }
        rest = rest.drop { !$0.isNewline }
      }
      guard let first = rest.first else { return nil }
      guard first == "\"" else {
        let word = rest.prefix { !$0.isWhitespace }
        rest = rest.dropFirst(word.count)
        return String(word)
      }
      rest.removeFirst()
      var word = ""
      while let character = rest.popFirst(), character != "\"" {
        word.append(character == "\\" ? rest.popFirst() ?? character : character)
      }
      return word
    }

    /// A macro ends with an empty line.
    mutating func skipMacro() {
      while !rest.isEmpty {
        rest = rest.drop { !$0.isNewline }.dropFirst()
        if rest.first?.isNewline == true { return }
      }
    }
  }
}

/// Where below a domain's directory what was downloaded from a path lies.
///
/// Unreserved and punctuation bytes of a URL (RFC 3986) and its `%HH` stand as they are, any other byte, and the dots of `.` and `..`, as
/// `%%hh`; case is kept. `%%` and a word is what a URL cannot have:
///
/// | name | for |
/// |---|---|
/// | `%%index` | a path that ends in a slash |
/// | `%%nothing` | an empty part, as in `a//b` |
/// | `…%%dir` | a directory whose name has a dot, or is one of the trace's own |
/// | `…%%file` | a file whose name has neither a dot nor a question mark, ends in `.git`, or is one of the trace's own |
/// | `…%%~` and a digest | a part of more than 255 bytes |
///
/// So `/lodash` and `/lodash/-/lodash-4.tgz` lie beside each other (`lodash%%file`, `lodash/-/lodash-4.tgz`), a directory `….git` is always a
/// mirror, and no two targets share a file.
public enum RecordedPath {
  /// Deeper paths are not kept as files.
  public static let deepest = 64
  /// The bytes of the longest path below the domain's directory: it and that of the trace are to fit into PATH_MAX (4,096).
  public static let longest = 3_072

  /// What lies in a domain's directory beside downloads.
  private static let own: Set<[UInt8]> = Set(
    ["requests", "ip4.txt", "ip6.txt", "cert.pem", "names.txt", "connections.txt", "streams"].flatMap { name in
      // And as it is called while it is written.
      [Array(name.utf8), Array(".\(name)".utf8)]
    })

  /// The names of the directories and of the file, from the domain's directory.
  /// - Parameter target: path and query as they stand in a request (origin-form, RFC 9112), with any secrets in the query already
  ///   replaced; a fragment has no place in it.
  /// - Returns: nil if it does not begin with a slash, or leads too deep.
  public static func components(target: [UInt8]) -> [[UInt8]]? {
    let end = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
    guard var parts = parts(target[..<end]) else { return nil }
    let last = parts.removeLast()
    var name = last.isEmpty ? mark("index") : encode(last)
    if end < target.count { name += [UInt8(ascii: "?")] + encode(target[(end + 1)...]) }
    let isPlain =
      (name.contains(UInt8(ascii: ".")) || name.contains(UInt8(ascii: "?")) || last.isEmpty)
      && !name.hasSuffix(".git") && !(parts.isEmpty && own.contains(name))
    let file = shortened(name, of: target[...], mark: isPlain ? nil : "file")
    return bounded(directories(parts) + [file])
  }

  /// The names of the directories of a repository's mirror, from the domain's directory; the last ends in `.git`.
  /// - Parameter path: that of the repository, with or without `.git`, without what the protocol adds to it.
  /// - Returns: nil if it names nothing, or leads too deep.
  public static func mirror(path: [UInt8]) -> [[UInt8]]? {
    var path = path[...]
    while path.last == UInt8(ascii: "/") { path.removeLast() }
    if path.hasSuffix(".git") { path = path.dropLast(4) }
    guard var parts = parts(path) else { return nil }
    let last = parts.removeLast()
    guard !last.isEmpty else { return nil }
    return bounded(directories(parts) + [shortened(encode(last), of: last, mark: nil, suffix: ".git")])
  }

  private static func parts(_ path: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    guard path.first == UInt8(ascii: "/") else { return nil }
    let parts = path.dropFirst().split(
      separator: UInt8(ascii: "/"), maxSplits: deepest, omittingEmptySubsequences: false)
    return parts.count > deepest ? nil : parts
  }

  private static func directories(_ parts: [ArraySlice<UInt8>]) -> [[UInt8]] {
    parts.enumerated().map { index, part in
      if part.isEmpty { return mark("nothing") }
      let name = encode(part)
      let isPlain = !name.contains(UInt8(ascii: ".")) && !(index == 0 && own.contains(name))
      return shortened(name, of: part, mark: isPlain ? nil : "dir")
    }
  }

  private static func bounded(_ components: [[UInt8]]) -> [[UInt8]]? {
    components.reduce(0) { $0 + $1.count + 1 } <= longest ? components : nil
  }

  private static func mark(_ word: String) -> [UInt8] { Array("%%\(word)".utf8) }

  private static func shortened(
    _ name: [UInt8], of source: ArraySlice<UInt8>, mark word: String?, suffix: String = ""
  ) -> [UInt8] {
    let tail = (word.map(mark) ?? []) + Array(suffix.utf8)
    if name.count + tail.count <= Domain.longestFileName { return name + tail }
    let digest = mark("~") + NameDigest.text(Array(source))
    return name.prefix(Domain.longestFileName - digest.count - tail.count) + digest + tail
  }

  /// - Returns: never empty for what is not, never `.` or `..`.
  private static func encode(_ part: ArraySlice<UInt8>) -> [UInt8] {
    let isDots = part.elementsEqual([0x2e]) || part.elementsEqual([0x2e, 0x2e])
    var result: [UInt8] = []
    result.reserveCapacity(part.count)
    var rest = part
    while let byte = rest.popFirst() {
      let isCode = byte == UInt8(ascii: "%") && rest.count >= 2 && Hexadecimal.number(rest.prefix(2)) != nil
      if isCode || isKept(byte) && !isDots {
        result.append(byte)
      } else {
        result += mark("") + Hexadecimal.digits(byte)
      }
    }
    return result
  }

  private static let punctuation = Set("-._~!$&'()*+,;=:@".utf8)

  private static func isKept(_ byte: UInt8) -> Bool { ASCII.isLetterOrDigit(byte) || punctuation.contains(byte) }
}

extension BidirectionalCollection<UInt8> {
  fileprivate func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}

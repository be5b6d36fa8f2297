/// A file of PEM certificates one after the other, as OpenSSL, GnuTLS, Go, curl and certifi read it. Text between them is
/// a comment to all of them.
public enum PEMBundle {
  /// The bundle with one more certificate at its end; a bundle that has it already comes back as it was.
  /// - Parameters:
  ///   - certificate: one PEM certificate, of lines that end in a line feed.
  ///   - comment: a line above it, without `#`.
  ///   - bundle: the whole file. Its line ends are kept, and used for what is added, too.
  public static func adding(
    _ certificate: [UInt8], comment: String = "uwrx: the certificate authority of this run", to bundle: [UInt8]
  ) throws(TrustStoreError) -> [UInt8] {
    guard bundle.count <= TrustStore.mostBytes else { throw .tooLarge(bytes: bundle.count) }
    guard !bundle.contains(0) else { throw .malformed("a PEM bundle has no byte 0") }
    // What follows a certificate that does not end would be taken for a part of it.
    if let begin = last("-----BEGIN ", in: bundle) {
      guard let end = last("-----END ", in: bundle), end > begin else {
        throw .malformed("the last certificate of a PEM bundle does not end")
      }
    }
    if contains(certificate, in: bundle) { return bundle }

    let lineEnd = self.lineEnd(of: bundle)
    var result = bundle
    if let end = bundle.last, end != newline { result += lineEnd }
    var added = Array("# ".utf8) + comment.utf8.filter { $0 >= 0x20 && $0 != 0x7f } + [newline] + certificate
    if added.last != newline { added.append(newline) }
    for byte in added where byte != carriageReturn {
      if byte == newline { result += lineEnd } else { result.append(byte) }
    }
    return result
  }

  /// Whether a bundle has a certificate, however its lines are broken.
  public static func contains(_ certificate: [UInt8], in bundle: [UInt8]) -> Bool {
    let wanted = withoutSpace(certificate)
    let present = withoutSpace(bundle)
    guard let first = wanted.first, present.count >= wanted.count else { return false }
    // The dashes of the armour are five at most in a row: a start that does not match is left after a few bytes.
    return (0...(present.count - wanted.count)).contains { start in
      present[start] == first && present[start..<(start + wanted.count)].elementsEqual(wanted)
    }
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private static func lineEnd(of bundle: [UInt8]) -> [UInt8] {
    guard let end = bundle.firstIndex(of: newline), end > 0, bundle[end - 1] == carriageReturn else {
      return [newline]
    }
    return [carriageReturn, newline]
  }

  private static func withoutSpace(_ bytes: [UInt8]) -> [UInt8] {
    bytes.filter { $0 != newline && $0 != carriageReturn && $0 != 0x20 && $0 != 0x09 }
  }

  private static func last(_ text: String, in bytes: [UInt8]) -> Int? {
    let wanted = Array(text.utf8)
    guard bytes.count >= wanted.count else { return nil }
    return (0...(bytes.count - wanted.count)).last { start in
      bytes[start] == wanted[0] && bytes[start..<(start + wanted.count)].elementsEqual(wanted)
    }
  }
}

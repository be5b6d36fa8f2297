/// Which files are trust stores, told by name and first bytes.
public enum TrustStore {
  /// The formats to which a certificate can be added.
  public enum Kind: Equatable, Sendable {
    /// PEM certificates one after the other: ``PEMBundle``.
    case pemBundle
    /// Java's own format before Java 9 (JKS, also JCEKS, which is refused when a certificate is added).
    case javaKeyStore
    /// PKCS #12 as Java 9 and later write it.
    case pkcs12
  }

  /// The largest store that is read. Debian's bundle has 0.2 MB, its keystore the same.
  public static let mostBytes = 64 << 20

  /// How many first bytes ``kind(ofPath:contents:bundles:)`` looks at.
  public static let prefixBytes = 4096

  /// Whether a file of this name can be a trust store: for the most of all opens, an answer by the last component alone.
  /// - Parameters:
  ///   - path: absolute, as the guest sees it; symbolic links followed or not.
  ///   - bundles: paths that the user's own variables name (``TrustVariable/namesFile``).
  public static func isCandidate(path: [UInt8], bundles: [[UInt8]] = []) -> Bool {
    let start = path.lastIndex(of: 0x2f).map { $0 + 1 } ?? 0
    let name = path[start...]
    if keyStoreNames.contains(where: { name.elementsEqual($0.utf8) }) { return true }
    return TrustStorePaths.bundles.contains { path.elementsEqual($0.utf8) }
      || TrustStorePaths.bundleSuffixes.contains { suffix($0, ends: path) } || bundles.contains(path)
  }

  /// Which function adds a certificate to a file.
  /// - Parameters:
  ///   - path: absolute, as the guest sees it; symbolic links followed or not.
  ///   - contents: the file, or its first ``prefixBytes`` bytes.
  ///   - bundles: paths that the user's own variables name (``TrustVariable/namesFile``).
  /// - Returns: nil for a file that is no trust store.
  public static func kind(ofPath path: [UInt8], contents: [UInt8], bundles: [[UInt8]] = []) -> Kind? {
    guard isCandidate(path: path, bundles: bundles) else { return nil }
    let head = contents.prefix(prefixBytes)
    if head.starts(with: [0xfe, 0xed, 0xfe, 0xed]) || head.starts(with: [0xce, 0xce, 0xce, 0xce]) {
      return .javaKeyStore
    }
    if isPKCS12(head) { return .pkcs12 }
    // An empty bundle is one, and a JDK's is never PEM.
    let start = path.lastIndex(of: 0x2f).map { $0 + 1 } ?? 0
    if keyStoreNames.contains(where: { path[start...].elementsEqual($0.utf8) }) { return nil }
    return head.contains(0) ? nil : .pemBundle
  }

  /// The names that Java's lib/security has (jssecacerts is asked first) and the one that p11-kit extracts on SUSE.
  private static let keyStoreNames: [StaticName] = ["cacerts", "jssecacerts", "java-cacerts"].map(StaticName.init)

  /// A SEQUENCE that begins with the INTEGER 3 (RFC 7292, section 4: PFX).
  private static func isPKCS12(_ head: ArraySlice<UInt8>) -> Bool {
    guard head.count >= 2, head.first == 0x30 else { return false }
    let length = head[head.startIndex + 1]
    // 0x80 begins BER of indefinite length, which is recognised and then refused with its name.
    let after = length > 0x80 ? Int(length & 0x7f) : 0
    return after <= 4 && head.dropFirst(2 + after).starts(with: [2, 1, 3])
  }

  /// Whether a path ends with whole components.
  private static func suffix(_ suffix: StaticName, ends path: [UInt8]) -> Bool {
    let name = suffix.utf8
    guard path.count > name.count, path[path.count - name.count - 1] == 0x2f else { return false }
    return path[(path.count - name.count)...].elementsEqual(name)
  }
}

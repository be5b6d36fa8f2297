import TrustStores

/// Java's own keystore (JKS), as java.security's JavaKeyStore reads and writes it: Debian's /etc/ssl/certs/java/cacerts.
/// All numbers are big-endian; a name is its length in two bytes and Java's UTF-8.
///
///     magic fe ed fe ed, version, number of entries
///     entry: tag, alias, date, and of a trusted certificate (2) the certificate,
///            of a private key (1) the key and a chain of certificates
///     SHA-1 of the password in UTF-16, "Mighty Aphrodite" and all before
public enum JavaKeyStore {
  private static let magic: [UInt8] = [0xfe, 0xed, 0xfe, 0xed]
  private static let extendedMagic: [UInt8] = [0xce, 0xce, 0xce, 0xce]
  private static let headerBytes = 12
  private static let digestBytes = 20

  /// The store with one more trusted certificate; a store that trusts it already comes back as it was.
  /// - Parameters:
  ///   - certificate: in DER.
  ///   - alias: the entry's name, in lower case, of which Java keeps the last. At most 1000 bytes.
  ///   - date: when it was added, in milliseconds since 1970.
  ///   - store: the whole file.
  ///   - password: the one that the file's digest was made with.
  public static func adding(
    _ certificate: [UInt8], alias: String, date: Int64 = 0, to store: [UInt8], password: String = "changeit"
  ) throws(TrustStoreError) -> [UInt8] {
    precondition(alias.utf8.count <= 1000 && alias.utf8.allSatisfy { (1..<0x80).contains($0) })
    guard store.count <= TrustStore.mostBytes else { throw .tooLarge(bytes: store.count) }
    if store.starts(with: extendedMagic) { throw .unsupported("the format JCEKS") }
    guard store.starts(with: magic), store.count >= headerBytes + digestBytes else { throw .malformed("no JKS") }
    let end = store.count - digestBytes
    guard digest(store[..<end], password) == Array(store[end...]) else { throw .password }

    var reader = Reader(rest: store[4..<end])
    let version = try reader.number()
    guard version == 1 || version == 2 else { throw .unsupported("version \(version) of JKS") }
    let count = try reader.number()
    guard count < Int(Int32.max) else { throw .malformed("the number of entries") }
    var trusted = false
    for _ in 0..<count {
      if try reader.entry(version: version).elementsEqual(certificate) { trusted = true }
    }
    guard reader.rest.isEmpty else { throw .malformed("there is something behind the entries") }
    if trusted { return store }

    var result = Array(store[..<8]) + bytes(UInt32(count + 1)) + store[headerBytes..<end]
    result += bytes(UInt32(2)) + name(alias) + bytes(UInt64(bitPattern: date))
    if version == 2 { result += name("X.509") }
    result += bytes(UInt32(certificate.count)) + certificate
    return result + digest(result[...], password)
  }

  private static func digest(_ contents: ArraySlice<UInt8>, _ password: String) -> [UInt8] {
    let secret = password.utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    return Library.sha1(secret + "Mighty Aphrodite".utf8 + contents)
  }

  private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  private static func name(_ name: String) -> [UInt8] { bytes(UInt16(name.utf8.count)) + name.utf8 }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func take(_ count: Int) throws(TrustStoreError) -> ArraySlice<UInt8> {
      guard count <= rest.count else { throw .malformed("an entry is cut off") }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }

    mutating func number(bytes: Int = 4) throws(TrustStoreError) -> Int {
      try take(bytes).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func name() throws(TrustStoreError) { _ = try take(number(bytes: 2)) }

    mutating func certificate(version: Int) throws(TrustStoreError) -> ArraySlice<UInt8> {
      if version == 2 { try name() }
      return try take(number())
    }

    /// One entry: the certificate of a trusted one, nothing of a key's.
    mutating func entry(version: Int) throws(TrustStoreError) -> ArraySlice<UInt8> {
      let tag = try number()
      try name()
      _ = try take(8)
      switch tag {
      case 1:
        _ = try take(number())
        for _ in 0..<(try number()) { _ = try certificate(version: version) }
        return []
      case 2: return try certificate(version: version)
      default: throw .malformed("an entry of kind \(tag)")
      }
    }
  }
}

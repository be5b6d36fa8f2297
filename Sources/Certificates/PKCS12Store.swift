import COpenSSL
import TrustStores

/// A store of trusted certificates in PKCS #12 (RFC 7292), as keytool of Java 9 and later writes it, and without a
/// password as the JDK since 18, p11-kit and distributions make theirs.
///
/// What the store has stays as it is, byte by byte. Ours comes after it in a part of its own that is not encrypted, and
/// the store's own code of authentication, where it has one, is made anew with its own parameters.
public enum PKCS12Store {
  /// The most rounds of key derivation for one store: hostile numbers would take hours. Java's are 10,000 for each part.
  static let mostIterations = 1_000_000

  /// The store with one more trusted certificate; a store that trusts it already comes back as it was.
  /// - Parameters:
  ///   - certificate: in DER.
  ///   - alias: the entry's name, in lower case, of which Java keeps the last.
  ///   - store: the whole file, in DER.
  ///   - password: of the code of authentication and the encrypted parts; nothing is asked of it where there are none.
  public static func adding(
    _ certificate: [UInt8], alias: String, to store: [UInt8], password: String = "changeit"
  ) throws(TrustStoreError) -> [UInt8] {
    guard store.count <= TrustStore.mostBytes else { throw .tooLarge(bytes: store.count) }
    var outer = DERReader(store)
    var parts = try outer.next(0x30, "the store").reader
    guard outer.isAtEnd else { throw .malformed("there is something behind the store") }
    let version = try parts.next(0x02, "the version")
    guard version.number == 3 else { throw .unsupported("another version of PKCS #12 than 3") }
    let safe = try contents(of: parts.next(0x30, "the authenticated safe"))
    var budget = mostIterations
    let code = parts.isAtEnd ? nil : try PKCS12Code(parts.next(0x30, "the code of authentication"), &budget)
    guard parts.isAtEnd else { throw .malformed("there is something behind the code of authentication") }
    if let code { try code.verify(safe, password) }

    var list = DERReader(safe)
    let bags = try list.next(0x30, "the list of contents")
    guard list.isAtEnd else { throw .malformed("there is something behind the list of contents") }
    var each = bags.reader
    while !each.isAtEnd {
      if try PKCS12Bags.trusts(certificate, each.next(0x30, "a content"), password, &budget) { return store }
    }

    let added = content(DER.sequence(PKCS12Bags.bag(certificate, alias: alias)))
    let newSafe = DER.element(0x30, Array(bags.content) + added)
    return DER.sequence(
      Array(version.whole), content(newSafe),
      try code.map { code throws(TrustStoreError) in
        try code.resealed(newSafe, password)
      } ?? [])
  }

  /// ContentInfo of data that is not encrypted.
  private static func content(_ data: [UInt8]) -> [UInt8] {
    DER.sequence(DER.object(ObjectIdentifier.data), DER.explicit(0, DER.octets(data)))
  }

  /// The bytes of such a ContentInfo.
  private static func contents(of element: DERReader.Element) throws(TrustStoreError) -> ArraySlice<UInt8> {
    var reader = element.reader
    guard try reader.next(0x06, "the kind of content").content.elementsEqual(ObjectIdentifier.data) else {
      throw .unsupported("a signature instead of a password")
    }
    var explicit = try reader.next(0xa0, "the content").reader
    return try explicit.next(0x04, "the content's bytes").content
  }
}

/// The code of authentication of a store (RFC 7292, section 4: MacData).
private struct PKCS12Code {
  /// Digest functions by the bytes of their identifiers.
  private static let digests: [(identifier: [UInt8], name: String)] = [
    ([0x2b, 0x0e, 0x03, 0x02, 0x1a], "SHA1"),  // 1.3.14.3.2.26
    ([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], "SHA256"),  // 2.16.840.1.101.3.4.2.1
    ([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], "SHA384"),
    ([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], "SHA512"),
    ([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04], "SHA224"),
  ]

  private let algorithm: ArraySlice<UInt8>
  private let digest: String
  private let value: ArraySlice<UInt8>
  private let salt: ArraySlice<UInt8>
  private let iterationElement: ArraySlice<UInt8>
  private let iterations: Int

  /// - Parameter budget: how many rounds may be made; those of two keys, one to look and one to seal, are taken from it.
  init(_ element: DERReader.Element, _ budget: inout Int) throws(TrustStoreError) {
    var reader = element.reader
    var info = try reader.next(0x30, "the digest").reader
    let algorithm = try info.next(0x30, "the digest's algorithm")
    self.algorithm = algorithm.whole
    var fields = algorithm.reader
    let identifier = try fields.next(0x06, "the digest's name").content
    guard let known = Self.digests.first(where: { identifier.elementsEqual($0.identifier) }) else {
      throw .unsupported("a code of authentication of a kind that is not known (not RFC 7292's)")
    }
    digest = known.name
    value = try info.next(0x04, "the digest's value").content
    salt = try reader.next(0x04, "the salt").content
    guard salt.count <= 1024 else { throw .malformed("the salt is too long") }
    if reader.isAtEnd {
      (iterationElement, iterations) = ([], 1)
    } else {
      let element = try reader.next(0x02, "the number of rounds")
      guard let number = element.number, number > 0 else { throw .malformed("the number of rounds") }
      (iterationElement, iterations) = (element.whole, number)
    }
    guard iterations <= budget / 2 else { throw .unsupported("more than \(PKCS12Store.mostIterations) rounds") }
    budget -= 2 * iterations
  }

  func verify(_ contents: ArraySlice<UInt8>, _ password: String) throws(TrustStoreError) {
    guard try code(Array(contents), password).elementsEqual(value) else { throw .password }
  }

  /// MacData for other contents.
  func resealed(_ contents: [UInt8], _ password: String) throws(TrustStoreError) -> [UInt8] {
    DER.sequence(
      DER.sequence(Array(algorithm), DER.octets(try code(contents, password))), DER.octets(Array(salt)),
      Array(iterationElement))
  }

  private func code(_ contents: [UInt8], _ password: String) throws(TrustStoreError) -> [UInt8] {
    defer { ERR_clear_error() }
    let salt = Array(salt)
    var key = [UInt8](repeating: 0, count: 64)
    var code = [UInt8](repeating: 0, count: 64)
    var length: UInt32 = 0
    var mutableSalt = salt
    guard let function = EVP_get_digestbyname(digest) else { throw .unsupported("the digest \(digest)") }
    let size = EVP_MD_get_size(function)
    guard
      PKCS12_key_gen_utf8(
        password, Int32(password.utf8.count), &mutableSalt, Int32(salt.count), PKCS12_MAC_ID, Int32(iterations), size,
        &key, function) == 1,
      HMAC(function, key, size, contents, contents.count, &code, &length) != nil
    else { throw .unsupported("a code of authentication that OpenSSL does not make") }
    return Array(code.prefix(Int(length)))
  }
}

import COpenSSL
import TrustStores

/// The entries of a PKCS #12 store (RFC 7292, section 4.2: SafeBag).
enum PKCS12Bags {
  /// A trusted certificate as keytool writes one: Java takes a certificate without the attribute for a part of a key's
  /// chain, and with it for whatever purpose the attribute names.
  static func bag(_ certificate: [UInt8], alias: String) -> [UInt8] {
    let name = alias.utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    return DER.sequence(
      DER.object(ObjectIdentifier.certificateBag),
      DER.explicit(
        0,
        DER.sequence(DER.object(ObjectIdentifier.x509Certificate), DER.explicit(0, DER.octets(certificate)))),
      DER.set(
        DER.sequence(DER.object(ObjectIdentifier.friendlyName), DER.set(DER.element(0x1e, name))),
        DER.sequence(
          DER.object(ObjectIdentifier.trustedKeyUsage), DER.set(DER.object(ObjectIdentifier.anyExtendedKeyUsage)))))
  }

  /// Whether a part of a store (ContentInfo) has a certificate as a trusted one. A part that is encrypted in a way that
  /// this OpenSSL or this password does not open counts as not having it.
  static func trusts(
    _ certificate: [UInt8], _ content: DERReader.Element, _ password: String, _ budget: inout Int
  ) throws(TrustStoreError) -> Bool {
    var reader = content.reader
    let kind = try reader.next(0x06, "the kind of content").content
    if kind.elementsEqual(ObjectIdentifier.data) {
      var explicit = try reader.next(0xa0, "the content").reader
      return try trusts(certificate, bags: explicit.next(0x04, "the content's bytes").content)
    }
    guard kind.elementsEqual(ObjectIdentifier.encryptedData) else { return false }
    guard let bags = try decrypted(reader, password, &budget) else { return false }
    // A wrong key gives noise that was padded by chance.
    return (try? trusts(certificate, bags: bags[...])) ?? false
  }

  private static func trusts(
    _ certificate: [UInt8], bags: ArraySlice<UInt8>
  ) throws(TrustStoreError) -> Bool {
    var list = DERReader(bags)
    var reader = try list.next(0x30, "the list of entries").reader
    while !reader.isAtEnd {
      var bag = try reader.next(0x30, "an entry").reader
      let kind = try bag.next(0x06, "the kind of entry").content
      let value = try bag.next(0xa0, "the entry's value")
      guard kind.elementsEqual(ObjectIdentifier.certificateBag), !bag.isAtEnd else { continue }
      var attributes = try bag.next(0x31, "the entry's attributes").reader
      var isTrusted = false
      while !attributes.isAtEnd {
        var attribute = try attributes.next(0x30, "an attribute").reader
        let name = try attribute.next(0x06, "the attribute's name").content
        if name.elementsEqual(ObjectIdentifier.trustedKeyUsage) { isTrusted = true }
      }
      guard isTrusted else { continue }
      var outer = value.reader
      var inner = try outer.next(0x30, "a certificate's entry").reader
      _ = try inner.next(0x06, "the kind of certificate")
      var explicit = try inner.next(0xa0, "a certificate").reader
      if try explicit.next(0x04, "a certificate's bytes").content.elementsEqual(certificate) { return true }
    }
    return false
  }

  /// The bytes of EncryptedData (RFC 2315, section 13); nil where they cannot be decrypted.
  private static func decrypted(
    _ content: DERReader, _ password: String, _ budget: inout Int
  ) throws(TrustStoreError) -> [UInt8]? {
    var reader = content
    var explicit = try reader.next(0xa0, "the encrypted content").reader
    var data = try explicit.next(0x30, "the encrypted data").reader
    _ = try data.next(0x02, "the encrypted data's version")
    var info = try data.next(0x30, "the encrypted content").reader
    _ = try info.next(0x06, "the kind of encrypted content")
    let algorithm = try info.next(0x30, "the cipher")
    guard !info.isAtEnd else { return nil }
    let secret = try info.next(nil, "the encrypted bytes")
    // [0] IMPLICIT OCTET STRING; one of several parts is BER.
    guard secret.tag == 0x80 else { throw .unsupported("encrypted bytes in parts (BER)") }

    // Each key and vector that a cipher's parameters ask for costs so many rounds.
    guard let rounds = greatestNumber(in: algorithm), rounds <= budget / 2 else {
      throw .unsupported("a key that takes too long to derive")
    }
    budget -= 2 * rounds
    return decrypted(algorithm.whole, secret.content, password)
  }

  private static func decrypted(
    _ algorithm: ArraySlice<UInt8>, _ secret: ArraySlice<UInt8>, _ password: String
  ) -> [UInt8]? {
    defer { ERR_clear_error() }
    let cipher = Array(algorithm).withUnsafeBufferPointer { buffer in
      var next = buffer.baseAddress
      return d2i_X509_ALGOR(nil, &next, buffer.count)
    }
    guard let cipher else { return nil }
    defer { X509_ALGOR_free(cipher) }
    var opened: UnsafeMutablePointer<UInt8>?
    var count: Int32 = 0
    let bytes = Array(secret)
    let result = PKCS12_pbe_crypt(
      cipher, password, Int32(password.utf8.count), bytes, Int32(bytes.count), &opened, &count, 0)
    guard result != nil, let opened else { return nil }
    defer { CRYPTO_free(opened, nil, 0) }
    return Array(UnsafeBufferPointer(start: opened, count: Int(count)))
  }

  /// The greatest INTEGER of a cipher's parameters, among which the number of rounds is; nil for what is no number.
  private static func greatestNumber(in element: DERReader.Element) -> Int? {
    var greatest = 0
    var open = [element.reader]
    // PBES2's parameters are five sequences deep.
    while var reader = open.popLast() {
      while !reader.isAtEnd {
        guard let next = try? reader.next(nil, "a parameter"), open.count < 32 else { return nil }
        // Its three numbers multiply, and no Java writes it.
        if next.tag == 0x06 && next.content.elementsEqual(ObjectIdentifier.scrypt) { return nil }
        if next.tag == 0x30 { open.append(next.reader) }
        if next.tag == 0x02 {
          guard let number = next.number else { return nil }
          greatest = max(greatest, number)
        }
      }
    }
    return greatest
  }
}

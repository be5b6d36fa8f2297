/// Distinguished encoding rules (X.690): what certificates are written in. Each function returns a whole element.
enum DER {
  static let null: [UInt8] = [0x05, 0x00]
  static let yes: [UInt8] = [0x01, 0x01, 0xff]

  static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    if content.count < 0x80 {
      length = [UInt8(content.count)]
    } else {
      var rest = content.count
      while rest > 0 {
        length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + content
  }

  static func sequence(_ parts: [UInt8]...) -> [UInt8] { element(0x30, Array(parts.joined())) }
  /// Of a SET OF the elements are in the order of their bytes.
  static func set(_ parts: [UInt8]...) -> [UInt8] {
    element(0x31, Array(parts.sorted { $0.lexicographicallyPrecedes($1) }.joined()))
  }
  /// A constructed element of a tag of the context's own.
  static func explicit(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { element(0xa0 | number, content) }
  static func octets(_ content: [UInt8]) -> [UInt8] { element(0x04, content) }
  /// A BIT STRING of whole bytes, or with bits of the last one unused.
  static func bits(_ content: [UInt8], unused: UInt8 = 0) -> [UInt8] { element(0x03, [unused] + content) }
  /// A number of big-endian bytes that is not negative.
  static func integer(_ magnitude: [UInt8]) -> [UInt8] {
    let digits = Array(magnitude.drop { $0 == 0 })
    return element(0x02, (digits.first ?? 0x80) >= 0x80 ? [0] + digits : digits)
  }
  static func utf8(_ text: String) -> [UInt8] { element(0x0c, Array(text.utf8)) }
  /// "YYMMDDHHMMSSZ", of years from 1950 to 2049.
  static func utcTime(_ text: String) -> [UInt8] { element(0x17, Array(text.utf8)) }
  static func object(_ content: [UInt8]) -> [UInt8] { element(0x06, content) }
}

/// Object identifiers, as the bytes of their elements.
enum ObjectIdentifier {
  static let commonName: [UInt8] = [0x55, 0x04, 0x03]  // 2.5.4.3
  static let subjectKeyIdentifier: [UInt8] = [0x55, 0x1d, 0x0e]  // 2.5.29.14
  static let keyUsage: [UInt8] = [0x55, 0x1d, 0x0f]  // 2.5.29.15
  static let subjectAlternativeName: [UInt8] = [0x55, 0x1d, 0x11]  // 2.5.29.17
  static let basicConstraints: [UInt8] = [0x55, 0x1d, 0x13]  // 2.5.29.19
  static let authorityKeyIdentifier: [UInt8] = [0x55, 0x1d, 0x23]  // 2.5.29.35
  static let extendedKeyUsage: [UInt8] = [0x55, 0x1d, 0x25]  // 2.5.29.37
  static let anyExtendedKeyUsage: [UInt8] = [0x55, 0x1d, 0x25, 0x00]  // 2.5.29.37.0
  static let serverAuthentication: [UInt8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]  // 1.3.6.1.5.5.7.3.1
  static let ecPublicKey: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]  // 1.2.840.10045.2.1
  static let p256: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]  // 1.2.840.10045.3.1.7
  static let ecdsaWithSHA256: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]  // 1.2.840.10045.4.3.2
  static let data: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]  // 1.2.840.113549.1.7.1
  static let encryptedData: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06]  // 1.2.840.113549.1.7.6
  static let friendlyName: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14]  // 1.2.840.113549.1.9.20
  static let x509Certificate: [UInt8] = friendlyName.dropLast() + [0x16, 0x01]  // 1.2.840.113549.1.9.22.1
  static let certificateBag: [UInt8] =  // 1.2.840.113549.1.12.10.1.3
    [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03]
  static let scrypt: [UInt8] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b]  // 1.3.6.1.4.1.11591.4.11
  /// What makes an entry of a PKCS #12 store a trusted one to Java.
  static let trustedKeyUsage: [UInt8] =  // 2.16.840.1.113894.746875.1.1
    [0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01]
}

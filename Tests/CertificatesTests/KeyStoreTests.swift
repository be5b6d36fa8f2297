import Foundation
import Testing

@testable import Certificates
@testable import TrustStores

/// Keystores, as keytool and a Java client see them.
@Suite("Java's keystores")
struct KeyStoreTests {
  private let directory: TemporaryDirectory
  private let authority: CertificateAuthority

  init() throws {
    directory = try TemporaryDirectory()
    authority = try CertificateAuthority(seed: Samples.seed)
  }

  private func add(_ format: Stores.Format, to store: [UInt8], password: String = "changeit") throws -> [UInt8] {
    format == .jks
      ? try JavaKeyStore.adding(authority.der, alias: "uwrx", to: store, password: password)
      : try PKCS12Store.adding(authority.der, alias: "uwrx", to: store, password: password)
  }

  private func list(_ store: String) throws -> String {
    try Java.keytool.output(["-list", "-keystore", store, "-storepass", "changeit"], in: directory)
  }

  @Test(
    "have the authority as a trusted entry, beside what they had", .enabled(if: Java.keytool.isWanted),
    arguments: Stores.Format.allCases)
  func added(_ format: Stores.Format) throws {
    try Stores.makeKeyStore("store", format: format, in: directory)
    let before = try directory.read("store")
    let after = try add(format, to: before)
    #expect(try add(format, to: after) == after)
    #expect(after.count > before.count && after.count < before.count + 2000)
    try directory.write(after, "store")
    let listed = try list("store")
    #expect(listed.contains("uwrx, ") && listed.components(separatedBy: "trustedCertEntry").count >= 2, "\(listed)")
    // What openssl exports has no attribute of Java's: no entry of its own before, and none afterwards.
    let hadEntry = format != .openssl && format != .opensslPasswordless
    #expect(listed.contains("first, ") == hadEntry, "\(listed)")
    let exported = try Java.keytool.output(
      ["-exportcert", "-rfc", "-alias", "uwrx", "-keystore", "store", "-storepass", "changeit"], in: directory)
    #expect(PEMBundle.contains(authority.pem, in: Array(exported.utf8)))
  }

  @Test(
    "that keytool has written again are known to have it", .enabled(if: Java.keytool.isWanted),
    arguments: [
      Stores.Format.jks, .pkcs12, .passwordless,
    ])
  func rewritten(_ format: Stores.Format) throws {
    try directory.write(authority.pem, "ca.pem")
    try Stores.makeKeyStore("store", format: format, in: directory)
    var arguments = [
      "-importcert", "-noprompt", "-alias", "mine", "-file", "ca.pem", "-keystore", "store", "-storepass", "changeit",
    ]
    if format == .passwordless {
      arguments += ["-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"]
    }
    try Java.keytool.output(arguments, in: directory)
    let store = try directory.read("store")
    #expect(try add(format, to: store) == store)
  }

  @Test("with a private key keep it", .enabled(if: Java.keytool.isWanted), arguments: ["JKS", "PKCS12"])
  func privateKey(_ type: String) throws {
    try Java.keytool.output(
      [
        "-genkeypair", "-alias", "mine", "-keyalg", "EC", "-dname", "CN=mine", "-keystore", "store", "-storetype", type,
        "-storepass", "changeit", "-keypass", "changeit",
      ], in: directory)
    try directory.write(add(type == "JKS" ? .jks : .pkcs12, to: directory.read("store")), "store")
    let listed = try list("store")
    #expect(listed.contains("PrivateKeyEntry") && listed.contains("trustedCertEntry"), "\(listed)")
    // The key opens with its password.
    try Java.keytool.output(
      ["-certreq", "-alias", "mine", "-keystore", "store", "-storepass", "changeit", "-keypass", "changeit"],
      in: directory)
  }

  @Test("make a Java client trust a server", .enabled(if: Java.tool.isWanted), arguments: Stores.Format.allCases)
  func client(_ format: Stores.Format) throws {
    try Stores.makeKeyStore("before", format: format, in: directory)
    try directory.write(add(format, to: directory.read("before")), "after")
    let leaf = try authority.leaf(for: "localhost")
    let server = try TLSServer(
      address: "127.0.0.1", chain: directory.write(leaf.chain, "chain.pem"), key: directory.write(leaf.key, "key.pem"),
      in: directory)
    let url = "https://localhost:\(server.port)/index"
    for (store, password, trusts) in [("after", "changeit", true), ("after", nil, true), ("before", "changeit", false)]
    {
      let outcome = try Java.get(url, store: "\(directory.path)/\(store)", password: password, in: directory)
      #expect((outcome.status == 0) == trusts, "\(store) \(password ?? "-"): \(outcome.text)")
    }
  }

  @Test("of the distribution", .enabled(if: access("/etc/ssl/certs/java/cacerts", R_OK) == 0 && Java.keytool.isWanted))
  func system() throws {
    let store = [UInt8](try Data(contentsOf: URL(filePath: "/etc/ssl/certs/java/cacerts")))
    let kind = TrustStore.kind(ofPath: Array("/etc/ssl/certs/java/cacerts".utf8), contents: store)
    try directory.write(add(kind == .javaKeyStore ? .jks : .pkcs12, to: store), "store")
    let listed = try list("store")
    #expect(listed.contains("uwrx, "))
    #expect(listed.components(separatedBy: "trustedCertEntry").count > 50)
  }

  @Test(
    "of JKS's first version, which names no kinds of certificates, are written so", .enabled(if: Java.keytool.isWanted))
  func firstVersion() throws {
    let empty = TrustStoreSamples.sealed([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 1, 0, 0, 0, 0])
    try directory.write(add(.jks, to: empty), "store")
    let listed = try list("store")
    #expect(listed.contains("uwrx, ") && listed.contains("trustedCertEntry"), "\(listed)")
  }

  @Test("of another password, another format, or cut off are refused by name")
  func refused() throws {
    try Stores.makeKeyStore("jks", format: .jks, in: directory)
    try Stores.makeKeyStore("pkcs12", format: .pkcs12, in: directory)
    let jks = try directory.read("jks")
    let pkcs12 = try directory.read("pkcs12")
    for (format, store) in [(Stores.Format.jks, jks), (.pkcs12, pkcs12)] {
      #expect(throws: TrustStoreError.password) { try add(format, to: store, password: "other") }
      #expect(throws: TrustStoreError.password) { try add(format, to: store, password: "") }
      for length in [0, 1, 4, 11, 12, 31, 40, store.count - 1] {
        #expect(throws: TrustStoreError.self) { try add(format, to: Array(store.prefix(length))) }
      }
      #expect(throws: TrustStoreError.self) { try add(format, to: store + [0]) }
      #expect(throws: TrustStoreError.tooLarge(bytes: TrustStore.mostBytes + 1)) {
        try add(format, to: [UInt8](repeating: 0x30, count: TrustStore.mostBytes + 1))
      }
    }
    #expect(throws: TrustStoreError.unsupported("the format JCEKS")) {
      try add(.jks, to: [0xce, 0xce, 0xce, 0xce] + jks.dropFirst(4))
    }
    #expect(throws: TrustStoreError.unsupported("version 3 of JKS")) {
      try add(.jks, to: TrustStoreSamples.sealed([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 3, 0, 0, 0, 0]))
    }
    // More entries are promised than there are.
    #expect(throws: TrustStoreError.malformed("an entry is cut off")) {
      try add(.jks, to: TrustStoreSamples.sealed([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0x7f, 0xff, 0xff, 0xfe]))
    }
    // Indefinite lengths.
    #expect(throws: TrustStoreError.unsupported("the store of indefinite length (BER)")) {
      try add(.pkcs12, to: [0x30, 0x80, 2, 1, 3])
    }
  }

  /// Stores that would keep a processor for hours.
  @Test("that ask for too many rounds are refused", arguments: [600_000, 1 << 30])
  func rounds(_ rounds: Int) throws {
    let number = DER.integer([
      UInt8(rounds >> 24 & 255), UInt8(rounds >> 16 & 255), UInt8(rounds >> 8 & 255), UInt8(rounds & 255),
    ])
    let empty = DER.sequence(DER.object(ObjectIdentifier.data), DER.explicit(0, DER.octets(DER.sequence())))
    let sha256 = DER.sequence(DER.object([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]), DER.null)
    let code = DER.sequence(
      DER.sequence(sha256, DER.octets([UInt8](repeating: 0, count: 32))), DER.octets([1]), number)
    let message = "more than \(PKCS12Store.mostIterations) rounds"
    #expect(throws: TrustStoreError.unsupported(message)) {
      try add(.pkcs12, to: DER.sequence(DER.integer([3]), empty, code))
    }

    // pbeWithSHAAnd3-KeyTripleDES-CBC
    let cipher = DER.sequence(
      DER.object([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03]), DER.sequence(DER.octets([1]), number))
    let secret = DER.sequence(
      DER.object(ObjectIdentifier.data), cipher, DER.element(0x80, [UInt8](repeating: 0, count: 8)))
    let encrypted = DER.sequence(
      DER.object(ObjectIdentifier.encryptedData), DER.explicit(0, DER.sequence(DER.integer([0]), secret)))
    let safe = DER.sequence(DER.object(ObjectIdentifier.data), DER.explicit(0, DER.octets(DER.sequence(encrypted))))
    #expect(throws: TrustStoreError.unsupported("a key that takes too long to derive")) {
      try add(.pkcs12, to: DER.sequence(DER.integer([3]), safe))
    }
  }
}

enum TrustStoreSamples {
  /// A JKS with the digest that its password gives.
  static func sealed(_ contents: [UInt8], password: String = "changeit") -> [UInt8] {
    contents + Library.sha1(password.utf8.flatMap { [0, $0] } + "Mighty Aphrodite".utf8 + contents)
  }
}

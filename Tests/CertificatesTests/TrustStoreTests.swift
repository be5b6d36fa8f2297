import Testing

@testable import Certificates
@testable import TrustStores

@Suite("Trust stores")
struct TrustStoreTests {
  private static let jks: [UInt8] = [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]
  private static let pkcs12: [UInt8] = [0x30, 0x82, 0x10, 0x00, 0x02, 0x01, 0x03, 0x30]
  private static let pem = Array("-----BEGIN CERTIFICATE-----\n".utf8)

  @Test(
    "are told by name and first bytes",
    arguments: [
      ("/etc/ssl/certs/ca-certificates.crt", pem, TrustStore.Kind.pemBundle), ("/etc/ssl/cert.pem", [], .pemBundle),
      ("/etc/ssl/certs/java/cacerts", jks, .javaKeyStore), ("/opt/jdk/lib/security/cacerts", pkcs12, .pkcs12),
      ("/opt/jdk/lib/security/cacerts", [0x30, 0x80, 2, 1, 3], .pkcs12),
      ("/opt/jdk/lib/security/cacerts", [0x30, 0x20, 2, 1, 3], .pkcs12),
      ("/x/jssecacerts", [0xce, 0xce, 0xce, 0xce], .javaKeyStore), ("/x/cacerts", pem, nil), ("/x/cacerts", [], nil),
      ("/x/cacerts", [0x30], nil), ("/x/cacerts", [0x30, 0x84], nil), ("/x/cacerts", [0x30, 0x82, 1, 1, 2, 1, 1], nil),
      ("/home/me/.venv/lib/python3.11/site-packages/certifi/cacert.pem", pem, .pemBundle),
      ("/usr/lib/python3/dist-packages/pip/_vendor/certifi/cacert.pem", pem, .pemBundle),
      ("/x/notcertifi/cacert.pem", pem, nil), ("certifi/cacert.pem", pem, nil),
      ("/certifi/cacert.pem", pem, .pemBundle),
      ("/home/me/cacert.pem", pem, nil), ("/home/me/server.p12", pkcs12, nil),
      ("/etc/ssl/certs/ca-certificates.crt.old", pem, nil),
      ("/etc/ssl/certs/ca-certificates.crt", [0x7f, 0x45, 0x4c, 0x46, 0], nil), ("", [], nil), ("/", pem, nil),
    ] as [(String, [UInt8], TrustStore.Kind?)])
  func kinds(_ path: String, _ contents: [UInt8], _ kind: TrustStore.Kind?) {
    #expect(TrustStore.kind(ofPath: Array(path.utf8), contents: contents) == kind)
    if kind != nil { #expect(TrustStore.isCandidate(path: Array(path.utf8))) }
  }

  @Test("of Java's own paths are candidates", arguments: TrustStorePaths.keyStorePaths + TrustStorePaths.bundlePaths)
  func candidates(_ path: String) { #expect(TrustStore.isCandidate(path: Array(path.utf8))) }

  @Test("are also what a user's own variable names")
  func named() {
    let path = Array("/home/me/roots.pem".utf8)
    #expect(TrustStore.kind(ofPath: path, contents: Self.pem) == nil)
    #expect(TrustStore.kind(ofPath: path, contents: Self.pem, bundles: [path]) == .pemBundle)
    #expect(TrustVariable.all.filter(\.namesFile).map(\.name).contains("SSL_CERT_FILE"))
  }

  @Test("names of a hashed directory are those that OpenSSL asks for next")
  func names() {
    let hashed = TrustStorePaths.Directory(path: "/etc/ssl/certs", isHashed: true)
    let taken: Set = ["01234567.0", "01234567.1"]
    #expect(
      TrustStorePaths.names(in: hashed, subjectHashes: ["01234567", "89abcdef"], taken: taken.contains)
        == ["uwrx-ca.crt", "01234567.2", "89abcdef.0"])
    #expect(TrustStorePaths.names(in: hashed, subjectHashes: ["01234567"]) { $0 != "uwrx-ca.crt" } == ["uwrx-ca.crt"])
    let plain = TrustStorePaths.Directory(path: "/usr/local/share/ca-certificates", isHashed: false)
    #expect(TrustStorePaths.names(in: plain, subjectHashes: ["01234567"]) { _ in false } == ["uwrx-ca.crt"])
  }

  @Test("variables: what a user has set stays, and SSL_CERT_DIR and SSL_CERT_FILE are never set")
  func variables() {
    let set = TrustVariable.assignments(
      isSet: { $0 == "CURL_CA_BUNDLE" || $0 == "NODE_EXTRA_CA_CERTS" }, bundle: "/b", authority: "/a")
    let values = Dictionary(uniqueKeysWithValues: set.map { ($0.name, $0.value) })
    #expect(values["REQUESTS_CA_BUNDLE"] == "/b" && values["DENO_TLS_CA_STORE"] == "system,mozilla")
    #expect(values["CURL_CA_BUNDLE"] == nil && values["NODE_EXTRA_CA_CERTS"] == nil)
    #expect(values["SSL_CERT_FILE"] == nil && values["SSL_CERT_DIR"] == nil)
    #expect(set.map(\.name) == set.map(\.name).sorted())
    let without = TrustVariable.assignments(isSet: { _ in false }, bundle: nil, authority: "/a")
    #expect(!without.contains { $0.value == "/b" || $0.name == "GIT_SSL_CAINFO" })
    #expect(without.contains { $0.name == "NODE_EXTRA_CA_CERTS" && $0.value == "/a" })
    #expect(Set(TrustVariable.all.map(\.name)).count == TrustVariable.all.count)
  }
}

@Suite("PEM bundles")
struct PEMBundleTests {
  private static let other = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
  private static let ours = "-----BEGIN CERTIFICATE-----\nBBBB\nCCCC\n-----END CERTIFICATE-----\n"

  private static func add(_ bundle: String) throws -> String {
    String(decoding: try PEMBundle.adding(Array(ours.utf8), comment: "mine", to: Array(bundle.utf8)), as: UTF8.self)
  }

  @Test(
    "have the certificate at their end, with their own ends of lines",
    arguments: [
      ("", "# mine\n\(ours)"), ("\n", "\n# mine\n\(ours)"), ("\(other)\n", "\(other)\n# mine\n\(ours)"),
      (other, "\(other)\n# mine\n\(ours)"),
      ("# x\r\n", "# x\r\n# mine\r\n\(ours.replacing("\n", with: "\r\n"))"),
      ("# x\r\n# y", "# x\r\n# y\r\n# mine\r\n\(ours.replacing("\n", with: "\r\n"))"),
      // TRUSTED CERTIFICATEs of Fedora's.
      (
        "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
        "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n# mine\n\(ours)"
      ),
    ])
  func added(_ bundle: String, _ expected: String) throws {
    let added = try Self.add(bundle)
    #expect(Array(added.utf8) == Array(expected.utf8))
    #expect(Array(try Self.add(added).utf8) == Array(added.utf8))
  }

  @Test(
    "have it already, however its lines are broken",
    arguments: [
      "\(other)\n\(ours)", "\(ours)\(other)\n", ours.replacing("\n", with: "\r\n"),
      "-----BEGIN CERTIFICATE-----\nBB\nBBCC\nCC\n-----END CERTIFICATE-----\n",
    ])
  func present(_ bundle: String) throws { #expect(Array(try Self.add(bundle).utf8) == Array(bundle.utf8)) }

  @Test(
    "that no program would read are refused",
    arguments: [
      "-----BEGIN CERTIFICATE-----\nAAAA\n", "\(other)\n-----BEGIN CERTIFICATE-----\nAAAA", "a\u{0}b",
    ])
  func refused(_ bundle: String) { #expect(throws: TrustStoreError.self) { try Self.add(bundle) } }

  @Test("larger than the limit are refused")
  func large() {
    let bundle = [UInt8](repeating: 0x0a, count: TrustStore.mostBytes + 1)
    #expect(throws: TrustStoreError.tooLarge(bytes: bundle.count)) { try PEMBundle.adding([1], to: bundle) }
  }

  @Test("a comment is one line")
  func comment() throws {
    let bundle = try PEMBundle.adding(Array(Self.ours.utf8), comment: "a\nb\r\u{1b}[c", to: [])
    #expect(bundle.starts(with: Array("# ab[c\n".utf8)))
  }
}

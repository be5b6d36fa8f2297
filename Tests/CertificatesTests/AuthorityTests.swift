import Testing

@testable import Certificates

@Suite("The certificate authority")
struct AuthorityTests {
  @Test("comes of its seed: the same key, names and numbers each time, others of another seed")
  func deterministic() throws {
    let first = try CertificateAuthority(seed: Samples.seed)
    let second = try CertificateAuthority(seed: Samples.seed)
    let other = try CertificateAuthority(seed: Samples.otherSeed)
    #expect(first.key.publicKey == second.key.publicKey)
    #expect(first.subjectHash == second.subjectHash && first.oldSubjectHash == second.oldSubjectHash)
    #expect(try Self.signed(first.der) == Self.signed(second.der))
    let leaves = try [first, second].map { try $0.leaf(for: "example.org") }
    #expect(leaves[0].key == leaves[1].key)
    #expect(try Self.signed(leaves[0].der) == Self.signed(leaves[1].der))
    #expect(first.key.publicKey != other.key.publicKey && first.subjectHash != other.subjectHash)
    #expect(first.key.publicKey != first.leafKey.publicKey)
    #expect(try leaves[0].key != other.leaf(for: "example.org").key)
  }

  /// The keys of a trace that was recorded earlier: a change would make each kept ca.pem one of another seed.
  @Test("has the key that it has always had")
  func stable() throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    #expect(Self.hex(authority.key.identifier) == "acd8961335c14e09c7899e382bf5ac6bb9741026")
    #expect(Self.hex(authority.leafKey.identifier) == "7859d535dcee05f40fc844d9e23b44c913b12c1a")
  }

  @Test("derives as RFC 5869 says, appendix A.3")
  func derivation() {
    let bytes = HKDF(seed: [UInt8](repeating: 0x0b, count: 22)).bytes(for: [], count: 42)
    #expect(
      Self.hex(bytes) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
  }

  @Test("takes no scalar outside of the group")
  func scalars() throws {
    var order = PrivateKey.order
    #expect(!PrivateKey.isScalar(order))
    order[31] -= 1
    #expect(PrivateKey.isScalar(order))
    #expect(!PrivateKey.isScalar([UInt8](repeating: 0, count: 32)))
    #expect(!PrivateKey.isScalar([UInt8](repeating: 0xff, count: 32)))
    #expect(PrivateKey.isScalar([UInt8](repeating: 0, count: 31) + [1]))
    #expect(!PrivateKey.isScalar([1]))
    #expect(throws: CertificateError.self) { try PrivateKey(scalar: [UInt8](repeating: 0, count: 32)) }
  }

  @Test("is kept: what was signed once is given again")
  func kept() throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    #expect(try CertificateAuthority(seed: Samples.seed, certificate: authority.pem).der == authority.der)
    let crlf = authority.pem.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
    #expect(try CertificateAuthority(seed: Samples.seed, certificate: crlf).der == authority.der)

    let leaf = try authority.leaf(for: "Example.ORG.")
    #expect(!leaf.wasKept)
    let again = try authority.leaf(for: "example.org", kept: leaf.chain)
    #expect(again.wasKept && again.der == leaf.der && again.chain == leaf.chain)
  }

  @Test("takes no kept certificate that is not its own")
  func notKept() throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    let other = try CertificateAuthority(seed: Samples.otherSeed)
    let leaf = try authority.leaf(for: "example.org")
    #expect(throws: CertificateError.notOfThisSeed) {
      try CertificateAuthority(seed: Samples.seed, certificate: other.pem)
    }
    #expect(throws: CertificateError.notOfThisSeed) {
      try CertificateAuthority(seed: Samples.seed, certificate: leaf.chain)
    }
    for text in ["", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
      #expect(throws: CertificateError.malformed) {
        try CertificateAuthority(seed: Samples.seed, certificate: Array(text.utf8))
      }
    }
    // A signature with one bit changed.
    var forged = authority.der
    forged[forged.count - 1] ^= 1
    #expect(throws: CertificateError.notOfThisSeed) {
      try CertificateAuthority(seed: Samples.seed, certificate: PEM.encode("CERTIFICATE", forged))
    }
    #expect(throws: CertificateError.malformed) {
      try CertificateAuthority(seed: Samples.seed, certificate: PEM.encode("CERTIFICATE", authority.der + [0]))
    }

    for kept in try [leaf.chain, other.leaf(for: "example.com").chain, authority.pem, [], Array("x".utf8)] {
      #expect(try !authority.leaf(for: "example.com", kept: kept).wasKept)
    }
  }

  @Test("has a seed of 32 bytes", arguments: [0, 31, 33, 64])
  func seedLength(_ count: Int) {
    #expect(throws: CertificateError.seedLength(count)) {
      try CertificateAuthority(seed: [UInt8](repeating: 1, count: count))
    }
  }

  @Test("is what openssl verify takes as strict as it can be, from 1970 to 2049", arguments: [0, 1, 2_524_607_998])
  func strict(_ time: Int) throws {
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    try directory.write(authority.pem, "ca.pem")
    let arguments = ["verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver", "-CAfile", "ca.pem"]
    for (index, host) in Hosts.good.enumerated() {
      try directory.write(authority.leaf(for: host).chain, "\(index).pem")
      try Tool("openssl").output(arguments + ["-attime", "\(time)", "\(index).pem"], in: directory)
    }
    let late = try Tool("openssl").run(arguments + ["-attime", "2524608000", "0.pem"], in: directory)
    #expect(late.status != 0 && late.text.contains("expired"), "\(late.text)")
  }

  @Test("says what RFC 5280 wants, as openssl reads it")
  func text() throws {
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    let host = String(repeating: "a", count: 61) + ".org"
    try directory.write(authority.pem, "ca.pem")
    try directory.write(authority.leaf(for: "example.org").chain, "leaf.pem")
    try directory.write(authority.leaf(for: host).chain, "long.pem")
    func lines(_ file: String) throws -> String {
      try Tool("openssl").output(["x509", "-noout", "-text", "-in", file], in: directory)
        .split(separator: "\n").map { $0.drop { $0 == " " }.trimmed }.joined(separator: "\n")
    }
    let ca = try lines("ca.pem")
    for expected in [
      "X509v3 Basic Constraints: critical\nCA:TRUE, pathlen:0",
      "X509v3 Key Usage: critical\nCertificate Sign, CRL Sign",
      "X509v3 Subject Key Identifier:", "Not Before: Jan  1 00:00:00 1970 GMT\nNot After : Dec 31 23:59:59 2049 GMT",
      "Version: 3 (0x2)", "Issuer: CN = uwrx ", "Subject: CN = uwrx ", "ASN1 OID: prime256v1",
    ] {
      #expect(ca.contains(expected), "\(expected) in \(ca)")
    }
    let leaf = try lines("leaf.pem")
    for expected in [
      "X509v3 Key Usage: critical\nDigital Signature", "X509v3 Extended Key Usage:\nTLS Web Server Authentication",
      "X509v3 Subject Alternative Name:\nDNS:example.org", "X509v3 Authority Key Identifier:",
      "Subject: CN = example.org",
    ] {
      #expect(leaf.contains(expected), "\(expected) in \(leaf)")
    }
    let long = try lines("long.pem")
    #expect(
      long.contains("Subject:\n") && long.contains("X509v3 Subject Alternative Name: critical\nDNS:\(host)"), "\(long)")
  }

  @Test("has the names of a hashed directory that openssl gives it")
  func hashes() throws {
    let directory = try TemporaryDirectory()
    for seed in 0..<20 as Range<UInt8> {
      let authority = try CertificateAuthority(seed: [UInt8](repeating: seed, count: 32))
      try directory.write(authority.pem, "ca.pem")
      let said = try Tool("openssl").output(
        ["x509", "-noout", "-subject_hash", "-subject_hash_old", "-in", "ca.pem"], in: directory)
      #expect(said == "\(authority.subjectHash)\n\(authority.oldSubjectHash)\n")
    }
  }

  @Test("has a key that openssl takes for the certificate's")
  func key() throws {
    let directory = try TemporaryDirectory()
    let leaf = try CertificateAuthority(seed: Samples.seed).leaf(for: "example.org")
    try directory.write(leaf.key, "key.pem")
    try directory.write(leaf.chain, "leaf.pem")
    try Tool("openssl").output(["pkey", "-check", "-noout", "-in", "key.pem"], in: directory)
    let ofKey = try Tool("openssl").output(["pkey", "-pubout", "-in", "key.pem"], in: directory)
    #expect(try Tool("openssl").output(["x509", "-pubkey", "-noout", "-in", "leaf.pem"], in: directory) == ofKey)
  }

  @Test("signs for many threads at once")
  func threads() async throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    try await withThrowingTaskGroup { group in
      for number in 0..<64 {
        group.addTask {
          let leaf = try authority.leaf(for: "host\(number).example.org")
          return try authority.leaf(for: "host\(number).example.org", kept: leaf.chain).wasKept
        }
      }
      for try await kept in group { #expect(kept) }
    }
  }

  /// What is signed of a certificate.
  private static func signed(_ der: [UInt8]) throws -> [UInt8] {
    var outer = DERReader(der)
    var inner = try outer.next(0x30, "certificate").reader
    return Array(try inner.next(0x30, "content").whole)
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}

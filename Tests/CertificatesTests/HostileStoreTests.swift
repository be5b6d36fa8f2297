import RandomKit
import Testing

@testable import Certificates
@testable import TrustStores

/// Stores with bytes changed at random, the same each time: whatever they are, there is an answer, and none is large.
@Suite("Hostile trust stores")
struct HostileStoreTests {
  /// Up to four changes, of the kinds that parsers have gone wrong with.
  private static func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      guard !bytes.isEmpty else { return bytes }
      // Headers are where lengths are.
      let bound = Bool.random(using: &random) ? min(bytes.count, 64) : bytes.count
      let at = Int.random(in: 0..<bound, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes[at] = [0, 0x7f, 0x80, 0x84, 0x88, 0xff].randomElement(using: &random)!
      case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...16, using: &random)))
      case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 16)], at: at)
      default: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random) / 2)
      }
    }
    return bytes
  }

  /// How many of the mutants were taken. Each is answered, with a typed error or a store little larger than it was.
  private func survivors(
    _ count: Int, _ sample: [UInt8], seed: UInt64, _ add: ([UInt8]) throws(TrustStoreError) -> [UInt8]
  ) -> Int {
    var random = SeededGenerator(seed: seed)
    var taken = 0
    for _ in 0..<count {
      let mutant = Self.mutated(sample, &random)
      guard let result = try? add(mutant) else { continue }
      taken += 1
      #expect(result.count <= mutant.count + 2000)
      // What was taken is a store that is taken again, and has it by then.
      #expect((try? add(result)) == result)
    }
    return taken
  }

  @Test("JKS, sealed again after each change")
  func jks() throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    let other = try CertificateAuthority(seed: Samples.otherSeed)
    let empty: [UInt8] = [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 0]
    let store = try JavaKeyStore.adding(
      other.der, alias: "other",
      to: JavaKeyStore.adding(other.leafDER, alias: "leaf", to: TrustStoreSamples.sealed(empty)))
    let taken = survivors(2_500, Array(store.dropLast(20)), seed: 1) { mutant throws(TrustStoreError) in
      // What was added to has its digest already.
      do throws(TrustStoreError) {
        return try JavaKeyStore.adding(authority.der, alias: "uwrx", to: mutant)
      } catch {
        return try JavaKeyStore.adding(authority.der, alias: "uwrx", to: TrustStoreSamples.sealed(mutant))
      }
    }
    #expect(taken > 25)
  }

  @Test("PKCS #12 without a seal")
  func passwordless() throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    let other = try CertificateAuthority(seed: Samples.otherSeed)
    let empty = DER.sequence(
      DER.integer([3]), DER.sequence(DER.object(ObjectIdentifier.data), DER.explicit(0, DER.octets(DER.sequence()))))
    let store = try PKCS12Store.adding(other.der, alias: "other", to: empty)
    let taken = survivors(2_500, store, seed: 2) { mutant throws(TrustStoreError) in
      try PKCS12Store.adding(authority.der, alias: "uwrx", to: mutant)
    }
    #expect(taken > 25)
  }

  @Test("PKCS #12 with seal and encryption", arguments: [Stores.Format.pkcs12, .legacy, .openssl])
  func sealed(_ format: Stores.Format) throws {
    guard Java.keytool.isWanted else { return }
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    try Stores.makeKeyStore("store", format: format, in: directory)
    let store = try directory.read("store")
    _ = survivors(50, store, seed: 3) { mutant throws(TrustStoreError) in
      try PKCS12Store.adding(authority.der, alias: "uwrx", to: mutant)
    }
    // Without the seal the encrypted part is reached.
    var outer = DERReader(store)
    var parts = try outer.next(0x30, "store").reader
    let (version, safe) = (try parts.next(0x02, "version"), try parts.next(0x30, "safe"))
    let unsealed = DER.sequence(Array(version.whole), Array(safe.whole))
    let taken = survivors(50, unsealed, seed: 4) { mutant throws(TrustStoreError) in
      try PKCS12Store.adding(authority.der, alias: "uwrx", to: mutant)
    }
    #expect(taken > 2)
  }

  @Test("PEM bundles, and kept certificates")
  func pem() throws {
    let authority = try CertificateAuthority(seed: Samples.seed)
    let other = try CertificateAuthority(seed: Samples.otherSeed)
    let taken = survivors(500, try authority.leaf(for: "example.org").chain + other.pem, seed: 5) {
      mutant throws(TrustStoreError) in
      try PEMBundle.adding(Array("-----BEGIN X-----\nAA==\n-----END X-----\n".utf8), to: mutant)
    }
    #expect(taken > 25)

    var random = SeededGenerator(seed: 6)
    let kept = try authority.leaf(for: "example.org").chain
    for _ in 0..<100 {
      let leaf = try authority.leaf(for: "example.org", kept: Self.mutated(kept, &random))
      let text = leaf.chain
      #expect(try authority.leaf(for: "example.org", kept: text).wasKept)
      _ = try? CertificateAuthority(seed: Samples.seed, certificate: Self.mutated(authority.pem, &random))
    }
  }

  @Test("names and first bytes")
  func kinds() {
    var random = SeededGenerator(seed: 7)
    for path in TrustStorePaths.keyStorePaths + TrustStorePaths.bundlePaths {
      for _ in 0..<50 {
        let contents = (0..<Int.random(in: 0..<12, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        _ = TrustStore.kind(ofPath: Array(path.utf8), contents: contents)
        _ = TrustStore.kind(ofPath: Self.mutated(Array(path.utf8), &random), contents: [0x30] + contents)
      }
    }
  }
}

extension CertificateAuthority {
  /// Something else in DER.
  fileprivate var leafDER: [UInt8] { get throws { try leaf(for: "example.org").der } }
}

import Testing

@testable import Certificates

/// Keystores that keytool and openssl make.
enum Stores {
  enum Format: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case jks, pkcs12
    /// As the JDK has its own since 18: neither encrypted nor sealed.
    case passwordless
    /// RC2 and 3DES, as JDKs before 9u and 17 wrote it.
    case legacy
    /// By `openssl pkcs12 -export`.
    case openssl
    case opensslPasswordless

    var testDescription: String { rawValue }
  }

  static let formats: [Format] = Format.allCases.filter { $0 != .jks }

  /// A store with another authority in it, as its only entry.
  static func makeKeyStore(_ name: String, format: Format, in directory: TemporaryDirectory) throws {
    let entry = try CertificateAuthority(seed: [UInt8](repeating: 7, count: 32))
    try directory.write(entry.pem, "entry.pem")
    let create = [
      "-importcert", "-noprompt", "-alias", "first", "-file", "entry.pem", "-keystore", name, "-storepass", "changeit",
      "-storetype",
    ]
    let none = ["-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"]
    let export = [
      "pkcs12", "-export", "-nokeys", "-in", "entry.pem", "-out", name, "-passout", "pass:changeit",
    ]
    switch format {
    case .jks: try Java.keytool.output(create + ["JKS"], in: directory)
    case .pkcs12: try Java.keytool.output(create + ["PKCS12"], in: directory)
    case .passwordless: try Java.keytool.output(create + ["PKCS12"] + none, in: directory)
    case .legacy: try Java.keytool.output(create + ["PKCS12", "-J-Dkeystore.pkcs12.legacy=true"], in: directory)
    case .openssl: try Tool("openssl").output(export, in: directory)
    case .opensslPasswordless:
      try Tool("openssl").output(export + ["-certpbe", "NONE", "-nomac"], in: directory)
    }
  }
}

/// A variable of the environment by which a program is told what to trust.
///
/// One that the user has set stays as it is, and the file that it names is a bundle to add to. SSL_CERT_DIR is never set:
/// beside SSL_CERT_FILE it makes curl ignore the file.
public struct TrustVariable: Equatable, Sendable {
  public enum Value: Equatable, Sendable {
    /// The path of a whole bundle, which replaces what the program trusts.
    case bundle
    /// The path of a file with the authority alone, which is added to what the program trusts.
    case authority
    /// A word of the program's own.
    case word(String)
  }

  public var name: String
  public var value: Value
  /// Whether it is set where the user has not: the program would not trust the authority by any file that is spliced.
  public var isSetWhereAbsent: Bool

  /// Whether the value, where a user has set it, names a file of certificates.
  public var namesFile: Bool {
    switch value {
    case .bundle, .authority: true
    case .word: false
    }
  }

  public static let all: [TrustVariable] = [
    TrustVariable(name: "NODE_EXTRA_CA_CERTS", value: .authority, isSetWhereAbsent: true),
    TrustVariable(name: "DENO_TLS_CA_STORE", value: .word("system,mozilla"), isSetWhereAbsent: true),
    TrustVariable(name: "DENO_CERT", value: .authority, isSetWhereAbsent: false),
    TrustVariable(name: "REQUESTS_CA_BUNDLE", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "PIP_CERT", value: .bundle, isSetWhereAbsent: true),
    // Later versions of uv read the system's bundle anyway, and warn of the earlier name UV_NATIVE_TLS.
    TrustVariable(name: "UV_SYSTEM_CERTS", value: .word("true"), isSetWhereAbsent: true),
    TrustVariable(name: "CURL_CA_BUNDLE", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "GIT_SSL_CAINFO", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "CARGO_HTTP_CAINFO", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "AWS_CA_BUNDLE", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "HTTPLIB2_CA_CERTS", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "HEX_CACERTS_PATH", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "JULIA_SSL_CA_ROOTS_PATH", value: .bundle, isSetWhereAbsent: true),
    TrustVariable(name: "SSL_CERT_FILE", value: .bundle, isSetWhereAbsent: false),
    TrustVariable(name: "NIX_SSL_CERT_FILE", value: .bundle, isSetWhereAbsent: false),
    TrustVariable(name: "BUNDLE_SSL_CA_CERT", value: .bundle, isSetWhereAbsent: false),
    TrustVariable(name: "PERL_LWP_SSL_CA_FILE", value: .bundle, isSetWhereAbsent: false),
  ]

  /// What is set in a guest's environment, sorted by name.
  /// - Parameters:
  ///   - isSet: whether the user has set a variable.
  ///   - bundle: the path of a bundle that the guest has, nil where there is none: then no variable names one.
  ///   - authority: the path of the authority's own file.
  public static func assignments(
    isSet: (String) -> Bool, bundle: String?, authority: String
  ) -> [(name: String, value: String)] {
    all.filter { $0.isSetWhereAbsent && !isSet($0.name) }.compactMap { variable in
      switch variable.value {
      case .bundle: bundle.map { (variable.name, $0) }
      case .authority: (variable.name, authority)
      case .word(let word): (variable.name, word)
      }
    }.sorted { $0.name < $1.name }
  }
}

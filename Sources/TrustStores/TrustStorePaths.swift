/// Where programs look for what they trust. Absolute paths are the guest's.
///
/// NSS is not here: Debian's libnssckbi.so holds Mozilla's certificates as code, and what is added to them lies in each
/// user's own database (`~/.pki/nssdb`, a browser's profile), whose format is SQLite (for Chromium: ``ChromiumPolicy``). Where a distribution replaces the
/// library by p11-kit's (Fedora, Arch), the anchors below count. p11-kit on Debian, and GnuTLS by its system store, read
/// ca-certificates.crt.
public enum TrustStorePaths {
  /// Files of PEM certificates. Most are symbolic links to one another in one distribution, and none of them in another.
  static let bundles: [StaticName] = bundlePaths.map(StaticName.init)

  public static let bundlePaths = [
    "/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch, Gentoo
    "/etc/ssl/cert.pem",  // Alpine, Arch; OpenSSL's own name where a distribution has not moved it
    "/usr/lib/ssl/cert.pem",  // Debian's OpenSSL
    "/usr/local/ssl/cert.pem",  // OpenSSL built from source
    "/etc/ssl/ca-bundle.pem",  // SUSE
    "/var/lib/ca-certificates/ca-bundle.pem",  // SUSE, the file itself
    "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora
    "/etc/pki/tls/certs/ca-certificates.crt",  // Fedora 43
    "/etc/pki/tls/cert.pem",  // Fedora's OpenSSL
    "/etc/pki/tls/cacert.pem",  // OpenELEC; Go looks there
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, the file itself
    "/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",  // Fedora; holds TRUSTED CERTIFICATEs, takes others
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",  // Arch, the file itself
    "/etc/ca-certificates/extracted/ca-bundle.trust.crt",  // Arch
    "/usr/local/share/certs/ca-root-nss.crt",  // FreeBSD's name, which Go and others ask for on Linux, too
  ]

  /// How the paths end of the bundles that packages bring with them, wherever they are installed.
  /// Node has none: its certificates are in the program.
  static let bundleSuffixes: [StaticName] = bundlePathSuffixes.map(StaticName.init)

  public static let bundlePathSuffixes = [
    "certifi/cacert.pem",  // also pip/_vendor/certifi and each virtual environment's
    "pip/_vendor/requests/cacert.pem",  // pip before 9
    "requests/cacert.pem",  // before 2.16
    "botocore/cacert.pem",
    "httplib2/cacerts.txt",
    "grpc/_cython/_credentials/roots.pem",
    "share/grpc/roots.pem",
    "Mozilla/CA/cacert.pem",  // Perl's LWP
    "composer/ca-bundle/res/cacert.pem",
    "stripe/data/ca-certificates.crt",
    "share/julia/cert.pem",
    "ssl/cacert.pem",  // conda: a prefix's OpenSSL
    "ssl/cert.pem",
  ]

  /// A directory that has certificates as files of their own.
  public struct Directory: Equatable, Sendable {
    public var path: String
    /// Whether OpenSSL finds certificates in it by the hash of their subject.
    public var isHashed: Bool

    public init(path: String, isHashed: Bool) {
      self.path = path
      self.isHashed = isHashed
    }
  }

  /// The directories that programs read (and where a user has set SSL_CERT_DIR, that one, hashed), and those that update-ca-certificates and update-ca-trust make the others of.
  public static let directories: [Directory] = [
    Directory(path: "/etc/ssl/certs", isHashed: true),  // all; git with GnuTLS reads each of its files
    Directory(path: "/etc/pki/tls/certs", isHashed: true),  // Fedora
    Directory(path: "/etc/pki/ca-trust/extracted/pem/directory-hash", isHashed: true),  // Fedora
    Directory(path: "/etc/ca-certificates/extracted/cadir", isHashed: true),  // Arch
    Directory(path: "/var/lib/ca-certificates/pem", isHashed: true),  // SUSE
    Directory(path: "/var/lib/ca-certificates/openssl", isHashed: true),  // SUSE
    Directory(path: "/usr/local/share/ca-certificates", isHashed: false),  // Debian, Alpine
    Directory(path: "/etc/pki/ca-trust/source/anchors", isHashed: false),  // Fedora
    Directory(path: "/usr/share/pki/ca-trust-source/anchors", isHashed: false),  // Fedora
    Directory(path: "/etc/ca-certificates/trust-source/anchors", isHashed: false),  // Arch
    Directory(path: "/usr/share/ca-certificates/trust-source/anchors", isHashed: false),  // Arch
    Directory(path: "/etc/pki/trust/anchors", isHashed: false),  // SUSE
    Directory(path: "/usr/share/pki/trust/anchors", isHashed: false),  // SUSE
  ]

  /// The file's name in each of the directories. update-ca-certificates takes only what ends in `.crt`.
  public static let fileName = "uwrx-ca.crt"

  /// The names to add to a directory: the file, and for a hashed one the names by which OpenSSL finds it. Each has the
  /// certificate as its content, or is a symbolic link to the first.
  /// - Parameters:
  ///   - subjectHashes: each as eight hexadecimal digits.
  ///   - taken: whether a name is there already with another certificate. OpenSSL asks for `hash.0`, `hash.1` and so on until one is missing.
  public static func names(in directory: Directory, subjectHashes: [String], taken: (String) -> Bool) -> [String] {
    guard directory.isHashed else { return [fileName] }
    let linked = subjectHashes.compactMap { hash in
      // As many certificates of one subject as any store has; then it is a guest's trick.
      (0..<100).lazy.map { "\(hash).\($0)" }.first { !taken($0) }
    }
    return [fileName] + linked
  }

  /// Java's own places. Others are told by the file's name.
  public static let keyStorePaths = [
    "/etc/ssl/certs/java/cacerts",  // Debian, Alpine, Arch
    "/etc/pki/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts",  // Fedora
    "/var/lib/ca-certificates/java-cacerts",  // SUSE
  ]
}

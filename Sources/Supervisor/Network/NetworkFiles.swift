import CLinux
import Glibc
import SystemPackage
import Tracing
import TrustStores

/// Files of the guest's that tell how names are found and who is trusted, whatever the host's are, or lead to.
enum NetworkFiles {
  /// The authority alone.
  static let authority = "/etc/ssl/certs/" + TrustStorePaths.fileName
  /// What most programs trust.
  static let bundle = "/etc/ssl/certs/ca-certificates.crt"

  private static let nameServices = """
    passwd:         files
    group:          files
    shadow:         files
    gshadow:        files
    hosts:          files dns
    networks:       files
    protocols:      db files
    services:       db files
    ethers:         db files
    rpc:            db files
    netgroup:       nis

    """

  /// - Parameters:
  ///   - directory: `net` of the trace, in which no domain's directory begins with a plus sign.
  ///   - certificate: in PEM.
  ///   - hashes: the names by which OpenSSL finds it in a directory, without a number.
  /// - Returns: the sources that they stand in: one above all others, and one below, for a guest without a bundle of certificates.
  static func make(
    in directory: String, hostname: String, certificate: [UInt8], hashes: [String]
  ) throws(SupervisorError) -> (Source, Source) {
    var files: [(path: String, contents: [UInt8])] = [
      ("/etc/resolv.conf", Array("nameserver 10.0.2.3\n".utf8)),
      ("/etc/hosts", Array("127.0.0.1\tlocalhost \(hostname)\n::1\tlocalhost ip6-localhost ip6-loopback\n".utf8)),
      ("/etc/nsswitch.conf", Array(nameServices.utf8)), (authority, certificate),
    ]
    files += hashes.map { ("/etc/ssl/certs/\($0).0", certificate) }
    return (
      try source(files, in: "\(directory)/+root", priority: .min),
      try source([(bundle, certificate)], in: "\(directory)/+base", priority: .max)
    )
  }

  private static func source(
    _ files: [(path: String, contents: [UInt8])], in root: String, priority: Int
  ) throws(SupervisorError) -> Source {
    do throws(Errno) {
      for (path, contents) in files {
        var parent = root
        try makeDirectory(parent)
        for component in path.split(separator: "/").dropLast() {
          parent += "/" + component
          try makeDirectory(parent)
        }
        try TraceDirectory.write(root + path, contents)
        // Whatever the user's umask is.
        if chmod(root + path, 0o644) < 0 { throw Errno(rawValue: uwrx_errno()) }
      }
    } catch { throw SupervisorError("cannot write to \(root): \(error)") }
    return Source(destination: "/", priority: priority, hostPath: root)
  }

  private static func makeDirectory(_ path: String) throws(Errno) {
    if mkdir(path, 0o755) < 0, uwrx_errno() != EEXIST { throw Errno(rawValue: uwrx_errno()) }
    if chmod(path, 0o755) < 0 { throw Errno(rawValue: uwrx_errno()) }
  }
}

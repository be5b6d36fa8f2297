import CLinux
import Glibc
import SystemPackage

/// What a helper of uwrx's gives up before it reads anything of the guest's or of the network's.
public enum Walls {
  /// What a program reads that asks for names and trusts certificates.
  public static let readable: [String] = [
    "/etc", "/usr", "/lib", "/lib64", "/run", "/var/run", "/var/lib/ca-certificates", "/dev/urandom", "/dev/null",
  ]

  /// To be called before the first thread is made.
  /// - Parameters:
  ///   - filter: `struct sock_filter`s (seccomp(2)).
  ///   - readable: files and directories, and those that variables name in which certificates and names are looked for; empty for none.
  ///   - writable: the directory that is written to.
  ///   - recorded: a directory that is read, too.
  public static func raise(
    filter: [UInt64], readable: [String] = Walls.readable, writable: Int32? = nil, recorded: Int32? = nil
  ) throws(Errno) {
    uwrx_keep_capabilities(0)
    let variables = readable.isEmpty ? [] : ["SSL_CERT_FILE", "SSL_CERT_DIR", "RES_OPTIONS", "HOSTALIASES"]
    let files: [String] = variables.compactMap { (name: String) in getenv(name).map { String(cString: $0) } }
    let texts: [UnsafeMutablePointer<CChar>?] = (readable + files + (recorded.map { ["/proc/self/fd/\($0)/."] } ?? []))
      .map { (path: String) in strdup(path) }
    defer { for text in texts { free(text) } }
    var paths: [UnsafePointer<CChar>?] = texts.map { UnsafePointer($0) }
    paths.append(nil)
    try check(uwrx_restrict_files(&paths, writable ?? -1))
    if !filter.isEmpty { try check(filter.withUnsafeBufferPointer { uwrx_install_filter($0.baseAddress!, $0.count) }) }
  }

  private static func check(_ result: Int) throws(Errno) {
    if result < 0 { throw Errno(rawValue: Int32(-result)) }
  }
}

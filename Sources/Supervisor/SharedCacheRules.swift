import Glibc
import Skipping
import SystemPackage
import Tracing

/// A cache that others share, behind the user's own directory.
public struct SharedCacheRules: Sendable, Equatable {
  /// As `CacheAddress` reads it.
  public var address: String
  /// Nothing is uploaded.
  public var isReadOnly: Bool
  /// A file with the team's key; nil for none.
  public var key: String?
  /// Whether what nobody has signed is believed.
  public var isTrusted: Bool
  /// `Name: value` each; those of `UWRX_CACHE_HEADER` come with them.
  public var headers: [String]
  /// A file of certificates in PEM that are trusted beside the host's.
  public var authority: String?

  /// Lines of `Name: value`.
  public static let headerVariable = "UWRX_CACHE_HEADER"
  private static let largestFile = 1 << 24

  public init(
    address: String, isReadOnly: Bool = false, key: String? = nil, isTrusted: Bool = false, headers: [String] = [],
    authority: String? = nil
  ) {
    self.address = address
    self.isReadOnly = isReadOnly
    self.key = key
    self.isTrusted = isTrusted
    self.headers = headers
    self.authority = authority
  }

  /// - Throws: a message for the user.
  func open(before local: SkipCache) throws(SupervisorError) -> SharedCache {
    guard key != nil || isTrusted else {
      throw SupervisorError(
        "whoever can write to the shared cache \(address) decides what compilers give: name the key of those who may with --cache-key FILE, "
          + "or say --cache-trust")
    }
    var configuration = CacheConfiguration()
    configuration.address = address
    configuration.filter = HelperFilter.program
    var isReadOnly = isReadOnly
    var notary = CacheConfiguration()
    do throws(SkipCacheError) {
      let place = try CacheAddress(address)
      configuration.headers = headers
      if let text = getenv(Self.headerVariable) {
        configuration.headers += String(cString: text).split(separator: "\n").map(String.init)
      }
      var hasCredentials = false
      for header in configuration.headers where try CacheHeader(header).name.lowercased() == "authorization" {
        hasCredentials = true
      }
      if !hasCredentials, let credentials = try NetworkCredentials.find(for: place.host) {
        configuration.headers.append("Authorization: \(credentials.basic)")
      }
    } catch { throw SupervisorError(error.description) }
    if let authority { configuration.authority = try Self.read(authority, "--cache-ca").bytes }
    if let key {
      let (bytes, status) = try Self.read(key, "--cache-key")
      let isPrivate = String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY")
      guard !isPrivate || status.st_mode & 0o077 == 0 && [0, geteuid()].contains(status.st_uid) else {
        throw SupervisorError("--cache-key: the private key \(key) is not yours alone: chmod 600")
      }
      // Who can only verify has nothing to give.
      if !isPrivate { isReadOnly = true }
      notary.key = bytes
      notary.filter = HelperFilter.programWithoutNetwork
    }
    let server = try CacheProcess.start(configuration)
    do throws(SupervisorError) {
      let notary = notary.key.isEmpty ? nil : try CacheProcess.start(notary)
      do throws(Errno) {
        return try SharedCache(
          local, SharedCache.Rules(isReadOnly: isReadOnly, trustsUnsigned: isTrusted), server: server, notary: notary,
          start: startThread)
      } catch {
        notary?.close()
        throw SupervisorError("cannot start a thread: the user's limit of processes")
      }
    } catch {
      server.close()
      throw error
    }
  }

  private static func read(_ path: String, _ option: String) throws(SupervisorError) -> (bytes: [UInt8], status: stat) {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw SupervisorError("\(option): cannot read \(path): \(Errno(rawValue: errno))") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, (1...largestFile).contains(Int(status.st_size))
    else { throw SupervisorError("\(option): \(path) is no file of PEM") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    guard (try? FileDescriptor(rawValue: file).readFully(at: 0, into: &bytes)) == bytes.count else {
      throw SupervisorError("\(option): cannot read \(path)")
    }
    return (bytes, status)
  }

  /// The user's own directory, where none is named: what was fetched, and what files were found to contain, need not be fetched and read again.
  static func usualDirectory() throws(SupervisorError) -> String {
    func absolute(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    guard let base = absolute("XDG_CACHE_HOME") ?? absolute("HOME").map({ $0 + "/.cache" }) else {
      throw SupervisorError(
        "a shared cache needs a directory beside it: --cache DIRECTORY --cache ADDRESS, or set HOME")
    }
    // In the home of another user, as sudo(8) may leave it, nothing is made.
    let parent = base.lastIndex(of: "/").map { String(base[...$0]) } ?? "/"
    var status = stat()
    guard stat(base, &status) == 0 || stat(parent, &status) == 0, status.st_uid == geteuid() else {
      throw SupervisorError("\(base) is not yours: --cache DIRECTORY names one beside the shared cache")
    }
    mkdir(base, 0o700)
    mkdir(base + "/uwrx", 0o700)
    return base + "/uwrx/skipping"
  }
}

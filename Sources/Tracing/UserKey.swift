import Glibc
import SystemPackage

/// The user's key: traces that this user's uwrx has made here are known by it. 32 random bytes in `$XDG_STATE_HOME/uwrx/key`, or in
/// `~/.local/state/uwrx/key`, which nobody else can read and no guest ever sees.
public struct UserKey: Sendable {
  private static let size = 32

  private let bytes: [UInt8]
  /// Of the directory that holds it.
  public let device: UInt64
  public let inode: UInt64

  /// Reads the key, which is made if there is none yet.
  /// - Throws: a message if there can be none.
  public init() throws(TraceError) {
    let directory = try Self.directory()
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure(directory, Errno(rawValue: errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Self.isPrivate(status) else {
      throw TraceError("the directory \(directory) is not its user's alone: make it so with chmod 700 and chown")
    }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    if let key = try Self.read(descriptor, directory) {
      bytes = key
      return
    }
    try Self.make(descriptor, directory)
    guard let key = try Self.read(descriptor, directory) else { throw Self.failure(directory, .noSuchFileOrDirectory) }
    bytes = key
  }

  /// Keys for different purposes tell nothing of each other.
  public func key(for purpose: StaticString) -> [UInt8] {
    purpose.withUTF8Buffer { SHA256.authenticate(UnsafeRawBufferPointer($0), key: bytes) }
  }

  private static func directory() throws(TraceError) -> String {
    let state: String
    if let given = getenv("XDG_STATE_HOME").map({ String(cString: $0) }), given.hasPrefix("/") {
      state = given
    } else if let home = home() {
      state = home + "/.local/state"
    } else {
      throw TraceError("the user has no home directory of their own to keep a key in: set XDG_STATE_HOME")
    }
    // As the XDG base directory specification says.
    var made = ""
    for component in "\(state)/uwrx".split(separator: "/") {
      made += "/" + component
      if mkdir(made, 0o700) < 0, errno != EEXIST { throw failure(made, Errno(rawValue: errno)) }
    }
    return made
  }

  private static func home() -> String? {
    func own(_ path: String) -> String? {
      var status = stat()
      return path.hasPrefix("/") && stat(path, &status) == 0 && status.st_uid == geteuid() ? path : nil
    }
    // Without a variable, or with another's, which came along (sudo, setpriv), it is the one that the user database names.
    if let home = getenv("HOME").flatMap({ own(String(cString: $0)) }) { return home }
    return getpwuid(geteuid())?.pointee.pw_dir.flatMap { own(String(cString: $0)) }
  }

  private static func isPrivate(_ status: stat) -> Bool { status.st_uid == geteuid() && status.st_mode & 0o077 == 0 }

  private static func failure(_ path: String, _ error: Errno) -> TraceError {
    TraceError("cannot keep a key in \(path): \(error)")
  }

  /// - Returns: nil if there is none.
  private static func read(_ directory: Int32, _ path: String) throws(TraceError) -> [UInt8]? {
    let file = openat(directory, "key", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    if file < 0, errno == ENOENT { return nil }
    guard file >= 0 else { throw failure(path, Errno(rawValue: errno)) }
    defer { close(file) }
    var status = stat()
    var bytes = [UInt8](repeating: 0, count: size + 1)
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, isPrivate(status),
      Glibc.read(file, &bytes, size + 1) == size
    else {
      throw TraceError("the file \(path)/key is no key that is its user's alone: remove it")
    }
    bytes.removeLast()
    return bytes
  }

  /// Whole or not at all; who makes it at the same moment wins or loses as a whole.
  private static func make(_ directory: Int32, _ path: String) throws(TraceError) {
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<size).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let name = "key.\(getpid()).\(random.next() as UInt64)"
    let file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(path, Errno(rawValue: errno)) }
    defer {
      close(file)
      unlinkat(directory, name, 0)
    }
    guard write(file, bytes, size) == size else { throw failure(path, Errno(rawValue: errno)) }
    if linkat(directory, name, directory, "key", 0) < 0, errno != EEXIST { throw failure(path, Errno(rawValue: errno)) }
  }
}

import Glibc

/// Tells others that the process which has made a directory still works on it: a lock that ends with the process.
final class DirectoryLock: Sendable {
  private let file: Int32

  /// A directory that cannot be locked only looks abandoned to those who ask.
  init(_ path: String) {
    file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if file >= 0 { flock(file, LOCK_SH | LOCK_NB) }
  }

  deinit { if file >= 0 { close(file) } }
}

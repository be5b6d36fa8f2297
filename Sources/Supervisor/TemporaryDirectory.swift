import CLinux
import Glibc
import SystemPackage

/// A directory of one process's, such as a run's below `--tmp`, which is removed with all that is in it.
///
/// It is locked while its process lives, so that a later one can remove what one that was killed left behind.
package final class TemporaryDirectory {
  package let path: String
  private let lock: Int32
  private var isRemoved = false

  /// - Parameter prefix: what its name begins with. A leftover is known by that, so it must be nobody else's.
  /// - Throws: `SupervisorError` if none can be made below `parent`.
  package init(in parent: String, prefix: String = ".uwrx-guest-") throws(SupervisorError) {
    guard let real = realPath(parent) else { throw Self.failure(parent) }
    Self.removeLeftovers(in: real, prefix)
    var template = Array("\(real)/\(prefix)XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Self.failure(parent) }
    path = String(cString: made)
    lock = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw Self.failure(parent) }
  }

  private static func failure(_ parent: String) -> SupervisorError {
    SupervisorError(
      "cannot make a temporary directory in \(parent): \(Errno(rawValue: uwrx_errno())); name another with --tmp")
  }

  package func remove() {
    guard !isRemoved else { return }
    isRemoved = true
    Self.removeTree(path)
    close(lock)
  }

  deinit { remove() }

  private static func removeLeftovers(in parent: String, _ prefix: String) {
    for name in directoryEntries(parent) ?? [] {
      guard name.hasPrefix(prefix), name.utf8.count == prefix.utf8.count + 6 else { continue }
      let path = "\(parent)/\(name)"
      let file = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard file >= 0 else { continue }
      defer { close(file) }
      var status = stat()
      guard fstat(file, &status) == 0, status.st_uid == geteuid(), flock(file, LOCK_EX | LOCK_NB) == 0 else { continue }
      removeTree(path)
    }
  }

  package static func removeTree(_ path: String) { TreeRemoval.remove(path) }
}

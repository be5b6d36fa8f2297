import CLinux
import Glibc
import Tracing

/// Removes a directory and all that is in it, however deep: what a guest has made may be deeper than any path can say.
///
/// No link is followed, nothing on another mount is touched, and modes without permission are changed for an ordinary user. A
/// directory below one of the top is moved to the top, so that there are never more than two levels to look at.
package struct TreeRemoval {
  private let top: Int32
  private let device: dev_t
  private var moved = 0

  /// - Returns: whether nothing is left.
  @discardableResult
  package static func remove(_ path: String) -> Bool {
    let top = openDirectory(AT_FDCWD, path, on: nil)
    guard top >= 0 else { return unlink(path) == 0 }
    defer { close(top) }
    var status = stat()
    guard fstat(top, &status) == 0 else { return false }
    var removal = TreeRemoval(top: top, device: status.st_dev)
    removal.empty()
    return rmdir(path) == 0
  }

  private init(top: Int32, device: dev_t) {
    self.top = top
    self.device = device
  }

  /// Until nothing more can be removed.
  private mutating func empty() {
    var hasRemoved = true
    while hasRemoved {
      hasRemoved = false
      for name in (try? DirectoryWalk.names(in: top)) ?? [] where remove(name) { hasRemoved = true }
    }
  }

  /// Removes an entry of the top; what is below it in directories may stand in the top afterwards.
  /// - Returns: whether it is gone, or has fewer entries.
  private mutating func remove(_ name: [CChar]) -> Bool {
    if unlinkat(top, name, 0) == 0 { return true }
    if unlinkat(top, name, AT_REMOVEDIR) == 0 { return true }
    let directory = Self.openDirectory(top, name, on: device)
    guard directory >= 0 else { return false }
    defer { close(directory) }
    var hasChanged = false
    for child in (try? DirectoryWalk.names(in: directory)) ?? [] {
      let isGone = unlinkat(directory, child, 0) == 0 || unlinkat(directory, child, AT_REMOVEDIR) == 0
      if isGone || raise(child, directory) { hasChanged = true }
    }
    return unlinkat(top, name, AT_REMOVEDIR) == 0 || hasChanged
  }

  /// Moves a directory to the top.
  private mutating func raise(_ child: [CChar], _ directory: Int32) -> Bool {
    // Its `..` changes, which needs permission to write to it.
    let file = Self.openDirectory(directory, child, on: device)
    guard file >= 0 else { return false }
    close(file)
    for _ in 0..<1000 {
      moved += 1
      // Not over what stands there: a name like this may be the guest's.
      let result = uwrx_renameat2(directory, child, top, ".uwrx-removed-\(moved)", 1 /* RENAME_NOREPLACE */)
      if result == 0 { return true }
      if result != -Int(EEXIST) { return false }
    }
    return false
  }

  /// Opens a directory itself, never what a link leads to, and gives its owner all permissions.
  /// - Parameter device: the file system that it must be on, if any.
  private static func openDirectory(_ parent: Int32, _ name: UnsafePointer<CChar>, on device: dev_t?) -> Int32 {
    let flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let place = Int32(uwrx_openat(parent, name, flags | 0o10000000 /* O_PATH */, 0))
    guard place >= 0 else { return -1 }
    defer { close(place) }
    var status = stat()
    guard fstat(place, &status) == 0, device == nil || status.st_dev == device else { return -1 }
    if status.st_mode & 0o700 != 0o700 {
      chmod("/proc/self/fd/\(place)", status.st_mode & 0o7777 | 0o700)
    }
    return Int32(uwrx_openat(place, ".", O_RDONLY | flags, 0))
  }
}

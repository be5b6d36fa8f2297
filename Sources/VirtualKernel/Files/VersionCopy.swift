import CLinux
import Glibc
import SystemPackage

/// A copy of a version of the run's, which has no name yet: its contents, mode and times.
struct VersionCopy {
  private let source: FileDescriptor
  /// What it is to be linked from.
  let file: FileDescriptor
  let status: stat
  /// Bytes that it takes, as far as they are not holes.
  private let size: Int64

  /// - Throws: `.noSpace` if the run may write no more.
  init(of path: UnsafePointer<CChar>, in directory: FileDescriptor, _ tree: FileTree) throws(Errno) {
    let source = try tree.host.open(directory, path, flags: O_RDONLY | O_CLOEXEC | O_NOFOLLOW, mode: 0)
    do throws(Errno) {
      status = try tree.host.status(of: source)
      size = min(Int64(status.st_size), Int64(status.st_blocks) * 512)
      try tree.requireSpace(.run, for: size)
      // Without a name until it is whole: two threads may be about to write, and one makes the copy for both.
      file = try tree.host.open(
        tree.configuration.places.trace, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    } catch {
      tree.host.close(source)
      throw error
    }
    self.source = source
    tree.room.beginCopy(size)
  }

  /// Without the virtual kernel's lock.
  func make(_ host: any HostFiles) throws(Errno) {
    try host.copyContents(from: source, to: file)
    try host.setMode(of: file, status.st_mode & 0o7777)
    try host.setTimes(of: file, access: status.st_atim, modification: status.st_mtim)
  }

  func end(_ tree: FileTree) {
    tree.host.close(source)
    tree.host.close(file)
    tree.room.endCopy(size)
  }
}

extension FileTree {
  /// - Returns: the work, if it is to be waited for; nil if it was done at once, as that of a small file is.
  func doOrWait(_ work: any BlockingWork, for copy: VersionCopy) throws(Errno) -> (any BlockingWork)? {
    if copy.status.st_size > inlineCopyLimit { return work }
    var failure: Errno?
    do throws(Errno) { try work.perform() } catch { failure = error }
    try work.publish(failed: failure != nil)
    if let failure { throw failure }
    return nil
  }
}

import CLinux
import Glibc
import SystemPackage

/// A copy of a version of the run's, which has no name yet: its contents, mode and times.
struct VersionCopy {
  /// What it is to be linked from.
  let file: FileDescriptor
  private let source: FileDescriptor
  private let status: stat
  /// Bytes that it takes, as far as they are not holes.
  private let size: Int64
  private let host: any HostFiles
  private let upperLayer: UpperLayer

  /// - Throws: `.noSpace` if the run may write no more.
  init(
    of path: UnsafePointer<CChar>, in directory: FileDescriptor, _ host: any HostFiles, _ upperLayer: UpperLayer
  ) throws(Errno) {
    let source = try host.open(directory, path, flags: O_RDONLY | O_CLOEXEC | O_NOFOLLOW, mode: 0)
    do throws(Errno) {
      status = try host.status(of: source)
      size = min(Int64(status.st_size), Int64(status.st_blocks) * 512)
      try upperLayer.requireSpace(.run, for: size)
      // Without a name until it is whole: two threads may be about to write, and one makes the copy for both.
      file = try host.open(upperLayer.places.trace, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    } catch {
      host.close(source)
      throw error
    }
    self.source = source
    self.host = host
    self.upperLayer = upperLayer
    upperLayer.beginCopy(size)
  }

  /// - Parameter work: makes the copy, and ends it when it is published.
  /// - Returns: the work, if it is to be waited for; nil if it was done at once, as that of a small file is.
  func doOrWait(_ work: any BlockingWork) throws(Errno) -> (any BlockingWork)? {
    if status.st_size > inlineCopyLimit { return work }
    var failure: Errno?
    do throws(Errno) { try work.perform() } catch { failure = error }
    try work.publish(failed: failure != nil)
    if let failure { throw failure }
    return nil
  }

  /// Without the virtual kernel's lock.
  func make() throws(Errno) {
    try host.copyContents(from: source, to: file)
    try host.setMode(of: file, status.st_mode & 0o7777)
    try host.setTimes(of: file, access: status.st_atim, modification: status.st_mtim)
  }

  func end() {
    host.close(source)
    host.close(file)
    upperLayer.endCopy(size)
  }
}

import CLinux
import Glibc
import SystemPackage

/// A copy of a version of the run's, which has no name yet: its contents, mode and times.
struct VersionCopy {
  private let source: FileDescriptor
  /// What it is to be linked from.
  let file: FileDescriptor
  private let status: stat
  /// Bytes that it takes, as far as they are not holes.
  private let size: Int64

  static func size(_ status: stat) -> Int64 { min(Int64(status.st_size), Int64(status.st_blocks) * 512) }

  /// - Parameters:
  ///   - source: the version, open for reading.
  ///   - file: without a name, open for writing.
  init(of source: FileDescriptor, in file: FileDescriptor, _ status: stat, _ tree: FileTree) {
    self.source = source
    self.file = file
    self.status = status
    size = Self.size(status)
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

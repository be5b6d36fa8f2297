import CLinux
import Glibc
import SystemPackage

/// Makes files of the host of what a run has left.
enum NewFile {
  /// A regular file, a symbolic link or a FIFO, whose name is not there yet.
  static func make(
    _ found: MergedView.Found, in view: MergedView, mode: UInt32, _ directory: Int32, _ name: [CChar]
  ) throws(Errno) {
    let time = found.entry.status.st_mtim
    switch found.type {
    case S_IFLNK:
      guard symlinkat(MergedView.cString(try view.linkTarget(found)), directory, name) == 0 else {
        throw Errno(rawValue: errno)
      }
      utimensat(directory, name, [time, time], AT_SYMLINK_NOFOLLOW)
    case S_IFIFO:
      guard mkfifoat(directory, name, 0o600) == 0 else { throw Errno(rawValue: errno) }
      let file = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
      guard file >= 0 else { throw Errno(rawValue: errno) }
      defer { close(file) }
      guard fchmod(file, mode_t(mode)) == 0 else { throw Errno(rawValue: errno) }
    default:
      let source = try view.open(found)
      defer { close(source.rawValue) }
      let copy = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard copy >= 0 else { throw Errno(rawValue: errno) }
      defer { close(copy) }
      try FileContents.copy(from: source, to: FileDescriptor(rawValue: copy))
      try setAttributes(found, in: view, copy)
      guard fchmod(copy, mode_t(mode)) == 0, futimens(copy, [time, time]) == 0 else { throw Errno(rawValue: errno) }
    }
  }

  /// The user's; a file system without them has none to keep.
  static func setAttributes(_ found: MergedView.Found, in view: MergedView, _ file: Int32) throws(Errno) {
    for attribute in try view.attributes(found) {
      let name = MergedView.cString(attribute.name)
      if fsetxattr(file, name, attribute.value, attribute.value.count, 0) < 0, errno != EOPNOTSUPP {
        throw Errno(rawValue: errno)
      }
    }
  }
}

import CLinux
import Glibc
import SystemPackage
import Tracing

/// Makes files of the host of what a run has left, whose names are not there yet.
enum NewFile {
  typealias Attributes = [(name: [UInt8], value: [UInt8])]

  /// A regular file, a symbolic link or a FIFO.
  static func make(
    _ found: MergedView.Found, in view: MergedView, mode: UInt32, _ directory: Int32, _ name: [CChar]
  ) throws(Errno) {
    switch found.type {
    case S_IFLNK: try makeLink(found, to: try view.linkTarget(found), directory, name)
    case S_IFIFO:
      guard mkfifoat(directory, name, 0o600) == 0 else { throw Errno(rawValue: errno) }
      let file = openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
      guard file >= 0 else { throw Errno(rawValue: errno) }
      defer { close(file) }
      guard fchmod(file, mode_t(mode)) == 0 else { throw Errno(rawValue: errno) }
    default:
      let source = try view.open(found)
      defer { close(source.rawValue) }
      try makeFile(found, of: source, try view.attributes(found), mode: mode, directory, name)
    }
  }

  static func makeLink(
    _ found: MergedView.Found, to target: [UInt8], _ directory: Int32, _ name: [CChar]
  ) throws(Errno) {
    guard symlinkat(MergedView.cString(target), directory, name) == 0 else { throw Errno(rawValue: errno) }
    let time = found.entry.status.st_mtim
    utimensat(directory, name, [time, time], AT_SYMLINK_NOFOLLOW)
  }

  static func makeFile(
    _ found: MergedView.Found, of source: FileDescriptor, _ attributes: Attributes, mode: UInt32, _ directory: Int32,
    _ name: [CChar]
  ) throws(Errno) {
    let copy = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard copy >= 0 else { throw Errno(rawValue: errno) }
    defer { close(copy) }
    try FileContents.copy(from: source, to: FileDescriptor(rawValue: copy))
    try setAttributes(attributes, copy)
    let time = found.entry.status.st_mtim
    guard fchmod(copy, mode_t(mode)) == 0, futimens(copy, [time, time]) == 0 else { throw Errno(rawValue: errno) }
  }

  /// A file system without attributes has none to keep.
  static func setAttributes(_ attributes: Attributes, _ file: Int32) throws(Errno) {
    for attribute in attributes {
      let name = MergedView.cString(attribute.name)
      if fsetxattr(file, name, attribute.value, attribute.value.count, 0) < 0, errno != EOPNOTSUPP {
        throw Errno(rawValue: errno)
      }
    }
  }

  /// Those of the user's, as far as they can be read.
  static func attributes(of file: FileDescriptor) -> Attributes {
    let all = (UserAttributes.all(of: file.rawValue) ?? [:]).compactMapValues { $0 }
    return all.map { (name: $0.key, value: $0.value) }.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}

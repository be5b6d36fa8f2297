import CLinux
import Glibc
import SystemPackage

/// What was there before a trace was applied, by the number of the step that has taken its place.
enum Original {
  /// Keeps a file or symbolic link: the very file where it can get another name, else a copy.
  static func keep(_ directory: Int32, _ name: [CChar], in store: Int32, as step: Int) throws(Errno) {
    if linkat(directory, name, store, "\(step)", 0) == 0 { return }
    // Of another file system; or the kernel lets nobody link what is another's (proc(5), protected_hardlinks).
    guard errno == EXDEV || errno == EPERM || errno == EMLINK else { throw Errno(rawValue: errno) }
    try copy(directory, name, to: store, MergedView.cString(Array("\(step)".utf8)))
  }

  /// Puts it back.
  static func restore(_ step: Int, from store: Int32, to directory: Int32, _ name: [CChar]) throws(Errno) {
    if renameat(store, "\(step)", directory, name) == 0 {
      // rename(2) does nothing where both are one file.
      unlinkat(store, "\(step)", 0)
      return
    }
    guard errno == EXDEV else { throw Errno(rawValue: errno) }
    let temporary = MergedView.cString(Temporary.name())
    try copy(store, MergedView.cString(Array("\(step)".utf8)), to: directory, temporary)
    guard renameat(directory, temporary, directory, name) == 0 else {
      let failure = errno
      unlinkat(directory, temporary, 0)
      throw Errno(rawValue: failure)
    }
  }

  private static func copy(_ from: Int32, _ name: [CChar], to: Int32, _ copyName: [CChar]) throws(Errno) {
    var status = stat()
    guard fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Errno(rawValue: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFLNK:
      var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      guard readlinkat(from, name, &target, Int(PATH_MAX)) >= 0, symlinkat(target, to, copyName) == 0 else {
        throw Errno(rawValue: errno)
      }
      utimensat(to, copyName, [status.st_atim, status.st_mtim], AT_SYMLINK_NOFOLLOW)
    case S_IFREG:
      let source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard source >= 0 else { throw Errno(rawValue: errno) }
      defer { close(source) }
      let copy = openat(to, copyName, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard copy >= 0 else { throw Errno(rawValue: errno) }
      defer { close(copy) }
      try FileContents.copy(from: FileDescriptor(rawValue: source), to: FileDescriptor(rawValue: copy))
      guard fchmod(copy, status.st_mode & 0o7777) == 0, futimens(copy, [status.st_atim, status.st_mtim]) == 0 else {
        throw Errno(rawValue: errno)
      }
    default: throw .notSupported
    }
  }
}

import Glibc
import SystemPackage
import Tracing

/// An export to a directory. Files are the user's who exports, without set-id bits.
struct DirectorySink: ExportSink {
  private let directory: HostDirectory

  init(_ path: String) throws(TraceError) {
    if mkdir(path, 0o777) < 0, errno != EEXIST { throw TraceError("cannot make \(path): \(Errno(rawValue: errno))") }
    do throws(Errno) {
      directory = try HostDirectory(path)
      guard try directory.names(in: []).isEmpty else { throw .directoryNotEmpty }
    } catch {
      throw TraceError(
        error == .directoryNotEmpty
          ? "there is something in \(path): give a directory that is empty or does not exist"
          : "cannot open \(path): \(error)")
    }
  }

  func add(_ found: MergedView.Found, _ path: [UInt8], in view: MergedView, hardLink: [UInt8]?) throws(TraceError) {
    do throws(Errno) {
      try directory.withParent(of: path) { parent, name throws(Errno) in
        if found.isDirectory {
          guard mkdirat(parent, name, 0o700) == 0 else { throw Errno(rawValue: errno) }
          let made = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
          guard made >= 0 else { throw Errno(rawValue: errno) }
          defer { close(made) }
          return try NewFile.setAttributes(view.attributes(found), made)
        }
        if let hardLink {
          let first = try directory.open(hardLink, flags: 0o10000000 /* O_PATH */)
          defer { close(first.rawValue) }
          if linkat(AT_FDCWD, "/proc/self/fd/\(first.rawValue)", parent, name, AT_SYMLINK_FOLLOW) == 0 { return }
        }
        try NewFile.make(found, in: view, mode: found.mode & 0o777, parent, name)
      }
    } catch { throw TraceError("cannot make \(Display.text(directory.fullPath(path))): \(error)") }
  }

  /// It is no harm if its times cannot be set.
  func leave(_ found: MergedView.Found, _ path: [UInt8]) {
    guard let file = try? directory.open(directory: path) else { return }
    defer { close(file.rawValue) }
    let time = found.entry.status.st_mtim
    futimens(file.rawValue, [time, time])
    fchmod(file.rawValue, mode_t(found.mode & 0o777))
  }
}

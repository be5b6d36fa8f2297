import Glibc
import Tracing

/// The link `last` in the directory that holds the runs: to the newest of them.
public enum LastLink {
  /// Made under another name and then put in place, so that it is there at all times. What stands there and is no link stays.
  /// - Parameter trace: the run's directory, without symbolic links.
  public static func set(runAt trace: String) {
    let parts = trace.split(separator: "/")
    guard parts.count > 2 else { return }
    let build = "/" + parts.dropLast(2).joined(separator: "/")
    let directory = open(build, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { return }
    defer { close(directory) }
    var status = stat()
    if fstatat(directory, "last", &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT != S_IFLNK { return }
    let temporary = String(decoding: Temporary.name(), as: UTF8.self)
    guard symlinkat(parts.suffix(2).joined(separator: "/"), directory, temporary) == 0 else { return }
    if renameat(directory, temporary, directory, "last") != 0 { unlinkat(directory, temporary, 0) }
  }

  /// There is no run any more.
  static func remove(in build: String) {
    var status = stat()
    if lstat("\(build)/last", &status) == 0, status.st_mode & S_IFMT == S_IFLNK { unlink("\(build)/last") }
  }
}

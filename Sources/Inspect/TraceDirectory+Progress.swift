import Glibc
import Tracing

extension TraceDirectory {
  /// Whether the run goes on: its supervisor holds a lock on the directory until it ends, however it does.
  public var isInProgress: Bool {
    if isComplete { return false }
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return false }
    defer { close(directory) }
    return flock(directory, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK
  }
}

import CLinux
import Glibc
import Supervisor

/// Leaves nothing behind when the user interrupts: ends what runs, removes the scratch directory, and exits.
public enum Interruption {
  /// Call it before any other thread is started: a thread blocks what its maker blocks.
  public static func prepare() {
    var signals = watched
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // Who reads our output may leave before the end.
    signal(SIGPIPE, SIG_IGN)
  }

  public static func remove(_ scratch: Scratch) {
    let isWatched = startThread {
      var signals = watched
      var signal: Int32 = 0
      while sigwait(&signals, &signal) != 0 {}
      LiveProcesses.shared.endForGood()
      scratch.remove()
      _exit(128 + signal)
    }
    guard !isWatched else { return }
    // Better to leave a directory behind than not to end.
    var signals = watched
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static var watched: sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { sigaddset(&signals, signal) }
    return signals
  }
}

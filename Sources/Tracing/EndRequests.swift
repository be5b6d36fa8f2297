import CLinux
import Glibc

/// The signals that ask a program for its end, for who waits for another program meanwhile.
public enum EndRequests {
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// One that was blocked when it came, and that nobody has received yet; it stays so.
  public static var pending: Int32? {
    var pending = sigset_t()
    sigpending(&pending)
    return signals.first { sigismember(&pending, $0) == 1 }
  }

  /// Holds them back until `body` returns.
  /// - Parameter body: gets a descriptor (signalfd(2), never waits) from which they can be read, and the mask that a child is to begin with.
  public static func heldBack<Result, Failure>(
    during body: (_ requests: Int32, _ previous: sigset_t) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var signals = sigset_t()
    var previous = sigset_t()
    sigemptyset(&signals)
    for signal in Self.signals { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    let requests = signalfd(-1, &signals, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
    defer { close(requests) }
    return try body(requests, previous)
  }
}

import CLinux
import Glibc
import Network
import SystemPackage

/// Does the proxy's work in a process that it makes for it, and in another one when that has died: who reads what anybody may have sent may crash, and
/// then connections end and not the network.
///
/// The process that watches reads nothing. It keeps the sockets open, so that connection requests and questions for names wait for the next.
struct ProxyWarden {
  let control: ControlChannel
  /// More than 0 when the guest has ended: nobody follows then.
  let endings: SharedNumber

  /// Who dies as often does so for a reason.
  private static let mostRestarts = 5

  /// To be called while the process has one thread.
  /// - Parameter work: done in a process of its own.
  /// - Returns: how this process is to end.
  func run(_ work: () throws -> Void) throws(Errno) -> Int32 {
    for restarts in 0... {
      let child = uwrx_fork_dependent()
      if child < 0 { throw Errno(rawValue: Int32(-child)) }
      if child == 0 {
        do { try work() } catch {
          control.send(.failed("\(error)"))
          exit(125)
        }
        exit(0)
      }
      let status = wait(pid_t(child))
      let code = uwrx_wait_exit_status(status)
      if uwrx_wait_exited(status) != 0, code == 0 || code == 125 { return code }
      let end =
        uwrx_wait_exited(status) != 0 ? "ended with \(code)" : "was killed by signal \(uwrx_wait_signal(status))"
      guard restarts < Self.mostRestarts, endings.current == 0 else {
        control.send(.note("uwrx-proxy \(end), and was not started again: the guest had no network from then on"))
        return 125
      }
      control.send(.note("uwrx-proxy \(end), and was started again: connections that were open then have ended"))
    }
    return 125
  }

  private func wait(_ child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return status
  }
}

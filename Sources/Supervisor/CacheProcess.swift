import CLinux
import Glibc
import Skipping
import SystemPackage

/// uwrx-cache: speaks with a shared cache, or knows the key of its records. A process of its own, since it reads what a server says.
package enum CacheProcess {
  static let helper = HelperProgram(name: "uwrx-cache", option: "a shared cache")

  /// Starts it, and waits until it is ready.
  static func start(_ configuration: CacheConfiguration) throws(SupervisorError) -> CacheClient {
    func failure(_ what: String) -> SupervisorError {
      SupervisorError("cannot \(what) of \(helper.name): \(Errno(rawValue: uwrx_errno()))")
    }
    let given = Int32(uwrx_memfd_create("configuration"))
    guard given >= 0 else { throw failure("hand over the configuration") }
    var ours: [FileDescriptor] = []
    var theirs: [Int32] = [given]
    defer { for descriptor in theirs { close(descriptor) } }
    func giveUp(_ error: SupervisorError) -> SupervisorError {
      for socket in ours { close(socket.rawValue) }
      return error
    }
    do { try FileDescriptor(rawValue: given).writeAll(configuration.bytes) } catch {
      throw failure("hand over the configuration")
    }
    lseek(given, 0, SEEK_SET)
    for _ in 0..<CacheClient.sockets {
      var pair: [Int32] = [-1, -1]
      guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &pair) == 0 else {
        throw giveUp(failure("make the sockets"))
      }
      ours.append(FileDescriptor(rawValue: pair[0]))
      theirs.append(pair[1])
    }
    let pid: pid_t
    do throws(SupervisorError) { pid = try helper.start(theirs) } catch { throw giveUp(error) }
    let ending = Ending(pid)
    let client = CacheClient(ours) { ending.end() }
    // Its own ends are closed, so that who waits hears of its end.
    for descriptor in theirs { close(descriptor) }
    theirs = []
    if let reason = client.waitUntilReady() {
      client.close()
      throw SupervisorError("\(helper.name): \(reason)")
    }
    return client
  }

  /// Makes a pair of keys in its place: this process ends with it.
  /// - Throws: if it cannot be begun.
  package static func makeKey(_ path: String) throws(SupervisorError) {
    let program = try HelperProgram(name: helper.name, option: "uwrx cache key").path()
    var arguments = [strdup(helper.name), strdup("key"), strdup(path), nil]
    execv(program, &arguments)
    let failure = Errno(rawValue: uwrx_errno())
    for argument in arguments { free(argument) }
    throw SupervisorError("cannot start \(program): \(failure)")
  }

  /// Ends a process once.
  private final class Ending: Sendable {
    private let pid: Monitor<pid_t?>
    init(_ pid: pid_t) { self.pid = Monitor(pid) }

    func end() {
      guard
        let pid = pid.withLock({ pid in
          defer { pid = nil }
          return pid
        })
      else { return }
      kill(pid, SIGKILL)
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, uwrx_errno() == EINTR {}
    }
  }
}

import CLinux
import Glibc
import SystemPackage

/// What the user gave to the run as descriptors 0, 1 and 2. The guest shares the open files with whoever gave them, and could leave
/// them changed: a log that does not append any more, a terminal that is raw, stopped or nobody else's.
struct StandardDescriptors {
  private struct Given {
    let descriptor: Int32
    let flags: Int32
    let attributes: termios?
    let isExclusive: Bool
    let isLocked: Bool
  }

  private let given: [Given]
  /// Connections of the host's network, which the guest has by way of a relay.
  let connections: [SocketRelay]

  /// - Throws: what the guest cannot be given.
  init() throws(SupervisorError) {
    var given: [Given] = []
    var connections: [SocketRelay] = []
    let names = ["standard input", "standard output", "standard error"]
    if let closed = ClosedDescriptors.hold() {
      throw SupervisorError("cannot keep the closed \(names[Int(closed)]) closed: open it, as with /dev/null")
    }
    for (descriptor, name) in names.enumerated() {
      let descriptor = Int32(descriptor)
      if ClosedDescriptors.contains(descriptor) {
        // What only names a place of the host's would lead the guest there.
        _ = uwrx_fcntl(descriptor, F_SETFD, Int(FD_CLOEXEC))
        continue
      }
      var status = stat()
      guard fstat(descriptor, &status) == 0 else {
        throw SupervisorError("cannot look at the \(name): \(Errno(rawValue: uwrx_errno()))")
      }
      switch status.st_mode & 0o170000 {
      case 0o040000:
        // The guest could walk the host from there.
        throw SupervisorError("the \(name) is a directory; redirect it to a file or to /dev/null")
      case 0o140000:
        if let index = connections.firstIndex(where: { $0.isSame(status) }) {
          connections[index].descriptors.append(descriptor)
        } else if let relay = try SocketRelay(descriptor, status, name) {
          connections.append(relay)
        }
      default: break
      }
      given.append(Self.look(at: descriptor))
    }
    self.given = given
    self.connections = connections
  }

  private static func look(at descriptor: Int32) -> Given {
    var attributes = termios()
    let isTerminal = tcgetattr(descriptor, &attributes) == 0
    return Given(
      descriptor: descriptor, flags: Int32(truncatingIfNeeded: uwrx_fcntl(descriptor, F_GETFL, 0)),
      attributes: isTerminal ? attributes : nil,
      isExclusive: isTerminal && uwrx_terminal_is_exclusive(descriptor) != 0, isLocked: isLocked(descriptor))
  }

  /// Whether the open file description holds a lock (proc_pid_fdinfo(5)).
  private static func isLocked(_ descriptor: Int32) -> Bool {
    let text = LimitEnforcer.read("/proc/self/fdinfo/\(descriptor)")
    return text?.utf8.split(separator: 0x0a).contains { $0.starts(with: "lock:".utf8) } ?? false
  }

  /// The guest has ended.
  /// - Parameter ownsTerminal: whether this is the terminal's foreground job. Another one may have changed it on purpose.
  func putBack(ownsTerminal: Bool) {
    for file in given {
      // fcntl(2): what F_SETFL changes, and nothing else.
      let changeable = O_APPEND | O_NONBLOCK | 0o20000 | 0o40000 | 0o1000000  // O_ASYNC, O_DIRECT, O_NOATIME
      let now = Int32(truncatingIfNeeded: uwrx_fcntl(file.descriptor, F_GETFL, 0))
      if file.flags >= 0, now >= 0, (now ^ file.flags) & changeable != 0 {
        _ = uwrx_fcntl(file.descriptor, F_SETFL, Int(file.flags))
      }
      if !file.isLocked, Self.isLocked(file.descriptor) { uwrx_unlock_description(file.descriptor) }
      guard var attributes = file.attributes else { continue }
      if !file.isExclusive, uwrx_terminal_is_exclusive(file.descriptor) != 0 {
        uwrx_terminal_end_exclusive(file.descriptor)
      }
      // Output that the guest has stopped would keep the next one who writes waiting, and that may be this program.
      tcflow(file.descriptor, TCOON)
      guard ownsTerminal else { continue }
      var current = termios()
      guard tcgetattr(file.descriptor, &current) == 0, !Self.areEqual(&current, &attributes) else { continue }
      tcsetattr(file.descriptor, TCSANOW, &attributes)
    }
  }

  private static func areEqual(_ left: inout termios, _ right: inout termios) -> Bool {
    memcmp(&left, &right, MemoryLayout<termios>.size) == 0
  }
}

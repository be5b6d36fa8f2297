import CLinux
import Glibc
import Network
import SystemPackage
import Tracing

/// uwrx-proxy: the other side of the guest's network, a process of its own, since it reads what anybody may have sent.
final class ProxyProcess {
  let control: FileDescriptor
  /// Guest init's end of its channel to the proxy.
  private(set) var channel: FileDescriptor?
  private var pid: pid_t
  /// Whether all that it had to tell was told.
  private(set) var hasFinished = false
  /// What it said when it could not go on.
  private(set) var failure: String?

  static let program = "uwrx-proxy"
  private static let helper = HelperProgram(name: program, option: "--net")
  private var buffer = [UInt8](repeating: 0, count: ControlMessage.largest)
  /// Milliseconds that it may take to begin, and to write what it has when the guest has ended.
  private static let patience: Int32 = 30_000

  /// - Parameters:
  ///   - directory: `net` of the trace, which is there.
  ///   - recorded: that of the run which is made again.
  init(_ configuration: ProxyConfiguration, directory: String, recorded: String?) throws(SupervisorError) {
    var control: [Int32] = [-1, -1]
    var channel: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | O_CLOEXEC
    guard socketpair(AF_UNIX, type, 0, &control) == 0, socketpair(AF_UNIX, type, 0, &channel) == 0 else {
      throw Self.failure("make the sockets to \(Self.program)")
    }
    let network = Glibc.open(directory, O_DIRECTORY | O_CLOEXEC)
    let earlier = recorded.map { Glibc.open($0, O_DIRECTORY | O_CLOEXEC) }
    if let recorded, earlier! < 0 { throw Self.failure("open \(recorded)") }
    let given = Int32(uwrx_memfd_create("configuration"))
    defer {
      for descriptor in [control[1], channel[1], network, given, earlier ?? -1] where descriptor >= 0 {
        close(descriptor)
      }
    }
    guard network >= 0, given >= 0 else { throw Self.failure("hand over the configuration of \(Self.program)") }
    do { try FileDescriptor(rawValue: given).writeAll(configuration.bytes) } catch {
      throw SupervisorError("cannot hand over the configuration of \(Self.program): \(error)")
    }
    lseek(given, 0, SEEK_SET)

    do throws(SupervisorError) {
      pid = try Self.helper.start([control[1], channel[1], network, given] + (earlier.map { [$0] } ?? []))
    } catch {
      close(control[0])
      close(channel[0])
      throw error
    }
    self.control = FileDescriptor(rawValue: control[0])
    self.channel = FileDescriptor(rawValue: channel[0])
  }

  deinit {
    closeChannel()
    close(control.rawValue)
    end()
  }

  /// Guest init has its own now.
  func closeChannel() {
    if let channel { close(channel.rawValue) }
    channel = nil
  }

  private static func failure(_ what: String) -> SupervisorError {
    SupervisorError("cannot \(what): \(Errno(rawValue: uwrx_errno()))")
  }

  /// Waits for the certificate of the run's own authority.
  func authority() throws(SupervisorError) -> (certificate: [UInt8], hashes: [String]) {
    guard case .authority(let certificate, let hashes) = try next() else {
      throw SupervisorError(failure ?? "\(Self.program) has ended before it began")
    }
    return (certificate, hashes)
  }

  /// Waits until it has its sockets, or says why it has not.
  func waitUntilReady() throws(SupervisorError) {
    guard case .ready = try next() else {
      throw SupervisorError(failure ?? "\(Self.program) has ended before the guest had a network")
    }
  }

  /// Waits until it has looked at the keystore that stands in the place for it.
  /// - Returns: whether the other is it.
  func splice() throws(SupervisorError) -> Bool {
    let message = ControlMessage.splice.bytes
    guard send(control.rawValue, message, message.count, Int32(MSG_NOSIGNAL)) >= 0 else { return false }
    while true {
      switch try next() {
      case .spliced(let isMade): return isMade
      case nil: return false
      default: continue
      }
    }
  }

  private func next() throws(SupervisorError) -> ControlMessage? {
    var ready = pollfd(fd: control.rawValue, events: Int16(POLLIN), revents: 0)
    while true {
      let result = poll(&ready, 1, Self.patience)
      if result < 0, uwrx_errno() == EINTR { continue }
      guard result > 0 else { throw SupervisorError("\(Self.program) does not answer") }
      return receive().message
    }
  }

  /// Takes the next message that is there.
  /// - Returns: `isOver` if there can be no more.
  func receive() -> (message: ControlMessage?, isOver: Bool) {
    let count = recv(control.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    guard count > 0 else { return (nil, count == 0 || uwrx_errno() != EAGAIN && uwrx_errno() != EINTR) }
    let message = ControlMessage(buffer[..<count])
    switch message {
    case .failed(let reason): failure = reason
    case .finished: hasFinished = true
    default: break
    }
    return (message, false)
  }

  /// The guest has ended: what the proxy knows is handed to `take`, to its end.
  /// - Returns: whether all of it has come.
  func finish(_ take: (ControlMessage) -> Void) -> Bool {
    let message = ControlMessage.finish.bytes
    _ = send(control.rawValue, message, message.count, Int32(MSG_NOSIGNAL))
    var ready = pollfd(fd: control.rawValue, events: Int16(POLLIN), revents: 0)
    while !hasFinished {
      let result = poll(&ready, 1, Self.patience)
      if result < 0, uwrx_errno() == EINTR { continue }
      guard result > 0 else { break }
      let (message, isOver) = receive()
      if let message { take(message) }
      if isOver { break }
    }
    end()
    return hasFinished
  }

  private func end() {
    guard pid > 0 else { return }
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, uwrx_errno() == EINTR {}
    pid = 0
  }
}

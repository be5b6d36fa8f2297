import CLinux
import Glibc
import Reproducibility
import Synchronization
import SystemPackage
import VirtualKernel

/// Random devices of a run with a seed: ends of pairs of sockets, whose other ends one thread keeps filled.
///
/// A socket and no pipe, because of SO_RCVLOWAT (socket(7)): a read(2) of as many bytes as a program likes waits for all of them, as with the
/// device. Of a pipe it takes what is there, and `dd bs=1M` makes files of other sizes each time.
final class RandomSockets: RandomDevices {
  /// The supervisor has a descriptor for each.
  private static let most = 256
  /// What one has at first: most programs take some bytes and are done.
  private static let pageSize = 4096
  /// What one holds that somebody reads much of.
  private static let largeBuffer: Int32 = 1 << 17

  /// What the thread has a hand in, which lives as long as it.
  private final class Feeder: Sendable {
    let poll: Int32
    let end: Int32
    let streams = Mutex<[Int32: RandomStream]>([:])

    init(poll: Int32, end: Int32) {
      self.poll = poll
      self.end = end
    }

    deinit {
      close(poll)
      close(end)
    }
  }

  private var feeder: Feeder?

  deinit {
    guard let feeder else { return }
    var one: UInt64 = 1
    Glibc.write(feeder.end, &one, 8)
  }

  func open(_ stream: RandomStream, isNonBlocking: Bool) throws(Errno) -> FileDescriptor {
    let feeder = try startFeeder()
    guard feeder.streams.withLock({ $0.count }) < Self.most else { throw .init(rawValue: ENFILE) }
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw Errno(rawValue: uwrx_errno())
    }
    let (guests, ours) = (ends[0], ends[1])
    Self.set(guests, SO_RCVLOWAT, .max)
    if isNonBlocking { _ = uwrx_fcntl(guests, F_SETFL, Int(O_NONBLOCK)) }
    // The least that there is.
    Self.set(ours, SO_SNDBUF, 0)
    var stream = stream
    Self.fill(ours, &stream)
    feeder.streams.withLock { $0[ours] = stream }
    var event = epoll_event(events: EPOLLOUT.rawValue | EPOLLIN.rawValue, data: epoll_data_t(fd: ours))
    guard epoll_ctl(feeder.poll, EPOLL_CTL_ADD, ours, &event) == 0 else {
      let error = Errno(rawValue: uwrx_errno())
      _ = feeder.streams.withLock { $0.removeValue(forKey: ours) }
      close(guests)
      close(ours)
      throw error
    }
    return FileDescriptor(rawValue: guests)
  }

  private func startFeeder() throws(Errno) -> Feeder {
    if let feeder { return feeder }
    let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard poll >= 0 else { throw Errno(rawValue: uwrx_errno()) }
    let end = Int32(uwrx_eventfd(0))
    let feeder = Feeder(poll: poll, end: end)
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: end))
    guard end >= 0, epoll_ctl(poll, EPOLL_CTL_ADD, end, &event) == 0 else { throw Errno(rawValue: uwrx_errno()) }
    guard startThread({ Self.feed(feeder) }) else { throw .resourceTemporarilyUnavailable }
    self.feeder = feeder
    return feeder
  }

  private static func feed(_ feeder: Feeder) {
    var events = [epoll_event](repeating: epoll_event(), count: 16)
    while true {
      let count = epoll_wait(feeder.poll, &events, Int32(events.count), -1)
      for event in events.prefix(max(0, Int(count))) {
        let socket = event.data.fd
        if socket == feeder.end { return feeder.streams.withLock { $0.keys.forEach { close($0) } } }
        feeder.streams.withLock { streams in
          guard event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) == 0, var stream = streams[socket] else {
            streams[socket] = nil
            // Under the lock: its number is another's at once.
            close(socket)
            return
          }
          // What is written to the device changes nothing.
          if event.events & EPOLLIN.rawValue != 0 { drain(socket) }
          guard event.events & EPOLLOUT.rawValue != 0 else { return }
          set(socket, SO_SNDBUF, largeBuffer)
          fill(socket, &stream)
          streams[socket] = stream
        }
      }
    }
  }

  private static func drain(_ socket: Int32) {
    withUnsafeTemporaryAllocation(byteCount: pageSize, alignment: 8) { page in
      while recv(socket, page.baseAddress!, page.count, Int32(MSG_DONTWAIT)) == page.count {}
    }
  }

  /// Writes until the socket is full.
  private static func fill(_ socket: Int32, _ stream: inout RandomStream) {
    withUnsafeTemporaryAllocation(byteCount: pageSize, alignment: 8) { page in
      while true {
        var next = stream
        next.fill(page)
        let count = send(socket, page.baseAddress!, page.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        guard count > 0 else { return }
        if count == page.count {
          stream = next
        } else {
          stream.fill(UnsafeMutableRawBufferPointer(rebasing: page[..<count]))
        }
      }
    }
  }

  private static func set(_ socket: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(socket, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}

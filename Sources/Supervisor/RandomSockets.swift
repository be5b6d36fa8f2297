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

  private struct Device {
    var socket: Int32
    var stream: RandomStream
  }

  /// What the thread has a hand in, which lives as long as it.
  private final class Feeder: Sendable {
    let poll: Int32
    let end: Int32
    /// By a number that is never used again, as that of a descriptor is.
    let devices = Mutex<[UInt64: Device]>([:])

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
  private var lastSerial: UInt64 = 0

  deinit {
    guard let feeder else { return }
    var one: UInt64 = 1
    Glibc.write(feeder.end, &one, 8)
  }

  func open(_ stream: RandomStream, isNonBlocking: Bool) throws(Errno) -> FileDescriptor {
    let feeder = try startFeeder()
    if feeder.devices.withLock({ $0.count }) >= Self.most {
      // The thread may not have come to those that were closed.
      Self.serve(feeder, wait: 0)
      guard feeder.devices.withLock({ $0.count }) < Self.most else { throw .init(rawValue: ENFILE) }
    }
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw Errno(rawValue: uwrx_errno())
    }
    let (guests, ours) = (ends[0], ends[1])
    Self.set(guests, SO_RCVLOWAT, .max)
    if isNonBlocking { _ = uwrx_fcntl(guests, F_SETFL, Int(O_NONBLOCK)) }
    // The least that there is.
    Self.set(ours, SO_SNDBUF, 0)
    var device = Device(socket: ours, stream: stream)
    Self.fill(&device)
    lastSerial += 1
    let serial = lastSerial
    feeder.devices.withLock { $0[serial] = device }
    var event = epoll_event(events: EPOLLOUT.rawValue | EPOLLIN.rawValue, data: epoll_data_t(u64: serial))
    guard epoll_ctl(feeder.poll, EPOLL_CTL_ADD, ours, &event) == 0 else {
      let error = Errno(rawValue: uwrx_errno())
      _ = feeder.devices.withLock { $0.removeValue(forKey: serial) }
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
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
    guard end >= 0, epoll_ctl(poll, EPOLL_CTL_ADD, end, &event) == 0 else { throw Errno(rawValue: uwrx_errno()) }
    guard startThread({ while Self.serve(feeder, wait: -1) {} }) else { throw .resourceTemporarilyUnavailable }
    self.feeder = feeder
    return feeder
  }

  /// Fills what was read from, and closes what was closed.
  /// - Returns: false at the end, when all is closed.
  @discardableResult
  private static func serve(_ feeder: Feeder, wait: Int32) -> Bool {
    withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: most) { events in
      let count = Int(epoll_wait(feeder.poll, events.baseAddress!, Int32(most), wait))
      for event in events.prefix(max(0, count)) {
        if event.data.u64 == 0 {
          feeder.devices.withLock { devices in
            for device in devices.values { close(device.socket) }
            devices = [:]
          }
          return false
        }
        serve(event, feeder)
      }
      return true
    }
  }

  private static func serve(_ event: epoll_event, _ feeder: Feeder) {
    feeder.devices.withLock { devices in
      let serial = event.data.u64
      guard var device = devices[serial] else { return }
      guard event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) == 0 else {
        devices[serial] = nil
        close(device.socket)
        return
      }
      // What is written to the device changes nothing.
      if event.events & EPOLLIN.rawValue != 0 { drain(device.socket) }
      guard event.events & EPOLLOUT.rawValue != 0 else { return }
      set(device.socket, SO_SNDBUF, largeBuffer)
      fill(&device)
      devices[serial] = device
    }
  }

  private static func drain(_ socket: Int32) {
    withUnsafeTemporaryAllocation(byteCount: pageSize, alignment: 8) { page in
      while recv(socket, page.baseAddress!, page.count, Int32(MSG_DONTWAIT)) == page.count {}
    }
  }

  /// Writes until the socket is full.
  private static func fill(_ device: inout Device) {
    withUnsafeTemporaryAllocation(byteCount: pageSize, alignment: 8) { page in
      while true {
        var next = device.stream
        next.fill(page)
        let count = send(
          device.socket, page.baseAddress!, page.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        guard count > 0 else { return }
        if count == page.count {
          device.stream = next
        } else {
          device.stream.fill(UnsafeMutableRawBufferPointer(rebasing: page[..<count]))
        }
      }
    }
  }

  private static func set(_ socket: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(socket, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}

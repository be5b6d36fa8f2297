import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// Receives the guest's system calls, asks the virtual kernel and answers.
///
/// There is one receiver thread: threads that wait on one listener are all woken by each notification.
final class Receiver: @unchecked Sendable {
  private let listener: FileDescriptor
  private let kernel: VirtualKernel
  /// Guards the virtual kernel.
  private let lock: Lock
  private let pool = BlockingPool()
  private let handOverFlags = KernelFeatures.filterFlags == 0 ? UInt32(SECCOMP_ADDFD_FLAG_SEND) : 0
  /// By the number of the call. To be read when the guest has ended.
  private let totals = UnsafeMutablePointer<CallTotals>.allocate(capacity: callCount)
  private static let callCount = 512
  /// What `takeClosings` reads; -1 before the guest watches directories.
  private var closings: Int32 = -1
  private var hasStopped = false
  /// The processor time of the receiver's own thread; 0 before it runs.
  private var clock: clockid_t = 0

  init(listener: FileDescriptor, kernel: VirtualKernel, lock: Lock) {
    self.listener = listener
    self.kernel = kernel
    self.lock = lock
    totals.initialize(
      repeating: CallTotals(count: 0, totalTime: 0, longestTime: 0), count: Self.callCount)
    // Linux 6.6: the woken side runs at once on this processor. Older kernels answer EINVAL and work without.
    _ = uwrx_notification_sync_wake_up(listener.rawValue)
  }

  deinit { totals.deallocate() }

  /// How each call was used that was used at all, by its number.
  var usedCalls: [(number: Int32, totals: CallTotals)] {
    (0..<Self.callCount).filter { totals[$0].count > 0 }.map { (Int32($0), totals[$0]) }
  }

  /// Waits until no work is under way that a call had to wait for. The guest has ended.
  func waitForWork() {
    pool.drain()
    lock.lock()
    hasStopped = true
    // What a watch is followed by when it is taken away wakes the thread.
    if closings >= 0 { inotify_rm_watch(closings, inotify_add_watch(closings, "/", UInt32(IN_DELETE_SELF))) }
    lock.unlock()
  }

  /// - Returns: false if the threads that it takes cannot be made.
  func start() -> Bool {
    lock.lock()
    kernel.onClosings { [unowned self] closings in
      self.closings = closings.rawValue
      return startThread { [self] in takeClosings(closings.rawValue) }
    }
    lock.unlock()
    return pool.start() && startThread { self.run() }
  }

  /// Seconds of processor time that were used to answer the guest; nil if that cannot be had in this time.
  func processorTime(within seconds: Double) -> Double? {
    guard lock.lock(within: seconds) else { return nil }
    defer { lock.unlock() }
    return Double(pool.processorTime + (clock == 0 ? 0 : nanoseconds(of: clock))) / 1e9
  }

  private func run() {
    lock.lock()
    if pthread_getcpuclockid(pthread_self(), &clock) != 0 { clock = 0 }
    lock.unlock()
    var raw = seccomp_notif()
    while true {
      // The kernel refuses a buffer that is not zero.
      raw = seccomp_notif()
      let result = uwrx_notification_receive(listener.rawValue, &raw)
      if result == 0 {
        answer(Notification(raw, time: Self.now()))
        continue
      }
      // ENOENT: the caller died in between, or the last process under the filter has ended.
      if result == -Int(ENOENT), hasEnded() { return }
      if result != -Int(ENOENT), result != -Int(EINTR) { return }
    }
  }

  /// Directories that the guest watches were closed.
  private func takeClosings(_ closings: Int32) {
    defer { close(closings) }
    while true {
      var polled = pollfd(fd: closings, events: Int16(POLLIN), revents: 0)
      guard poll(&polled, 1, -1) > 0 || uwrx_errno() == EINTR else { return }
      lock.lock()
      defer { lock.unlock() }
      if hasStopped { return }
      kernel.takeClosings()
    }
  }

  private func hasEnded() -> Bool {
    var polled = pollfd(fd: listener.rawValue, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, 0) > 0 && polled.revents & Int16(POLLHUP) != 0
  }

  private func answer(_ notification: Notification) {
    lock.lock()
    defer { lock.unlock() }
    decideAndSend(notification)
  }

  /// Runs under the lock. Whatever fails ends in an errno for the guest.
  private func decideAndSend(_ notification: Notification) {
    do throws(Errno) {
      switch try kernel.decide(notification) {
      case .value(let value): send(notification.id, value: value, error: 0, flags: 0)
      case .replacing(let files, let value):
        for (descriptor, file) in files { replace(notification.id, descriptor, file) }
        send(notification.id, value: value, error: 0, flags: 0)
      case .continue: send(notification.id, value: 0, error: 0, flags: UInt32(SECCOMP_USER_NOTIF_FLAG_CONTINUE))
      case .descriptor(let file, let closeOnExec, let keep):
        inject(notification.id, file, closeOnExec: closeOnExec, keep: keep)
      case .blocked(let work):
        var suspended = notification
        suspended.firstEvent = kernel.didSuspend()
        return wait(for: work, suspended)
      }
    } catch {
      send(notification.id, value: 0, error: -error.rawValue, flags: 0)
    }
    didAnswer(notification)
  }

  private func didAnswer(_ notification: Notification) {
    let duration = Self.now() &- notification.time
    kernel.didAnswer(after: duration)
    guard notification.number >= 0, notification.number < Self.callCount else { return }
    let total = totals + Int(notification.number)
    total.pointee.count += 1
    total.pointee.totalTime &+= duration
    total.pointee.longestTime = max(total.pointee.longestTime, duration)
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func wait(for work: any BlockingWork, _ notification: Notification) {
    let box = NotificationBox(notification)
    pool.submit { [self] in
      var failure: Errno?
      do throws(Errno) { try work.perform() } catch { failure = error }
      lock.lock()
      defer { lock.unlock() }
      do throws(Errno) { try work.publish(failed: failure != nil) } catch { failure = failure ?? error }
      if let failure {
        send(box.notification.id, value: 0, error: -failure.rawValue, flags: 0)
        kernel.resume(box.notification)
        didAnswer(box.notification)
      } else if let value = work.value {
        send(box.notification.id, value: value, error: 0, flags: 0)
        kernel.resume(box.notification)
        didAnswer(box.notification)
      } else {
        decideAndSend(box.notification)
      }
    }
  }

  private func send(_ id: UInt64, value: Int64, error: Int32, flags: UInt32) {
    var response = seccomp_notif_resp(id: id, val: value, error: error, flags: flags)
    // ENOENT: the caller has died meanwhile.
    _ = uwrx_notification_send(listener.rawValue, &response)
  }

  /// The guest's descriptor leads to another file from now on.
  private func replace(_ id: UInt64, _ descriptor: Int32, _ file: FileDescriptor) {
    var request = seccomp_notif_addfd(
      id: id, flags: UInt32(SECCOMP_ADDFD_FLAG_SETFD), srcfd: UInt32(file.rawValue), newfd: UInt32(descriptor),
      newfd_flags: 0)
    // What cannot be replaced stays what it was.
    _ = uwrx_notification_add_descriptor(listener.rawValue, &request)
    Glibc.close(file.rawValue)
  }

  /// The guest gets the file, and then the number of its descriptor.
  ///
  /// In one step (SECCOMP_ADDFD_FLAG_SEND) the guest would go on while the supervisor still had the file open: a lock were still held
  /// after the guest's last close, and the guest would be woken on another processor, from where it waits for this one. In two steps
  /// only its death can come between, since a call that was received is not interrupted any more (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).
  private func inject(_ id: UInt64, _ file: FileDescriptor, closeOnExec: Bool, keep: Bool) {
    var request = seccomp_notif_addfd(
      id: id, flags: handOverFlags, srcfd: UInt32(file.rawValue), newfd: 0,
      newfd_flags: closeOnExec ? UInt32(O_CLOEXEC) : 0)
    let result = uwrx_notification_add_descriptor(listener.rawValue, &request)
    if !keep { Glibc.close(file.rawValue) }
    if result >= 0 {
      kernel.didInstall(Int32(result))
      if request.flags == 0 { send(id, value: Int64(result), error: 0, flags: 0) }
    } else {
      // EMFILE and the like are the guest's own; it still waits for an answer.
      kernel.didFailToInstall(Errno(rawValue: Int32(-result)))
      send(id, value: 0, error: Int32(result), flags: 0)
    }
  }
}

/// A notification for another thread; plain numbers.
private final class NotificationBox: @unchecked Sendable {
  let notification: Notification
  init(_ notification: Notification) { self.notification = notification }
}

extension Notification {
  init(_ raw: seccomp_notif, time: UInt64) {
    self.init(
      id: raw.id, thread: AbsTid(rawValue: Int32(bitPattern: raw.pid)), number: raw.data.nr, arguments: raw.data.args,
      time: time)
  }
}

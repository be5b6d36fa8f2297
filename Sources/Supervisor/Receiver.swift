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
  private let deadlines = DeadlineWaits()
  /// The guest has ended: what still comes is of threads that were killed.
  private var refusesWaits = false
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
    deadlines.end = { [weak self] in self?.end($0, $1, $2) }
  }

  deinit { totals.deallocate() }

  /// How each call was used that was used at all, by its number.
  var usedCalls: [(number: Int32, totals: CallTotals)] {
    (0..<Self.callCount).filter { totals[$0].count > 0 }.map { (Int32($0), totals[$0]) }
  }

  /// Waits until no work is under way that a call had to wait for. The guest has ended.
  func waitForWork() {
    lock.lock()
    refusesWaits = true
    lock.unlock()
    pool.drain()
    deadlines.drain()
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
        answer(Notification(raw, time: monotonicTime()))
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
    decideAndAnswer(notification, PendingCall(notification.id, of: notification.thread, on: listener))
  }

  /// Runs under the lock. Whatever fails ends in an errno for the guest.
  private func decideAndAnswer(_ notification: Notification, _ call: consuming PendingCall) {
    let outcome: Outcome
    do throws(Errno) { outcome = try kernel.decide(notification) } catch {
      call.fail(error)
      return didAnswer(notification)
    }
    switch outcome {
    case .value(let value): call.answer(value: value)
    case .replacing(let files, let value):
      for (descriptor, file) in files { call.replace(descriptor, by: file) }
      call.answer(value: value)
    case .continue: call.letThrough()
    case .descriptor(let file, let closeOnExec, let keep):
      call.handOver(file, closeOnExec: closeOnExec, keep: keep) { result in
        switch result {
        case .success(let descriptor): kernel.didInstall(descriptor)
        case .failure(let error): kernel.didFailToInstall(error)
        }
      }
    case .waiting(let deadline):
      if refusesWaits { return call.fail(.interrupted) }
      let suspended = suspend(notification, call)
      if !deadlines.add(deadline, suspended) {
        // Without a thread the call is answered as if a signal had come.
        suspended.call.take()?.fail(.interrupted)
        didAnswer(suspended)
      }
      return
    case .repeated(let arguments):
      if refusesWaits { return call.fail(.interrupted) }
      return letRepeat(arguments, suspend(notification, call))
    case .blocked(let work): return wait(for: work, suspend(notification, call))
    }
    didAnswer(notification)
  }

  private func didAnswer(_ notification: Notification) {
    let duration = monotonicTime() &- notification.time
    kernel.didAnswer(after: duration)
    guard notification.number >= 0, notification.number < Self.callCount else { return }
    let total = totals + Int(notification.number)
    total.pointee.count += 1
    total.pointee.totalTime &+= duration
    total.pointee.longestTime = max(total.pointee.longestTime, duration)
  }

  private func suspend(_ notification: Notification, _ call: consuming PendingCall) -> SuspendedCall {
    var notification = notification
    notification.firstEvent = kernel.didSuspend()
    return SuspendedCall(notification, call)
  }

  private func didAnswer(_ suspended: SuspendedCall) {
    kernel.resume(suspended.notification)
    didAnswer(suspended.notification)
  }

  /// A wait of the guest's is over. Runs without the lock.
  private func end(_ wait: DeadlineWait, _ suspended: SuspendedCall, _ result: Result<Int64, Errno>?) {
    lock.lock()
    defer { lock.unlock() }
    guard let call = suspended.call.take() else { return }
    switch result ?? wait.expire() {
    case .success(let value): call.answer(value: value)
    case .failure(let error): call.fail(error)
    }
    didAnswer(suspended)
  }

  /// Off the receiver: the guest's thread may have to wait for a processor before it stops.
  private func letRepeat(_ arguments: CallArguments, _ suspended: SuspendedCall) {
    pool.submit { [self] in
      guard let call = suspended.call.take() else { return }
      switch call.beginRepeat() {
      case .begun:
        let (number, original) = (suspended.notification.number, suspended.notification.arguments)
        call.letRepeat(number, arguments, original: VirtualKernel.mayWait(number) ? nil : original)
      case .impossible: return sendInstead(arguments, suspended, call)
      case .over: call.fail(.noSuchProcess)
      }
      lock.lock()
      defer { lock.unlock() }
      didAnswer(suspended)
    }
  }

  private func sendInstead(
    _ arguments: CallArguments, _ suspended: SuspendedCall, _ call: consuming PendingCall
  ) {
    lock.lock()
    defer { lock.unlock() }
    var failure: Errno?
    // Who has ended sends nothing any more.
    if uwrx_notification_is_valid(listener.rawValue, suspended.notification.id) != 0 {
      failure = .noSuchProcess
    } else if kernel.isTranslated(suspended.notification.number) {
      call.letThrough()
      return didAnswer(suspended)
    } else {
      do throws(Errno) { try kernel.sendSignal(suspended.notification.number, arguments) } catch { failure = error }
    }
    if let failure { call.fail(failure) } else { call.answer(value: 0) }
    didAnswer(suspended)
  }

  private func wait(for work: any BlockingWork, _ suspended: SuspendedCall) {
    pool.submit { [self] in
      var failure: Errno?
      do throws(Errno) { try work.perform() } catch { failure = error }
      lock.lock()
      defer { lock.unlock() }
      do throws(Errno) { try work.publish(failed: failure != nil) } catch { failure = failure ?? error }
      guard let call = suspended.call.take() else { return }
      if let failure {
        call.fail(failure)
      } else if let value = work.value {
        call.answer(value: value)
      } else {
        return decideAndAnswer(suspended.notification, call)
      }
      didAnswer(suspended)
    }
  }
}

/// A call for another thread.
final class SuspendedCall: @unchecked Sendable {
  let notification: Notification
  var call: PendingCall?
  init(_ notification: Notification, _ call: consuming PendingCall) {
    self.notification = notification
    self.call = consume call
  }
}

extension Notification {
  init(_ raw: seccomp_notif, time: UInt64) {
    self.init(
      id: raw.id, thread: AbsTid(rawValue: Int32(bitPattern: raw.pid)), number: raw.data.nr, arguments: raw.data.args,
      time: time)
  }
}

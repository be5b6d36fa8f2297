import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// A call that was received and waits for its answer (seccomp_unotify(2)).
///
/// It is answered exactly once: each answer consumes it, and one that is forgotten fails with EIO, since the guest's thread would wait for ever.
struct PendingCall: ~Copyable {
  private let id: UInt64
  private let thread: AbsTid
  private let listener: Int32
  private static let handOverFlags = KernelFeatures.filterFlags == 0 ? UInt32(SECCOMP_ADDFD_FLAG_SEND) : 0

  init(_ id: UInt64, of thread: AbsTid, on listener: FileDescriptor) {
    self.id = id
    self.thread = thread
    self.listener = listener.rawValue
  }

  deinit { Self.send(listener, seccomp_notif_resp(id: id, val: 0, error: -EIO, flags: 0)) }

  consuming func answer(value: Int64) {
    Self.send(listener, seccomp_notif_resp(id: id, val: value, error: 0, flags: 0))
    discard self
  }

  consuming func fail(_ error: Errno) {
    Self.send(listener, seccomp_notif_resp(id: id, val: 0, error: -error.rawValue, flags: 0))
    discard self
  }

  /// The kernel runs the call.
  consuming func letThrough() {
    Self.send(listener, seccomp_notif_resp(id: id, val: 0, error: 0, flags: UInt32(SECCOMP_USER_NOTIF_FLAG_CONTINUE)))
    discard self
  }

  enum Repetition {
    /// The guest's thread can be made to make the call again, for which this thread must now call `letRepeat`.
    case begun
    /// Another process traces it (ptrace(2)).
    case impossible
    /// It has ended.
    case over
  }

  func beginRepeat() -> Repetition {
    switch uwrx_registers_begin(thread.rawValue, listener, id) {
    case 0: return .begun
    case 1:
      // Somebody else has its number by now, who goes on as if nothing had been.
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 6) {
        $0.initialize(repeating: 0)
        uwrx_registers_repeat(thread.rawValue, -1, $0.baseAddress!, nil)
      }
      return .over
    case let error: return error == -Int(ESRCH) ? .over : .impossible
    }
  }

  /// The guest's thread makes the call again with other arguments, which must be such that the filter lets it pass.
  /// - Parameter original: for a call that does not wait, with which it leaves its registers.
  consuming func letRepeat(_ number: Int32, _ arguments: CallArguments, original: CallArguments?) {
    let thread = thread.rawValue
    answer(value: 0)
    withUnsafeBytes(of: (arguments, original ?? arguments)) {
      let registers = $0.baseAddress!.assumingMemoryBound(to: UInt64.self)
      uwrx_registers_repeat(thread, Int(number), registers, original == nil ? nil : registers + 6)
    }
  }

  /// The guest gets the file, and then the number of its descriptor.
  ///
  /// In one step (SECCOMP_ADDFD_FLAG_SEND) the guest would go on while the supervisor still had the file open: a lock were still held
  /// after the guest's last close, and the guest would be woken on another processor, from where it waits for this one. In two steps
  /// only its death can come between, since a call that was received is not interrupted any more (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).
  /// - Parameters:
  ///   - keep: the file stays open here.
  ///   - willAnswer: is told the number, or the error that the guest gets, before it goes on.
  consuming func handOver(
    _ file: FileDescriptor, closeOnExec: Bool, keep: Bool, willAnswer: (Result<Int32, Errno>) -> Void
  ) {
    var request = seccomp_notif_addfd(
      id: id, flags: Self.handOverFlags, srcfd: UInt32(file.rawValue), newfd: 0,
      newfd_flags: closeOnExec ? UInt32(O_CLOEXEC) : 0)
    let result = uwrx_notification_add_descriptor_here(listener, thread.rawValue, &request)
    if !keep { Glibc.close(file.rawValue) }
    guard result >= 0 else {
      // EMFILE and the like are the guest's own; it still waits for an answer.
      let error = Errno(rawValue: Int32(-result))
      willAnswer(.failure(error))
      return fail(error)
    }
    willAnswer(.success(Int32(result)))
    if request.flags == 0 { answer(value: Int64(result)) } else { discard self }
  }

  /// The guest's descriptor leads to another file from now on.
  func replace(_ descriptor: Int32, by file: FileDescriptor) {
    var request = seccomp_notif_addfd(
      id: id, flags: UInt32(SECCOMP_ADDFD_FLAG_SETFD), srcfd: UInt32(file.rawValue), newfd: UInt32(descriptor),
      newfd_flags: 0)
    // What cannot be replaced stays what it was.
    _ = uwrx_notification_add_descriptor(listener, &request)
    Glibc.close(file.rawValue)
  }

  private static func send(_ listener: Int32, _ response: seccomp_notif_resp) {
    var response = response
    // ENOENT: the caller has died meanwhile.
    _ = uwrx_notification_send(listener, &response)
  }
}

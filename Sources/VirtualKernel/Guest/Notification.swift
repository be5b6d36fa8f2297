/// One system call that waits for the supervisor's answer: `struct seccomp_notif` without its padding.
public struct Notification {
  /// The kernel's cookie for the waiting call.
  public var id: UInt64
  public var thread: AbsTid
  public var number: Int32
  public var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
  /// When it was received, in nanoseconds of the monotonic clock; 0 if nobody has looked.
  public var time: UInt64
  /// Where its first event is, if it is taken up again (`EventSink.suspendCall()`).
  public var firstEvent: UInt64 = 0

  public init(
    id: UInt64, thread: AbsTid, number: Int32, arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64),
    time: UInt64 = 0
  ) {
    self.id = id
    self.thread = thread
    self.number = number
    self.arguments = arguments
    self.time = time
  }
}

/// One system call that waits for the supervisor's answer: `struct seccomp_notif` without its padding.
public struct Notification {
  /// The kernel's cookie for the waiting call.
  public var id: UInt64
  public var thread: AbsTid
  public var number: Int32
  public var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  public init(
    id: UInt64, thread: AbsTid, number: Int32, arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
  ) {
    self.id = id
    self.thread = thread
    self.number = number
    self.arguments = arguments
  }
}

import SystemPackage

/// What a handler decided.
public enum Outcome {
  /// The call returns this.
  case value(Int64)
  /// The guest gets a descriptor to this open file of the supervisor, which keeps it if `keep` is set and else gives it up.
  case descriptor(FileDescriptor, closeOnExec: Bool, keep: Bool)
  /// The call returns this, and these descriptors of the caller's lead to other files from now on, which the supervisor gives up.
  case replacing([(descriptor: Int32, file: FileDescriptor)], value: Int64)
  /// The kernel runs the caller's own call. Only for entries with the disposition `gate`.
  case `continue`
  /// The call waits for a time of the guest's clock, or for what may come before.
  case waiting(DeadlineWait)
  /// The answer needs work that may block. The receiver runs it on the blocking pool without the lock, publishes it, and
  /// returns what it says or asks the handler again.
  case blocked(on: any BlockingWork)
}

/// Work that a handler must wait for and that must not hold up the receiver.
public protocol BlockingWork: AnyObject, Sendable {
  /// Does the work, without the virtual kernel's lock.
  func perform() throws(Errno)
  /// Makes the result visible, under the lock. `failed` tells that `perform` has thrown.
  func publish(failed: Bool) throws(Errno)
  /// What the call returns once the work is published; nil if its handler is to be asked again.
  var value: Int64? { get }
}

extension BlockingWork {
  public var value: Int64? { nil }
}

/// A call that the kernel runs, of which the supervisor takes note before.
///
/// A signal may interrupt the wait for the supervisor, so that a call that Linux never interrupts fails with EINTR; it is observed no
/// more often than it must be.
public struct Observation: Sendable {
  /// From this level on.
  public let level: TraceLevel
  /// Below `TraceLevel.io` only calls with one of these descriptors; empty means all.
  public let descriptors: [UInt32]
  /// The index of the argument that is the descriptor.
  public let argument: UInt32
  /// With `TraceLevel.io`, too, only those with one of the descriptors.
  public let isAlwaysByDescriptor: Bool
  let handler: Handler

  static func from(
    _ level: TraceLevel, descriptors: [UInt32] = [], argument: UInt32 = 0, isAlwaysByDescriptor: Bool = false,
    _ handler: @escaping Handler
  ) -> Observation {
    Observation(
      level: level, descriptors: descriptors, argument: argument, isAlwaysByDescriptor: isAlwaysByDescriptor,
      handler: handler)
  }
}

/// What the filter does with a call.
public enum Filtering: Sendable, Equatable {
  case allow
  case notify
  case fail(UInt16)
  /// Allowed if all conditions of any of the alternatives hold, else a notification.
  case allowWhen([[ArgumentCondition]])
}

extension SyscallEntry {
  public func filtering(at level: TraceLevel) -> Filtering {
    if !nativeWhen.isEmpty { return .allowWhen(nativeWhen) }
    switch disposition {
    case .native:
      guard let observation, level >= observation.level else { return .allow }
      if observation.descriptors.isEmpty || level == .io && !observation.isAlwaysByDescriptor { return .notify }
      return .allowWhen([observation.descriptors.map { .low32(observation.argument, differsFrom: $0) }])
    case .deny(let errno):
      // Who is told of a refusal has to see it. A call that seems not to exist is asked for as a matter of course, as glibc asks for
      // clone3 before each thread that it makes, and goes on without.
      return level == .off || errno == .noFunction ? .fail(UInt16(errno.rawValue)) : .notify
    case .emulate, .gate: return .notify
    }
  }
}

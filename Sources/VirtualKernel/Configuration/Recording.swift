import Tracing

/// What is recorded of a run.
public struct Recording {
  /// Learns what the guest does; nil if nothing is recorded.
  public var events: (any EventSink)?
  /// How much it learns.
  public var level: TraceLevel
  /// What it learns of variables that look like secrets.
  public var secrets: SecretVariable

  public init(
    events: (any EventSink)? = nil, level: TraceLevel = .standard, secrets: SecretVariable = SecretVariable()
  ) {
    self.events = events
    self.level = level
    self.secrets = secrets
  }
}

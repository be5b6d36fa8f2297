import Reproducibility

/// What stays the same for a run's file tree.
struct FileConfiguration {
  var user: GuestUser
  var places: RunPlaces
  /// Files of lower layers have one time for each layer.
  var squashesTimes: Bool
  /// What clocks tell; nil for the machine's.
  var clock: ClockRule?
  /// What depends on the host's file systems is the same on all of them.
  var isUniform: Bool
  /// Whose group new pseudo-terminals have; nil for that of who opens them.
  var terminalGroup: UInt32?
  /// Bytes that the run may write.
  var diskLimit: Int64?

  init(_ configuration: KernelConfiguration) {
    user = configuration.user
    places = configuration.places
    clock = configuration.reproduction.clock
    squashesTimes = configuration.tree.squashesTimes
    isUniform = configuration.reproduction.machine != nil
    terminalGroup = configuration.devices.terminalGroup
    diskLimit = configuration.diskLimit
  }
}

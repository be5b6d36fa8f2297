import Reproducibility

/// What stays the same for a run's file tree.
struct FileConfiguration {
  var user: GuestUser
  var places: RunPlaces
  /// Files of lower layers have one time for each layer.
  var squashesTimes: Bool
  /// What clocks tell; nil for the machine's.
  var clock: ClockRule?
  /// Whose group new pseudo-terminals have; nil for that of who opens them.
  var terminalGroup: UInt32?
  /// Bytes that the run may write.
  var diskLimit: Int64?

  init(_ configuration: KernelConfiguration) {
    user = configuration.user
    places = configuration.places
    clock = configuration.reproduction.clock
    squashesTimes = configuration.tree.squashesTimes
    terminalGroup = configuration.devices.terminalGroup
    diskLimit = configuration.diskLimit
  }
}

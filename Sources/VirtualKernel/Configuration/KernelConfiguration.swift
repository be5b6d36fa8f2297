/// What a run gives to its virtual kernel.
public struct KernelConfiguration {
  public var user: GuestUser
  public var tree: GuestTree
  public var places: RunPlaces
  public var devices: GivenDevices
  public var recording: Recording
  /// Bytes that the run may write; nil for any number.
  public var diskLimit: Int64?
  public var calls = CallProfile.standard
  /// What is the same in each run.
  public var reproduction = Reproduction()
  /// nil for the guest's own loopback alone.
  public var network: (any GuestNetwork)?

  /// nil for a run that does all that it is asked to do.
  public var skipping: SkippingConfiguration?

  /// With `TraceLevel.io` each read is seen anyway.
  var callRules: CallRules {
    CallRules(calls, reproduction.variants.union(skipping != nil && recording.level != .io ? [.skipping] : []))
  }

  public init(
    user: GuestUser, tree: GuestTree, places: RunPlaces, devices: GivenDevices, recording: Recording = Recording()
  ) {
    self.user = user
    self.tree = tree
    self.places = places
    self.devices = devices
    self.recording = recording
  }
}

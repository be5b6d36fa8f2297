import Skipping

/// What lets a run leave out what was done before.
public struct SkippingConfiguration: Sendable {
  public var store: any RecordStore
  public var programs: SkippedPrograms
  /// What of the run's options changes what programs do: records of other runs are not looked at.
  public var options: [UInt8]
  /// The trace's directory, for who asks where something ran.
  public var origin: [UInt8]

  /// The project's directory in the guest, if it has one: what is done there may be of use in another one.
  public var root: [UInt8]?

  public init(
    store: any RecordStore, programs: SkippedPrograms, options: [UInt8], origin: [UInt8], root: [UInt8]? = nil
  ) {
    self.root = root
    self.store = store
    self.programs = programs
    self.options = options
    self.origin = origin
  }
}

/// The skipping of a run: what all its units share. Used under the virtual kernel's lock.
final class Skipper {
  let configuration: SkippingConfiguration
  /// Of files of lower layers, which do not change while the run lasts.
  var lowerDigests: [HostIdentity: ContentDigest] = [:]

  init(_ configuration: SkippingConfiguration) { self.configuration = configuration }

  var store: any RecordStore { configuration.store }
}

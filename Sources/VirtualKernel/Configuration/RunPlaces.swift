import SystemPackage

/// Where on the host is kept what the run writes.
public struct RunPlaces {
  /// The run's layer, `files/`.
  public var run: FileDescriptor
  /// Its absolute path, for guest init's binds.
  public var runPath: [UInt8]
  /// The run's directory, which holds `files/` and, for versions that were overwritten, `archive/`, on the same mount.
  public var trace: FileDescriptor
  /// The store of files that live for the run.
  public var store: FileDescriptor
  public var storePath: [UInt8]
  /// The store is not in memory: what is written there counts against the limit, too.
  public var storeIsOnDisk: Bool

  public init(
    run: FileDescriptor, runPath: [UInt8], trace: FileDescriptor, store: FileDescriptor, storePath: [UInt8],
    storeIsOnDisk: Bool = false
  ) {
    self.run = run
    self.runPath = runPath
    self.trace = trace
    self.store = store
    self.storePath = storePath
    self.storeIsOnDisk = storeIsOnDisk
  }

  /// The directory of the host that holds what has this backing.
  @inline(__always)
  func root(_ backing: Backing) -> FileDescriptor { backing == .tmp ? store : run }

  /// Its absolute path.
  func path(_ backing: Backing) -> [UInt8] { backing == .tmp ? storePath : runPath }
}

import SystemPackage

/// A read-only tree of the host that appears at a place in the guest.
public struct Layer: Sendable {
  /// The directory or file, opened in the read-only clone of the host's mounts.
  public var root: FileDescriptor
  /// Absolute path on the host without symbolic links, for guest init's binds.
  public var hostPath: [UInt8]
  /// Components of the path in the guest at which the layer appears; empty for the root.
  public var destination: [[UInt8]]
  /// A single file instead of a directory.
  public var isFile: Bool
  /// Files and directories that others may not read are left out: secrets of /etc.
  public var hidesPrivate: Bool
  /// Runs of uwrx in this host directory (device, inode) are left out: a run does not see itself grow.
  public var buildDirectory: HostIdentity?

  public init(
    root: FileDescriptor, hostPath: [UInt8], destination: [[UInt8]], isFile: Bool, hidesPrivate: Bool,
    buildDirectory: HostIdentity?
  ) {
    self.root = root
    self.hostPath = hostPath
    self.destination = destination
    self.isFile = isFile
    self.hidesPrivate = hidesPrivate
    self.buildDirectory = buildDirectory
  }
}

import Reproducibility
import SystemPackage

/// What makes a run give the same bytes again.
public struct Reproduction {
  public var seed: RunSeed
  public var devices: any RandomDevices

  public init(seed: RunSeed, devices: any RandomDevices) {
    self.seed = seed
    self.devices = devices
  }
}

/// Makes what stands for /dev/random and /dev/urandom (random(4)) in a run with a seed.
public protocol RandomDevices: AnyObject {
  /// - Returns: an open file that gives the stream to who reads it, and never ends.
  /// - Throws: `ENFILE` if there are too many.
  func open(_ stream: RandomStream, isNonBlocking: Bool) throws(Errno) -> FileDescriptor
}

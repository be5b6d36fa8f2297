import Reproducibility
import SystemPackage

/// What makes a run give the same bytes again. Each part is there by itself.
public struct Reproduction {
  /// Where random numbers come from; nil for the kernel.
  public var randomness: Randomness?
  /// What the guest's clocks tell; nil for the machine's.
  public var clock: ClockRule?
  /// What makes the kernel's own code in each program call the kernel (vdso(7)), for what is answered here.
  public var vdsoPatches: [CodePatch] = []
  /// Where nothing is executed in that code any more, from its start: each is the begin of 32 bytes.
  public var vdsoPlaces: [UInt64] = []
  /// Whether instructions that ask the processor for what `clock` and `randomness` tell are answered as calls are.
  public var answersForProcessor = false
  /// Whether the numbers of processes are made of who they are.
  public var hasProcessNumbers = false
  /// What the machine is to the guest; nil for what it is.
  public var machine: UniformMachine?

  public init() {}

  public var variants: CallVariants {
    var variants: CallVariants = []
    if randomness != nil { variants.insert(.seeded) }
    if clock != nil { variants.insert(.timed) }
    if hasProcessNumbers { variants.insert(.numbered) }
    if machine != nil { variants.insert(.uniform) }
    if answersForProcessor, clock != nil || randomness != nil { variants.insert(.answered) }
    return variants
  }

  /// What the run's first process is the child of; nil if nothing depends on who a process is.
  var ancestor: ProcessIdentity? {
    guard randomness != nil || hasProcessNumbers else { return nil }
    return ProcessIdentity(randomness?.seed ?? RunSeed(0))
  }
}

/// Where the random numbers of a run come from.
public struct Randomness {
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

import Glibc
import VirtualKernel
@_exported import struct Reproducibility.ClockRule
@_exported import struct Reproducibility.RunSeed
@_exported import struct Reproducibility.UniformMachine
@_exported import enum VirtualKernel.CallProfile
@_exported import enum VirtualKernel.TraceLevel

/// Files of the host, or of an archive, that the guest sees.
public struct Source: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// A directory or a file.
    case host
    /// `file[!/subpath]`: a tar archive, plain or compressed with gzip, bzip2, xz or zstd.
    case tar
    /// `file[!/subpath]`: a squashfs image.
    case squashfs
    /// `repository[!treeish]`: a tree of a git repository, HEAD's if none is named.
    case git
    /// `layout[:tag][!/subpath]`: an image of an OCI layout, which is a directory or a tar archive.
    case oci
  }

  /// Absolute path in the guest.
  public var destination: String
  /// The lower number wins where sources overlap.
  public var priority: Int
  /// Whether it was asked for; if not, what stands in the place of a recorded source comes as early as that.
  public var isPriorityGiven: Bool
  public var kind: Kind
  /// A path on the host; of an archive, the path and what is wanted of it.
  public var hostPath: String
  /// Leaves out what others may not read: secrets of /etc.
  public var hidesPrivate: Bool
  /// Leaves out what of home directories is secret: see `HomeSecrets`.
  public var hidesSecrets = false
  /// Holds programs that the user has installed: what a run changes there is no result of it that is brought to the host unasked.
  public var isTool = false
  /// The guest's changes are refused with EROFS instead of going to the run's own layer.
  public var isReadOnly: Bool

  public static let defaultPriority = 100

  /// What every run on the host's system sees, in so far as it exists.
  public static let systemDirectories = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc",
  ]

  public init(
    destination: String, priority: Int? = nil, kind: Kind = .host, hostPath: String,
    hidesPrivate: Bool = false, isReadOnly: Bool = false
  ) {
    self.destination = destination
    self.priority = priority ?? Self.defaultPriority
    isPriorityGiven = priority != nil
    self.kind = kind
    self.hostPath = hostPath
    self.hidesPrivate = hidesPrivate
    self.isReadOnly = isReadOnly
  }
}

/// A symbolic link that the guest sees although no source has it.
public struct Link: Sendable, Equatable {
  /// Absolute path in the guest.
  public var path: String
  public var target: String

  public init(path: String, target: String) {
    self.path = path
    self.target = target
  }
}

/// What stat tells of the times of files that a run has not written.
public enum Times: String, Sendable, CaseIterable {
  /// Their own, so that make and rsync decide as they would natively.
  case host
  /// One for each layer: the same on every machine.
  case squashed
}

/// Limits of a run; nil means none.
public struct Limits: Sendable, Equatable {
  /// Processes and threads of the guest at a time.
  public var processes: Int?
  /// Bytes of memory of the whole guest.
  public var memory: Int?
  /// Seconds of wall-clock time.
  public var timeout: Double?
  /// Seconds of processor time of the whole guest.
  public var processorTime: Double?
  /// Bytes of a single file.
  public var fileSize: Int?
  /// Bytes of all that the run keeps.
  public var disk: Int?
  /// Descriptors of a single process.
  public var openFiles: Int?
  /// How the user has written numbers of bytes, for messages.
  public var spellings: [Int: String] = [:]

  public init() {}

  /// The resource limits that follow from these, by their numbers.
  var given: Set<Int32> {
    var given: Set<UInt32> = []
    if largestFile != nil { given.insert(RLIMIT_FSIZE.rawValue) }
    if processorTime != nil { given.insert(RLIMIT_CPU.rawValue) }
    if processes != nil { given.insert(__RLIMIT_NPROC.rawValue) }
    if openFiles != nil { given.insert(RLIMIT_NOFILE.rawValue) }
    return Set(given.map { Int32($0) })
  }

  func spelling(of bytes: Int) -> String { spellings[bytes] ?? "\(bytes) bytes" }

  /// What no file may be larger than, and the option that says so: none is larger than all that may be kept.
  var largestFile: (size: Int, option: String)? {
    [(fileSize, "--file-size"), (disk, "--disk")].compactMap { size, option in size.map { ($0, option) } }
      .min { $0.size < $1.size }
  }
}

/// Everything that a run is given.
public struct RunConfiguration: Sendable {
  public var command: [String]
  /// `NAME=value`.
  public var environment: [String]
  public var sources: [Source] = []
  /// The run that this one makes again.
  public var replayed: ReplayedRun?
  /// Earlier runs whose files the guest sees, as they were when those ended.
  public var parents: [String] = []
  /// Parents are believed although this user's uwrx has not made them here, or they were changed since.
  public var trustsParents = false
  /// What stat tells of the times of files that the run has not written.
  public var times = Times.host
  /// Where the guest's /tmp and /dev/shm are kept while the run lasts; nil means in memory.
  public var temporaryDirectory: String?
  /// The directory that holds the steps.
  public var build: String = "build"
  public var step: Int?
  /// In the guest; nil means the supervisor's own where a source or a parent's source covers it, or the root.
  public var workingDirectory: String?
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var hostname: String = "uwrx"
  public var limits = Limits()
  /// How much of the run is recorded in its trace.
  public var trace = TraceLevel.standard
  /// Which system calls the guest has.
  public var calls = CallProfile.standard
  /// The guest's random numbers are the same in each run with this seed, and so are its addresses; nil for the kernel's.
  public var seed: RunSeed?
  /// What the guest's clocks tell; nil for the machine's.
  public var clock: ClockRule?
  /// Whether the numbers of the guest's processes are made of who they are.
  public var hasProcessNumbers = false
  /// rdtsc is answered by `clock`, and rdrand by `seed`, in the code of programs and libraries that the guest maps from files.
  public var answersInstructions = false
  /// What the machine is to the guest; nil for what it is.
  public var machine: UniformMachine?
  /// What the guest may reach beside its own loopback; nil for nothing.
  public var network: NetworkConfiguration?
  /// Programs that were run before are not run again where all that they ask is answered as before; nil for a run that does all.
  public var skipping: SkipRules?
  /// The mask of modes that the guest begins with (umask(2)); nil for the supervisor's own.
  public var umask: UInt32?
  /// The guest has the supplementary groups that the user has, where it is the user.
  public var keepsGroups = true
  /// Called with the run's directory before the guest starts.
  public var willStart: (@Sendable (_ directory: String) -> Void)?
  /// Called with what is less than it was asked for on this machine.
  public var warn: (@Sendable (_ message: String) -> Void)?
  /// Directories that exist in the guest although no source has them.
  public var emptyDirectories: [String] = []
  public var links: [Link] = []
  /// Signals, the terminal and the process's privileges are this run's: right for a command line tool, not inside another program.
  public var ownsProcess = false

  var reproduction: Reproduction {
    var reproduction = Reproduction()
    reproduction.randomness = seed.map { Randomness(seed: $0, devices: RandomSockets()) }
    reproduction.clock = clock
    reproduction.hasProcessNumbers = hasProcessNumbers
    reproduction.answersForProcessor = answersInstructions
    reproduction.machine = machine
    let variants = reproduction.variants
    if !variants.isEmpty, let code = VirtualDSO() {
      reproduction.vdsoPatches = code.patches(for: variants)
      reproduction.vdsoPlaces = code.places(for: variants)
    }
    reproduction.machine?.hostname = hostname
    reproduction.machine?.givenLimits = limits.given
    return reproduction
  }

  public init(command: [String], environment: [String] = []) {
    self.command = command
    self.environment = environment
  }
}

/// How a run ended.
public struct RunResult: Sendable, Equatable {
  /// The exit status, or 128 plus the signal; 124 if the time was over.
  public var exitCode: Int32
  /// The limits that were reached, a line each, as a message for the user.
  public var limitHit: String?
  /// The directory of the run.
  public var directory: String

  public init(exitCode: Int32, limitHit: String? = nil, directory: String) {
    self.exitCode = exitCode
    self.limitHit = limitHit
    self.directory = directory
  }
}

extension RunConfiguration {
  /// The supplementary groups that the guest has to itself: the user's own, as far as the guest is the user.
  var groups: [UInt32] {
    var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
    groups.removeLast(groups.count - max(0, Int(getgroups(Int32(groups.count), &groups))))
    if !keepsGroups { return [] }
    if uid == geteuid(), gid == getegid() { return groups }
    return groups.contains(getegid()) ? [gid] : []
  }
}

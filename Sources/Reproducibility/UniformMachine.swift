/// What every machine is to a guest that is to give the same bytes on all of them.
public struct UniformMachine: Sendable, Equatable {
  /// How many processors there are. With one, what is divided by their number (xz -T0, make -j$(nproc)) is what the smallest machine makes
  /// of it, and every machine can have it.
  public var processors: Int
  /// What uname(2) calls the kernel's release.
  public var release: String
  /// The guest's host name.
  public var hostname = "uwrx"
  /// Resource limits that the run was given by an option, by their numbers: these are seen as they are.
  public var givenLimits: Set<Int32> = []

  /// The kernel has one word of a mask for so many.
  public static let mostProcessors = 64
  /// An old one that is still maintained: newer interfaces are told apart by trying them.
  public static let usualRelease = "6.1.0"
  public static let version = "#1 SMP PREEMPT_DYNAMIC Wed Jan  1 00:00:00 UTC 2020"
  /// struct utsname of uname(2) holds names of so many bytes.
  public static let longestName = 64

  /// Bytes, of which three quarters are free.
  public static let memory: UInt64 = 8 << 30
  public static let freeMemory: UInt64 = memory / 4 * 3
  /// When the machine was started: seconds since 1970.
  public static let startTime: UInt64 = 1_577_836_800

  public init(processors: Int = 1, release: String = usualRelease) {
    self.processors = processors
    self.release = release
  }

  /// What sched_getaffinity(2) answers to who has never asked for anything else.
  public var affinity: UInt64 { processors >= 64 ? .max : (1 << UInt64(processors)) - 1 }

  /// uname(2): the names in the order of struct utsname.
  /// - Parameter is32Bit: the process has asked for PER_LINUX32 (personality(2)).
  public func names(is32Bit: Bool = false) -> [String] {
    #if arch(x86_64)
      let machine = is32Bit ? "i686" : "x86_64"
    #else
      let machine = is32Bit ? "armv8l" : "aarch64"
    #endif
    return ["Linux", hostname, release, Self.version, machine, "(none)"]
  }

  /// The number of a namespace (namespaces(7)): that of the machine's first one, in which all would be without uwrx.
  public static func namespace(_ kind: Substring) -> UInt64 {
    // include/uapi/linux/nsfs.h
    let kinds: [Substring] = ["ipc", "uts", "user", "pid", "cgroup", "time", "net", "mnt"]
    return 0xefff_ffff - UInt64(kinds.firstIndex(of: kind) ?? kinds.count)
  }

  /// A pair of limits (getrlimit(2)); `UInt64.max` is none.
  public struct Limit: Sendable, Equatable {
    public var soft: UInt64
    public var hard: UInt64

    init(_ soft: UInt64, _ hard: UInt64) {
      self.soft = soft
      self.hard = hard
    }
  }

  /// What the guest was started with, to itself; nil for what the kernel says.
  public func limit(_ resource: Int32) -> Limit? {
    givenLimits.contains(resource) ? nil : Self.limits[Int(resource)]
  }

  /// By their numbers (include/uapi/asm-generic/resource.h), what Debian gives a user on a machine of this size. nil for the size of core
  /// files, which no guest has.
  private static let limits: [Limit?] = [
    Limit(.max, .max), Limit(.max, .max), Limit(.max, .max),  // CPU, FSIZE, DATA
    Limit(8 << 20, .max), nil, Limit(.max, .max),  // STACK, CORE, RSS
    Limit(32768, 32768), Limit(1024, 524_288), Limit(8 << 20, 8 << 20),  // NPROC, NOFILE, MEMLOCK
    Limit(.max, .max), Limit(.max, .max), Limit(32768, 32768),  // AS, LOCKS, SIGPENDING
    Limit(819_200, 819_200), Limit(0, 0), Limit(0, 0), Limit(.max, .max),  // MSGQUEUE, NICE, RTPRIO, RTTIME
  ]
}

/// The capability sets of a thread (capabilities(7)).
struct Capabilities: Hashable {
  /// Bits as in include/uapi/linux/capability.h.
  struct Set: OptionSet, Hashable {
    var rawValue: UInt64

    static let changeOwner = Set(rawValue: 1 << 0)  // CAP_CHOWN
    static let overrideModes = Set(rawValue: 1 << 1)  // CAP_DAC_OVERRIDE
    static let readAnything = Set(rawValue: 1 << 2)  // CAP_DAC_READ_SEARCH
    static let ownAnything = Set(rawValue: 1 << 3)  // CAP_FOWNER
    static let keepSetID = Set(rawValue: 1 << 4)  // CAP_FSETID
    static let kill = Set(rawValue: 1 << 5)
    static let setGroup = Set(rawValue: 1 << 6)  // CAP_SETGID
    static let setUser = Set(rawValue: 1 << 7)  // CAP_SETUID
    static let setCapabilities = Set(rawValue: 1 << 8)  // CAP_SETPCAP
    static let bindLowPorts = Set(rawValue: 1 << 10)  // CAP_NET_BIND_SERVICE
    static let changeRoot = Set(rawValue: 1 << 18)  // CAP_SYS_CHROOT

    /// What the virtual kernel can give. The others need the kernel's, of which a guest process has only CAP_SYS_CHROOT.
    static let granted: Set = [
      .changeOwner, .overrideModes, .readAnything, .ownAnything, .keepSetID, .kill, .setGroup, .setUser,
      .setCapabilities, .bindLowPorts, .changeRoot,
    ]

    /// CAP_FS_SET of the kernel: those with DAC_ in their names, CHOWN, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE.
    static let ofFileSystem = Set(rawValue: 0x1f | 1 << 9 | 1 << 27 | 1 << 32)

    /// Up to CAP_CHECKPOINT_RESTORE, the last one of Linux 5.9 to 6.18.
    static let all = Set(rawValue: (1 << 41) - 1)
  }

  var effective: Set
  var permitted: Set
  var inheritable: Set = []
  var ambient: Set = []
  var bounding: Set = .all
  /// PR_SET_KEEPCAPS.
  var survivesUserChange = false

  static let none = Capabilities(effective: [], permitted: [])
  static let root = Capabilities(effective: .granted, permitted: .granted)
}

import SystemPackage

/// What the guest watches by inotify(7). Its inotify instances are the kernel's own, and what its programs read, write and close is told
/// by the kernel without us. What the supervisor does on the host beside or instead of the guest's own call, such as a copy-up, must not show,
/// and what it does must show as what the guest has asked for. So a watch rests at those events that only the guest causes; the call
/// that causes another lets it through while it happens (`FileTree.tell`), and what the guest has not asked for happens in silence
/// (`FileTree.hush`). Both change the mask of the watch in the kernel, which no guest can tell.
struct Watches {
  struct Watch {
    var instance: Int
    /// What the guest knows the watch by.
    var number: Int32
    /// What the guest wants to be told of, and IN_EXCL_UNLINK and IN_ONESHOT.
    var mask: UInt32
  }

  /// A descriptor of the supervisor's to an instance of the guest's.
  struct Instance {
    var id: Int
    var file: FileDescriptor
    var group: ThreadGroup
    var files: [Int32: InodeID] = [:]
  }

  /// How many instances are known at a time: those of programs that have ended go first, since they count as the user's.
  static let instanceLimit = 32
  /// How many lower files have a stand-in at a time; each is a descriptor.
  static let standInLimit = 512

  var instances: [Instance] = []
  private var lastInstance = 0
  var all: [InodeID: [Watch]] = [:]
  /// What stands for a file of a lower layer, which the guest must not watch: others may write to it. It has no name, and
  /// becomes the copy when there is one, so that the watch is the same before and after.
  var standIns: [InodeID: FileDescriptor] = [:]
  /// Copies that are being made by the blocking pool.
  var copying: Set<InodeID> = []
  /// An instance of the supervisor's own, for the closing of directories, which the kernel does without us: what the guest opens is a
  /// directory of the skeleton, and what it watches another.
  var closings: FileDescriptor?
  var closingDirectories: [Int32: InodeID] = [:]
  /// Removed directories that the guest has open still, by the same watch: their end comes with the last close.
  var ending: [Int32: FileDescriptor] = [:]
  /// Whose watches are not at rest.
  var stirred: [InodeID] = []

  /// Those of the supervisor's that are kept, but for `closings`, which is of who waits for it.
  var descriptors: [FileDescriptor] { instances.map(\.file) + standIns.values + ending.values }

  mutating func insert(_ file: FileDescriptor, _ group: ThreadGroup) -> Int {
    lastInstance += 1
    instances.append(Instance(id: lastInstance, file: file, group: group))
    return lastInstance
  }

  func index(of instance: Int?) -> Int? { instances.firstIndex { $0.id == instance } }
}

/// linux/inotify.h
enum WatchEvents {
  static let access: UInt32 = 0x1
  static let modify: UInt32 = 0x2
  static let attributes: UInt32 = 0x4
  static let closeWrite: UInt32 = 0x8
  static let closeNoWrite: UInt32 = 0x10
  static let open: UInt32 = 0x20
  static let movedFrom: UInt32 = 0x40
  static let movedTo: UInt32 = 0x80
  static let create: UInt32 = 0x100
  static let delete: UInt32 = 0x200
  static let deleteSelf: UInt32 = 0x400
  static let moveSelf: UInt32 = 0x800
  static let all: UInt32 = 0xfff

  static let onlyDirectory: UInt32 = 0x0100_0000
  static let dontFollow: UInt32 = 0x0200_0000
  static let exclUnlink: UInt32 = 0x0400_0000
  static let maskCreate: UInt32 = 0x1000_0000
  static let maskAdd: UInt32 = 0x2000_0000
  /// A bit that may be given and asks for nothing: a mask without any is refused.
  static let isDirectory: UInt32 = 0x4000_0000
  static let oneShot: UInt32 = 0x8000_0000
  /// ALL_INOTIFY_BITS: what a mask must have one of.
  static let valid: UInt32 = 0xf700_efff

  /// What reading a file causes.
  static let reading = access | closeNoWrite | open
  /// What only the guest causes, or the supervisor for it in one step.
  static let resting = reading | modify | closeWrite | deleteSelf
}

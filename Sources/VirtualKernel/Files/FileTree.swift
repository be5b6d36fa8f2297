import CLinux
import Glibc
import SystemPackage
import Tracing

/// The guest's file system: an in-memory tree of dentries over layers, as in a real VFS.
///
/// The tree is the truth while the run lasts. What the run changes is written through to the run's layer on the host, in the
/// format of overlayfs (whiteouts, opaque directories), so that it can be read without this tree.
final class FileTree {
  let host: any HostFiles
  let skeleton: any Skeleton
  let layers: [Layer]
  let configuration: FileConfiguration
  let events: (any EventSink)?
  /// Whether what changes nothing is recorded, too.
  let recordsUses: Bool
  /// The process whose call is being decided, by the trace's own number.
  var process = Event.supervisor
  /// Who makes it.
  var credentials: UnsafePointer<Credentials>

  var dentries = DentryTable()
  var inodes = Arena<Inode>()
  var directories: [Directory?] = [nil]
  var freeDirectories: [UInt32] = []
  var linkTargets: [UnsafeMutableBufferPointer<UInt8>] = [.init(start: nil, count: 0)]
  var freeLinkTargets: [UInt32] = []
  /// Files of the host that stand behind an inode, by device and inode number: what fstat on a guest's descriptor tells.
  var identities: [HostIdentity: InodeID] = [:]
  /// What files of lower trees were known by before their contents were fetched; other names of theirs still are.
  var unfetchedIdentities: [InodeID: HostIdentity] = [:]
  /// What stood in the skeleton for a FIFO, a socket or a link that the guest opened itself; its descriptors may live on.
  var skeletonIdentities: [InodeID: [HostIdentity]] = [:]
  /// /proc itself.
  var proc = DentryID.none
  /// What the links in ns/ lead to, by their place in `ProcTables.namespaces`.
  var namespaceFiles: [DentryID] = []
  /// Directories by what they are in the skeleton.
  var skeletonDirectories: [HostIdentity: DentryID] = [:]
  /// Files and directories without a name that a descriptor may still refer to, oldest first.
  var orphans: [DentryID] = []
  /// The copy that was made for the call that is asked again now.
  var finishedCopy: ObjectCopy?
  var lastCopy = 0
  /// Who makes the next pseudo-terminal.
  var terminalOwner: (uid: UInt32, gid: UInt32)
  /// Grows when dentries of removed directories are freed, so that who remembers one knows to ask again.
  var generation = 0
  /// What runs an executable of a lower layer; empty if it needs nothing.
  var interpreters: [InodeID: [UInt8]] = [:]
  /// Names that are known not to exist; only so many are remembered.
  var negativeCount = 0
  /// Inode numbers of files that do not stand at the name that they were made of.
  var movedNumbers: Set<UInt64> = []
  var recent = RecentEvents()
  /// The last number that was given to a name in an event, and those below it whose names are no more.
  var lastNode = Event.rootNode
  var freeNodes: [UInt32] = []
  var lastVersion: UInt32 = 0
  /// Versions that were overwritten or removed, in this order.
  var kept: [KeptVersion] = []
  /// The versions in the archive whose file a descriptor of the guest's may still refer to.
  var archived: [HostIdentity: UInt32] = [:]
  var hasArchive = false
  /// The sizes at which unread versions of files that are appended to were last kept.
  var keptSizes: [InodeID: Int64] = [:]

  /// Whether anything was ever watched.
  var hasWatches = false
  var watches = Watches()
  var watchPath = PathBuffer()
  /// Waits for events of an inotify instance from now on, and then calls `VirtualKernel.takeClosings`.
  var waitForClosings: ((FileDescriptor) -> Bool)?

  var room: DiskRoom
  /// What stood below where the run has changed something.
  var bases = LowerBases()
  /// The lower directories of those that the run has given another name.
  var movedDirectories: [[LowerDirectory]] = []

  var path = PathBuffer()
  var otherPath = PathBuffer()
  var hostPath = PathBuffer()

  /// What is left to walk of a path and of the links in it; a walk never starts within another.
  let walkStack = UnsafeMutablePointer<Remainder>.allocate(capacity: FileTree.maximumLinks + 2)

  let root: DentryID
  /// What the layers have.
  let merge: LayerMerge
  let hasReadOnlyLayers: Bool

  init(
    host: any HostFiles, skeleton: any Skeleton, layers: [Layer], configuration: FileConfiguration,
    credentials: UnsafePointer<Credentials>, events: (any EventSink)?, recordsUses: Bool
  ) {
    self.host = host
    self.credentials = credentials
    terminalOwner = (credentials.pointee.user.fileSystem, credentials.pointee.group.fileSystem)
    self.skeleton = skeleton
    self.layers = layers
    hasReadOnlyLayers = layers.contains { $0.isReadOnly }
    self.configuration = configuration
    self.events = events
    self.recordsUses = recordsUses
    room = DiskRoom(limit: configuration.diskLimit, coversStore: configuration.places.storeIsOnDisk)
    // /sys is there before anybody asks what the layers have of it.
    merge = LayerMerge(layers) { !(layers[$0].destination.first?.elementsEqual("sys".utf8) ?? false) }
    root = dentries.insert(.none, UnsafeBufferPointer(start: nil, count: 0))
    dentries[root].pointee.parent = root
    let directory = Directory(
      lowers: merge.roots, isComplete: merge.roots.isEmpty, isUpper: true, store: .run,
      fileSystem: FileSystemID.root)
    directory.fileSystemRoot = true
    let inode = makeInode(.directory, mode: 0o755, backing: .run, fileSystem: FileSystemID.root)
    inodes[inode.index].pointee.side = add(directory)
    inodes[inode.index].pointee.links = 2
    attach(inode, to: root)
    dentries[root].pointee.flags.insert(.inUpper)
  }

  deinit {
    for file in watches.descriptors { host.close(file) }
    for target in linkTargets { target.deallocate() }
    walkStack.deallocate()
  }
}

/// What tells one file of the host from all others.
public struct HostIdentity: Hashable, Sendable, BitwiseCopyable {
  public var device: UInt64
  public var inode: UInt64

  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

/// Numbers of the virtual file systems, the minor numbers of st_dev.
enum FileSystemID {
  static let root: UInt8 = 1
  static let tmp: UInt8 = 2
  static let shm: UInt8 = 3
  static let dev: UInt8 = 4
  static let pts: UInt8 = 5
  static let proc: UInt8 = 6
  static let sys: UInt8 = 7
}

// Inodes and their side tables.
extension FileTree {
  @inline(__always)
  func inode(of dentry: DentryID) -> UnsafeMutablePointer<Inode> {
    inodes[dentries[dentry].pointee.inode.index]
  }

  func directory(of dentry: DentryID) -> Directory {
    directories[Int(inode(of: dentry).pointee.side)].unsafelyUnwrapped
  }

  func add(_ directory: Directory) -> UInt32 {
    if let index = freeDirectories.popLast() {
      directories[Int(index)] = directory
      return index
    }
    directories.append(directory)
    return UInt32(directories.count - 1)
  }

  func addLinkTarget(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = copy.initialize(from: bytes)
    if let index = freeLinkTargets.popLast() {
      linkTargets[Int(index)] = copy
      return index
    }
    linkTargets.append(copy)
    return UInt32(linkTargets.count - 1)
  }

  func linkTarget(of inode: UnsafeMutablePointer<Inode>) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(linkTargets[Int(inode.pointee.side)])
  }

  /// A new inode of the caller's, with the present time.
  func makeInode(_ kind: FileKind, mode: UInt32, backing: Backing, fileSystem: UInt8) -> InodeID {
    let now = host.now()
    let index = inodes.insert(
      Inode(
        kind: kind, backing: backing, flags: [], fileSystem: fileSystem,
        permissions: UInt16(truncatingIfNeeded: mode & 0o7777), uid: credentials.pointee.user.fileSystem,
        gid: credentials.pointee.group.fileSystem, links: 1, side: 0, firstAlias: .none, number: 0,
        size: kind == .directory ? 4096 : 0, blocks: kind == .directory ? 8 : 0, device: 0,
        accessed: now, modified: now, changed: now, hostDevice: 0, hostInode: 0,
        lowerIdentity: HostIdentity(device: 0, inode: 0)))
    return InodeID(index: index)
  }

  /// Makes `dentry` a name of `inode`.
  func attach(_ inode: InodeID, to dentry: DentryID) {
    dentries[dentry].pointee.inode = inode
    let record = inodes[inode.index]
    if record.pointee.number == 0 { record.pointee.number = birthNumber(at: dentry) }
    dentries[dentry].pointee.nextAlias = inodes[inode.index].pointee.firstAlias
    inodes[inode.index].pointee.firstAlias = dentry
  }

  /// The inode number of a file that begins at this name: the same in every run, whatever order files are looked at in.
  private func birthNumber(at dentry: DentryID) -> UInt64 {
    let parent = dentries[dentry].pointee.parent
    if parent == dentry { return 2 }
    // FNV-1a, then a finalizer, for the low bits of FNV hardly mix. Node.js keeps numbers of 53 bits.
    var hash = inode(of: parent).pointee.number ^ 0xcbf2_9ce4_8422_2325
    for byte in dentries.name(of: dentry) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    while true {
      var number = hash
      number = (number ^ (number >> 32)) &* 0x9e37_79b9_7f4a_7c15
      number = (number ^ (number >> 29)) & (1 << 53 - 1)
      if number > 2, movedNumbers.isEmpty || !movedNumbers.contains(number) { return number }
      hash = hash &+ 0x9e37_79b9_7f4a_7c15
    }
  }

  /// The file's name is about to become free for another file, which must get another number while this one exists.
  func keepNumber(_ dentry: DentryID) { movedNumbers.insert(inode(of: dentry).pointee.number) }

  func detach(_ dentry: DentryID) {
    let inode = inode(of: dentry)
    var link = inode.pointee.firstAlias
    if link == dentry {
      inode.pointee.firstAlias = dentries[dentry].pointee.nextAlias
    } else {
      while dentries[link].pointee.nextAlias != dentry { link = dentries[link].pointee.nextAlias }
      dentries[link].pointee.nextAlias = dentries[dentry].pointee.nextAlias
    }
    dentries[dentry].pointee.nextAlias = .none
    dentries[dentry].pointee.inode = .none
  }

  func register(_ status: stat, as inode: InodeID) {
    let record = inodes[inode.index]
    let identity = HostIdentity(status)
    record.pointee.hostDevice = identity.device
    record.pointee.hostInode = identity.inode
    identities[identity] = inode
  }

  func releaseInode(_ id: InodeID) {
    let record = inodes[id.index]
    let identity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    if record.pointee.backing != .proc {
      if identities[identity] == id { identities[identity] = nil }
      if identities[record.pointee.lowerIdentity] == id { identities[record.pointee.lowerIdentity] = nil }
      if let unfetched = unfetchedIdentities.removeValue(forKey: id), identities[unfetched] == id {
        identities[unfetched] = nil
      }
    }
    for known in skeletonIdentities.removeValue(forKey: id) ?? [] where identities[known] == id {
      identities[known] = nil
    }
    switch record.pointee.kind {
    case .directory:
      directories[Int(record.pointee.side)] = nil
      freeDirectories.append(record.pointee.side)
    case .symbolicLink where record.pointee.side != 0:
      linkTargets[Int(record.pointee.side)].deallocate()
      linkTargets[Int(record.pointee.side)] = .init(start: nil, count: 0)
      freeLinkTargets.append(record.pointee.side)
    default: break
    }
    if !movedNumbers.isEmpty { movedNumbers.remove(record.pointee.number) }
    interpreters[id] = nil
    forgetWatches(of: id)
    keptSizes[id] = nil
    inodes.remove(id.index)
  }
}

// Paths of dentries.
extension FileTree {
  /// The path of a dentry from the guest's root, without a leading slash, in `path`.
  func buildPath(of dentry: DentryID, into buffer: inout PathBuffer) throws(Errno) {
    buffer.clearForPrepending()
    var current = dentry
    while current != root {
      try buffer.prependComponent(dentries.name(of: current))
      current = dentries[current].pointee.parent
    }
  }

  /// The path of a name in a directory.
  func buildPath(
    of name: UnsafeBufferPointer<UInt8>, in directory: DentryID, into buffer: inout PathBuffer
  ) throws(Errno) {
    buffer.clearForPrepending()
    try buffer.prependComponent(name)
    var current = directory
    while current != root {
      try buffer.prependComponent(dentries.name(of: current))
      current = dentries[current].pointee.parent
    }
  }

  /// The absolute path of a dentry as the guest names it.
  func guestPath(of dentry: DentryID) throws(Errno) -> [UInt8] {
    try buildPath(of: dentry, into: &path)
    path.prependSlash()
    return Array(path.bytes)
  }

  /// The directory of the host that holds what has this backing.
  func upperRoot(_ backing: Backing) -> FileDescriptor {
    configuration.places.root(backing)
  }
}
